"""`/api/v1/lead-scoring-rules`: points that a lead has while a rule fits it."""

from aiohttp import web
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.records import Noun, Record, created_record, delete_record, list_records, show_record
from services.api.requests import body_and_errors, check, workspace_of
from services.api.shapes.scoring import ScoringRuleFields, ScoringRuleRecord
from services.api.state import writing
from shared.automations.conditions import ALONE, Condition
from shared.errors import Fields
from shared.models import ScoringRule
from shared.validation import messages
from shared.web.access import needs
from shared.web.answers import answer
from shared.web.describe import gives, takes
from shared.web.paths import id_in

RULES = Noun(ScoringRule, ScoringRuleRecord)
CONDITION = ("field", "operator", "value")
_condition = TypeAdapter(Condition)


@needs("read:automations")
@gives(ScoringRuleRecord, listed=True)
async def index(request: web.Request) -> web.Response:
    """List the scoring rules, newest first."""
    return await list_records(request, RULES)


@needs("write:automations")
@takes(
    ScoringRuleFields,
    required=("field", "operator", "points"),
    example={"field": "country", "operator": "equals", "value": "US", "points": 10},
)
@gives(ScoringRuleRecord, status=201)
async def create(request: web.Request) -> web.Response:
    """Create a scoring rule: a condition, and the points of leads that match it."""
    fields, errors = await body_and_errors(request)
    rule = _checked({}, fields, errors)
    made = await writing(request, lambda connection: RULES.insert(connection, workspace_of(request), rule))
    return created_record(made, "/api/v1/lead-scoring-rules")


@needs("read:automations")
@gives(ScoringRuleRecord)
async def show(request: web.Request) -> web.Response:
    """Show a scoring rule."""
    return await show_record(request, RULES)


@needs("write:automations")
@takes(ScoringRuleFields, example={"points": 20})
@gives(ScoringRuleRecord)
async def update(request: web.Request) -> web.Response:
    """Change a scoring rule."""
    workspace, id_ = workspace_of(request), id_in(request)
    fields, errors = await body_and_errors(request)

    async def update_in_transaction(connection: AsyncConnection) -> Record:
        rule = await RULES.find_for_update(connection, workspace, id_)
        return await RULES.update(connection, workspace, id_, _checked(rule, fields, errors))

    return answer({"data": await writing(request, update_in_transaction)})


@needs("delete:automations")
@gives(None, status=204)
async def delete(request: web.Request) -> web.Response:
    """Delete a scoring rule."""
    return await delete_record(request, RULES.delete)


def _checked(rule: Record, fields: Record, errors: Fields) -> Record:
    """Return the rule to store. Raises ValidationFailed with all errors; field, operator and value are checked
    together."""
    changed = {**{name: rule.get(name) for name in CONDITION}, **fields}
    condition = {name: changed[name] for name in CONDITION if name not in errors and changed[name] is not None}
    try:
        _condition.validate_python(condition)
    except ValidationError as error:
        check({**messages(error), **errors})
    check(errors)
    return {**changed, "value": None if changed["operator"] in ALONE else changed["value"]}
