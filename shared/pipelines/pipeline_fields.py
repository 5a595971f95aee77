"""Pipelines and stages as somebody sends them: types of their fields, and what is wrong with them."""

from typing import Annotated, Any, Required

from pydantic import AfterValidator, Field, Strict, ValidationInfo
from typing_extensions import TypedDict

from shared.platform.errors import FieldErrors, ValidationFailed
from shared.platform.validation.messages import custom_error
from shared.platform.validation.schema import FieldsSchema
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


class PipelineFields(TypedDict, total=False):
    name: RequiredName
    description: LongText | None
    is_default: StrictFlag


class NewPipelineFields(PipelineFields, total=False):
    stages: Annotated[list[NewStage], Field(max_length=MAX_NEW_STAGES)]


_PIPELINE_SCHEMA = FieldsSchema(NewPipelineFields, required=("name",))
_STAGE_SCHEMA = FieldsSchema(StageFields, required=("name",))


def checked_pipeline(sent: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a pipeline as they are stored. Raises ValidationFailed."""
    return _checked(_PIPELINE_SCHEMA, sent)


def checked_stage(sent: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a stage as they are stored. Raises ValidationFailed."""
    return _checked(_STAGE_SCHEMA, sent)


def outcome_errors(stage: dict[str, Any], fields: dict[str, Any]) -> FieldErrors:
    """Return errors for a change that would make a stage both won and lost."""
    changed = {**stage, **fields}
    if not (changed["is_won"] and changed["is_lost"]):
        return {}
    field, other = ("is_lost", "is_won") if fields.get("is_lost") else ("is_won", "is_lost")
    return {field: [WON_AND_LOST_MESSAGE.format(field=field, other=other)]}


def _checked(schema: FieldsSchema, sent: dict[str, Any]) -> dict[str, Any]:
    fields, errors = schema.validate_fields(sent)
    if errors:
        raise ValidationFailed(errors)
    return dict(fields)
