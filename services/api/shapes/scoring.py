"""Scoring rules as they are sent and shown."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, Strict
from typing_extensions import TypedDict

from shared.automations.conditions import Operator, Scalar
from shared.automations.fields import ReadableField
from shared.validation import Flag, said


def _not_zero(points: int) -> int:
    if not points:
        raise said("The {field} field must not be 0.")
    return points


Points = Annotated[int, Strict(), Field(ge=-1000, le=1000), AfterValidator(_not_zero)]


class ScoringRuleFields(TypedDict, total=False):
    """`value` is checked together with the operator: none for `is_empty` and `is_not_empty`, a list for `in`."""

    field: ReadableField
    operator: Operator
    value: Annotated[Any, PlainValidator(lambda value: value, json_schema_input_type=Scalar | list[Scalar] | None)]
    points: Points
    is_active: Flag


class ScoringRuleRecord(TypedDict):
    id: int
    field: str
    operator: Operator
    value: Any
    points: int
    is_active: bool
    created_at: datetime
    updated_at: datetime
