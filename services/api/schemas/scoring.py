"""Scoring rules as they are sent and shown."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, Strict
from typing_extensions import TypedDict

from shared.automations.conditions import ConditionOperator, ScalarValue
from shared.automations.fields import ReadableField
from shared.platform.validation.messages import custom_error
from shared.platform.validation.types import StrictFlag


def _check_points(points: int) -> int:
    if not points:
        raise custom_error("The {field} field must not be 0.")
    return points


ScoringPoints = Annotated[int, Strict(), Field(ge=-1000, le=1000), AfterValidator(_check_points)]


class ScoringRuleFields(TypedDict, total=False):
    """`value` is checked together with the operator: none for `is_empty` and `is_not_empty`, a list for `in`."""

    field: ReadableField
    operator: ConditionOperator
    value: Annotated[
        Any, PlainValidator(lambda value: value, json_schema_input_type=ScalarValue | list[ScalarValue] | None)
    ]
    points: ScoringPoints
    is_active: StrictFlag


class ScoringRuleRecord(TypedDict):
    id: int
    field: str
    operator: ConditionOperator
    value: Any
    points: int
    is_active: bool
    created_at: datetime
    updated_at: datetime
