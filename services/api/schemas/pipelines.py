"""Pipelines and their stages as they are shown. How they are sent is in `shared/pipelines/pipeline_fields.py`."""

from datetime import datetime
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from shared.platform.validation.types import QueryId


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


class PipelineRecord(TypedDict):
    id: int
    name: str
    description: str | None
    is_default: bool
    stages: list[StageRecord]
    created_at: datetime
    updated_at: datetime


class StageRemovalQuery(TypedDict, total=False):
    to: Annotated[QueryId, Field(description="The stage of the same pipeline that its leads go to.")]
