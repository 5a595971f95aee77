"""`/api/v1/lead-scoring-rules`: points that a lead has while a rule fits it."""

from aiohttp import web
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import writing
from services.api.crud import RecordDict, Resource, delete_record, list_records, show_record
from services.api.record_responses import created_response, record_response
from services.api.request_parsing import body_and_errors, raise_if_invalid, workspace_of
from services.api.schemas.scoring import ScoringRuleFields, ScoringRuleRecord
from shared.automations.conditions import OPERATORS_WITHOUT_VALUE, Condition
from shared.models import ScoringRule
from shared.platform.errors import FieldErrors
from shared.platform.validation.messages import messages_by_field
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.path_params import path_id
from shared.service_app.audit import audit_change
from shared.service_app.authorization import requires_scope

SCORING_RULE_RESOURCE = Resource(ScoringRule, ScoringRuleRecord)
CONDITION_FIELDS = ("field", "operator", "value")
_condition_adapter = TypeAdapter(Condition)


@requires_scope("read:automations")
@responds(ScoringRuleRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the scoring rules, newest first."""
    return await list_records(request, SCORING_RULE_RESOURCE)


@requires_scope("write:automations")
@request_body(
    ScoringRuleFields,
    required=("field", "operator", "points"),
    example={"field": "country", "operator": "equals", "value": "US", "points": 10},
)
@responds(ScoringRuleRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a scoring rule: a condition, and the points of leads that match it."""
    fields, errors = await body_and_errors(request)
    rule = _checked_rule({}, fields, errors)
    rule_record = await writing(
        request, lambda connection: SCORING_RULE_RESOURCE.insert(connection, workspace_of(request), rule)
    )
    return created_response(request, rule_record, "/api/v1/lead-scoring-rules")


@requires_scope("read:automations")
@responds(ScoringRuleRecord)
async def show(request: web.Request) -> web.Response:
    """Show a scoring rule."""
    return await show_record(request, SCORING_RULE_RESOURCE)


@requires_scope("write:automations")
@request_body(ScoringRuleFields, example={"points": 20})
@responds(ScoringRuleRecord)
async def update(request: web.Request) -> web.Response:
    """Change a scoring rule."""
    workspace, id_ = workspace_of(request), path_id(request)
    fields, errors = await body_and_errors(request)

    async def update_in_transaction(connection: AsyncConnection) -> RecordDict:
        rule = await SCORING_RULE_RESOURCE.find_for_update(connection, workspace, id_)
        audit_change(request, rule, fields)
        return await SCORING_RULE_RESOURCE.update(connection, workspace, id_, _checked_rule(rule, fields, errors))

    return record_response(request, await writing(request, update_in_transaction))


@requires_scope("delete:automations")
@responds(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a scoring rule."""
    return await delete_record(request, SCORING_RULE_RESOURCE.delete)


def _checked_rule(rule: RecordDict, fields: RecordDict, errors: FieldErrors) -> RecordDict:
    """Return the rule to store. Raises ValidationFailed with all errors; field, operator and value are checked
    together."""
    changed = {**{name: rule.get(name) for name in CONDITION_FIELDS}, **fields}
    condition = {name: changed[name] for name in CONDITION_FIELDS if name not in errors and changed[name] is not None}
    try:
        _condition_adapter.validate_python(condition)
    except ValidationError as error:
        raise_if_invalid({**messages_by_field(error), **errors})
    raise_if_invalid(errors)
    return {**changed, "value": None if changed["operator"] in OPERATORS_WITHOUT_VALUE else changed["value"]}
