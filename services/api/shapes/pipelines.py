"""Pipelines and their stages as they are sent and shown."""

from datetime import datetime
from typing import Annotated, Required

from pydantic import AfterValidator, Field, Strict, ValidationInfo
from typing_extensions import TypedDict

from shared.validation import Color, Description, Flag, Name, said

BOTH = "The {field} field must not be true together with {other}."

MOST_STAGES = 100  # that may come with a new pipeline


def _check_outcome(value: bool, info: ValidationInfo) -> bool:
    if value and info.data.get("is_won"):
        raise said(BOTH.replace("{other}", "is_won"))
    return value


Position = Annotated[int, Strict(), Field(ge=1, le=2**31 - 1, description="From 1; beyond the last: at the end.")]
IsLost = Annotated[Flag, AfterValidator(_check_outcome)]


class StageFields(TypedDict, total=False):
    name: Name
    color: Color | None
    position: Position
    is_won: Flag
    is_lost: IsLost


class NewStage(TypedDict, total=False):
    name: Required[Name]
    color: Color | None
    position: Position
    is_won: Flag
    is_lost: IsLost


class StageRecord(TypedDict):
    id: int
    pipeline_id: int
    name: str
    color: str | None
    position: int
    is_won: bool
    is_lost: bool
    created_at: datetime
    updated_at: datetime


class PipelineFields(TypedDict, total=False):
    name: Name
    description: Description | None
    is_default: Flag


class NewPipelineFields(PipelineFields, total=False):
    stages: Annotated[list[NewStage], Field(max_length=MOST_STAGES)]


class PipelineRecord(TypedDict):
    id: int
    name: str
    description: str | None
    is_default: bool
    stages: list[StageRecord]
    created_at: datetime
    updated_at: datetime
