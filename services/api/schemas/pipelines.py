"""Pipelines and their stages as they are sent and shown."""

from datetime import datetime
from typing import Annotated, Required

from pydantic import AfterValidator, Field, Strict, ValidationInfo
from typing_extensions import TypedDict

from shared.platform.validation.messages import custom_error
from shared.platform.validation.types import ColorText, LongText, RequiredName, StrictFlag

WON_AND_LOST_MESSAGE = "The {field} field must not be true together with {other}."

MAX_NEW_STAGES = 100  # that may come with a new pipeline


def _check_outcome(value: bool, info: ValidationInfo) -> bool:
    if value and info.data.get("is_won"):
        raise custom_error(WON_AND_LOST_MESSAGE.replace("{other}", "is_won"))
    return value


StagePosition = Annotated[int, Strict(), Field(ge=1, le=2**31 - 1, description="From 1; beyond the last: at the end.")]
LostFlag = Annotated[StrictFlag, AfterValidator(_check_outcome)]


class StageFields(TypedDict, total=False):
    name: RequiredName
    color: ColorText | None
    position: StagePosition
    is_won: StrictFlag
    is_lost: LostFlag


class NewStage(TypedDict, total=False):
    name: Required[RequiredName]
    color: ColorText | None
    position: StagePosition
    is_won: StrictFlag
    is_lost: LostFlag


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
    name: RequiredName
    description: LongText | None
    is_default: StrictFlag


class NewPipelineFields(PipelineFields, total=False):
    stages: Annotated[list[NewStage], Field(max_length=MAX_NEW_STAGES)]


class PipelineRecord(TypedDict):
    id: int
    name: str
    description: str | None
    is_default: bool
    stages: list[StageRecord]
    created_at: datetime
    updated_at: datetime
