"""Scoring rules as somebody sends them: types of their fields, and what is wrong with them."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, Strict, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from shared.automations.conditions import OPERATORS_WITHOUT_VALUE, Condition, ConditionOperator, ScalarValue
from shared.automations.fields import ReadableField
from shared.platform.errors import FieldErrors, ValidationFailed
from shared.platform.validation.messages import custom_error, messages_by_field
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import StrictFlag

CONDITION_FIELDS = ("field", "operator", "value")
RuleFieldsDict = dict[str, Any]


def _check_points(points: int) -> int:
    if not points:
        raise custom_error("The {field} field must not be 0.")
    return points


def _check_settles(field: str) -> str:
    if field == "lead_score":  # the rule would change what it compares, and settle at no score
        raise custom_error("The {field} field must not be lead_score: a scoring rule changes it.")
    return field


ScoringField = Annotated[ReadableField, AfterValidator(_check_settles)]
ScoringPoints = Annotated[int, Strict(), Field(ge=-1000, le=1000), AfterValidator(_check_points)]
RulePosition = Annotated[int, Strict(), Field(ge=1, le=2**31 - 1, description="From 1; beyond the last: at the end.")]


class ScoringRuleFields(TypedDict, total=False):
    """`value` is checked together with the operator: none for `is_empty` and `is_not_empty`, a list for `in`."""

    field: ScoringField
    operator: ConditionOperator
    value: Annotated[
        Any, PlainValidator(lambda value: value, json_schema_input_type=ScalarValue | list[ScalarValue] | None)
    ]
    points: ScoringPoints
    is_active: StrictFlag
    position: RulePosition


_condition_adapter: TypeAdapter[Any] = TypeAdapter(Condition)
_SCHEMA = FieldsSchema(ScoringRuleFields, required=("field", "operator", "points"))


def rule_errors(rule: RuleFieldsDict, errors: FieldErrors) -> FieldErrors:
    """Return all errors of a rule: those of its fields, and of field, operator and value together."""
    condition = {name: rule[name] for name in CONDITION_FIELDS if name not in errors and rule.get(name) is not None}
    try:
        _condition_adapter.validate_python(condition)
    except ValidationError as error:
        return {**messages_by_field(error), **errors}
    return errors


def checked_change(rule: RuleFieldsDict, fields: RuleFieldsDict, errors: FieldErrors) -> RuleFieldsDict:
    """Return the fields to store of a rule that is changed, or made of `{}`. Raises ValidationFailed for all errors."""
    changed = {**{name: rule.get(name) for name in CONDITION_FIELDS}, **fields}
    if found := rule_errors(changed, errors):
        raise ValidationFailed(found)
    return {**changed, "value": None if changed["operator"] in OPERATORS_WITHOUT_VALUE else changed["value"]}


def checked_rule(sent: RuleFieldsDict) -> RuleFieldsDict:
    """Return the fields of a whole rule as they are stored. Raises ValidationFailed with all errors."""
    fields, errors = _SCHEMA.validate_fields(sent)
    return checked_change({}, dict(fields), errors)
