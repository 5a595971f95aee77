"""`/api/v1/lead-scoring-rules`: points that a lead has while a rule fits it."""

from typing import Any

from aiohttp import web

from services.api.bulk_jobs import JOB_RESOURCE, author_of
from services.api.context import EXPENSIVE_LIST_LIMITER, driver_connection, fair_slot, listing, reading, write_driver
from services.api.crud import Resource, list_records, show_record
from services.api.record_responses import created_response, record_response
from services.api.request_parsing import (
    body_and_errors,
    body_of,
    key_of,
    optional_body_of,
    raise_if_invalid,
    workspace_of,
)
from services.api.schemas.jobs import JobRecord
from services.api.schemas.scoring import (
    RecalculationFields,
    ScorePreviewFields,
    ScorePreviewRecord,
    ScoringRuleRecord,
)
from shared.models import ScoringRule
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.scoring import rule_management
from shared.scoring.recalculation import start_recalculation
from shared.scoring.rule_fields import ScoringRuleFields, checked_change, rule_errors
from shared.scoring.score_preview import ScoreExample, preview_scores
from shared.service_app.audit import audit_change
from shared.service_app.authorization import check_scope, requires_scope

SCORING_RULE_RESOURCE = Resource(ScoringRule, ScoringRuleRecord)
RULES_PATH = "/api/v1/lead-scoring-rules"
VALUES_SCOPE = "read:leads"  # a preview tells values of leads by what holds for them
REQUIRED_FIELDS = ("field", "operator", "points")


@requires_scope("read:automations")
@responds(ScoringRuleRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the scoring rules, newest first."""
    return await list_records(request, SCORING_RULE_RESOURCE)


@requires_scope("write:automations")
@request_body(
    ScoringRuleFields,
    required=REQUIRED_FIELDS,
    example={"field": "country", "operator": "equals", "value": "US", "points": 10},
)
@responds(ScoringRuleRecord, status=201, other_statuses=(409,))
async def create(request: web.Request) -> web.Response:
    """Create a scoring rule: a condition, and the points of leads that match it."""
    fields, errors = await body_and_errors(request)
    rule, workspace = checked_change({}, fields, errors), workspace_of(request)
    made = await write_driver(request, lambda found: rule_management.create_rule(found, workspace, rule))
    return created_response(request, made, RULES_PATH)


@requires_scope("read:automations")
@responds(ScoringRuleRecord)
async def show(request: web.Request) -> web.Response:
    """Show a scoring rule."""
    return await show_record(request, SCORING_RULE_RESOURCE)


@requires_scope("write:automations")
@request_body(ScoringRuleFields, example={"points": 20})
@responds(ScoringRuleRecord)
async def update(request: web.Request) -> web.Response:
    """Change a scoring rule. Moving it to another position moves the others."""
    workspace, id_ = workspace_of(request), path_id(request)
    fields, errors = await body_and_errors(request)

    async def update_in_transaction(connection: Connection) -> dict[str, Any]:
        rule = await rule_management.find_rule(connection, workspace, id_)
        audit_change(request, rule, fields)
        return await rule_management.update_rule(connection, workspace, id_, checked_change(rule, fields, errors))

    return record_response(request, await write_driver(request, update_in_transaction))


@requires_scope("delete:automations")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a scoring rule. Its points go from each lead with the next thing that happens to it."""
    workspace, id_ = workspace_of(request), path_id(request)
    await write_driver(request, lambda found: rule_management.delete_rule(found, workspace, id_))
    return web.Response(status=204)


@requires_scope("read:automations")
@request_body(
    ScorePreviewFields,
    required=("rules",),
    example={"rules": [{"field": "country", "operator": "equals", "value": "US", "points": 10}]},
)
@responds(ScorePreviewRecord, other_statuses=(429,))
async def preview(request: web.Request) -> web.Response:
    """Tell how many leads would gain and lose if these were all scoring rules. Nothing is stored.

    The newest leads are compared, as many as two seconds allow. `gains` and `losses` are those that change most. The
    answer tells which leads a condition holds for, so that the key needs `read:leads` as well.
    """
    check_scope(key_of(request), VALUES_SCOPE)
    rules, workspace = (await body_of(request))["rules"], workspace_of(request)
    raise_if_invalid(_errors_of(rules))
    active = rule_management.active_rules([{"value": None, **rule} for rule in rules])
    async with fair_slot(request, EXPENSIVE_LIST_LIMITER), listing(request) as connection:
        found = await preview_scores(await driver_connection(connection), workspace, active)
    answer = {name: getattr(found, name) for name in ("total", "counted", "gaining", "losing", "same")}
    examples = {"gains": _example_records(found.gains), "losses": _example_records(found.losses)}
    return record_response(request, {**answer, **examples})


@requires_scope("write:automations")
@request_body(RecalculationFields, example={"with_automations": False})
@responds(JobRecord, status=202, other_statuses=(409,))
async def recalculate(request: web.Request) -> web.Response:
    """Count the scores of all leads again, as a job. 409 while one runs.

    Without `with_automations` the changes stand on timelines and set nothing off.
    """
    fields, workspace, author = await optional_body_of(request), workspace_of(request), author_of(request)
    sets_off = bool(fields.get("with_automations"))
    job_id = await write_driver(
        request, lambda found: start_recalculation(found, workspace, author, with_automations=sets_off)
    )
    async with reading(request) as connection:
        job = await JOB_RESOURCE.find(connection, workspace, job_id)
    return record_response(request, job, 202, {"Location": f"/api/v1/jobs/{job_id}"})


def _errors_of(rules: list[dict[str, Any]]) -> FieldErrors:
    """Return the errors of all rules of a preview, by their places."""
    errors: FieldErrors = {}
    for number, rule in enumerate(rules):
        missing = {name: [f"The {name} field is required."] for name in REQUIRED_FIELDS if name not in rule}
        errors |= {f"rules.{number}.{name}": texts for name, texts in (missing | rule_errors(rule, missing)).items()}
    return errors


def _example_records(examples: list[ScoreExample]) -> list[dict[str, int]]:
    return [{"lead_id": one.lead_id, "before": one.before, "after": one.after} for one in examples]
