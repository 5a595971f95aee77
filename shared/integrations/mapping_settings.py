"""Define the settings of an integration: how its requests are mapped to leads, and where these leads go. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, Strict, ValidationError
from pydantic_core import InitErrorDetails
from typing_extensions import TypedDict

from shared.forms.definition import TagNameText
from shared.forms.field_definition import CUSTOM_PREFIX, FULL_NAME, MAPPABLE_LEAD_FIELDS, BlankAsNull
from shared.integrations.conversion_settings import (
    ConversionSettings,
    ConversionSettingsRecord,
    complete_conversions,
)
from shared.integrations.json_paths import MAX_PATH_LENGTH, InvalidPath, compile_path
from shared.leads.duplicate_policy import MergePolicy
from shared.platform.validation.messages import custom_error
from shared.platform.validation.types import RecordId, Text255, text_constraints

_MAPPING_TARGETS = {*MAPPABLE_LEAD_FIELDS, FULL_NAME}


def _check_path(path: str) -> str:
    try:
        compile_path(path)
    except InvalidPath as error:
        raise custom_error(f"The {{field}} field must be a JSON path, such as $.contact.email: {error}.") from None
    return path


def _is_custom_target(name: str) -> bool:
    return name.startswith(CUSTOM_PREFIX) and 0 < len(name) - len(CUSTOM_PREFIX) <= 100


def _check_targets(mapping: dict[str, str]) -> dict[str, str]:
    strangers = [name for name in mapping if name not in _MAPPING_TARGETS and not _is_custom_target(name)]
    if strangers:
        message = custom_error(
            f"The {{field}} field is none of: {', '.join(MAPPABLE_LEAD_FIELDS)}, {FULL_NAME}, {CUSTOM_PREFIX}<key>."
        )
        errors = [InitErrorDetails(type=message, loc=(name,), input=None) for name in strangers]
        raise ValidationError.from_exception_data("mapping", errors)
    return mapping


JsonPathText = Annotated[str, text_constraints(MAX_PATH_LENGTH, min_length=1), AfterValidator(_check_path)]
AccountId = Annotated[str, text_constraints(255, min_length=1)]
FieldMapping = Annotated[dict[str, JsonPathText], Strict(), Field(max_length=200), AfterValidator(_check_targets)]


class IntegrationSettings(TypedDict, total=False):
    """As they are sent. Null sets a member back to its default.

    `mapping`: lead fields, `full_name` or `custom_fields.<key>`, each with the path of its value in the request's JSON,
    in place of what the type would read. `event_id`: the path of the sender's own id of a request, by which a repeat
    is known, for senders that have no place of their own for it.
    `rate_limit`: requests that are taken in an hour. `silence_after_minutes`: after so long without a lead the source
    counts as silent. `accounts`: the pages, phone numbers, portals, workspaces, owners or advertisers that the
    integration is for, where one callback serves many. `conversions`: the events of leads that an ad platform is told.
    """

    source: BlankAsNull[Text255]
    tags: Annotated[list[TagNameText], Strict(), Field(max_length=100)] | None
    merge_policy: BlankAsNull[MergePolicy]
    pipeline_id: RecordId | None
    pipeline_stage_id: RecordId | None
    assigned_user_id: RecordId | None
    mapping: FieldMapping | None
    event_id: BlankAsNull[JsonPathText]
    rate_limit: Annotated[int, Strict(), Field(ge=1, le=1_000_000_000)] | None
    silence_after_minutes: Annotated[int, Strict(), Field(ge=1, le=525_600)] | None
    accounts: Annotated[list[AccountId], Strict(), Field(max_length=500)] | None
    conversions: ConversionSettings | None


class IntegrationSettingsRecord(TypedDict):
    """As they are shown: all of them. A source of null is the type's name, a policy of null the workspace's.

    `conversions` is null where none are set.
    """

    source: str | None
    tags: list[str]
    merge_policy: MergePolicy | None
    pipeline_id: int | None
    pipeline_stage_id: int | None
    assigned_user_id: int | None
    mapping: dict[str, str]
    event_id: str | None
    rate_limit: int | None
    silence_after_minutes: int | None
    accounts: list[str]
    conversions: ConversionSettingsRecord | None


def complete_integration_settings(stored: Mapping[str, Any]) -> IntegrationSettingsRecord:
    """Return stored settings, with defaults for those that are not set."""
    defaults: dict[str, Any] = dict.fromkeys(IntegrationSettingsRecord.__annotations__)
    defaults |= {"tags": [], "mapping": {}, "accounts": []}
    if stored.get("conversions"):
        stored = {**stored, "conversions": complete_conversions(stored["conversions"])}
    return {**defaults, **stored}  # type: ignore[typeddict-item]
