"""Define the settings of an integration: how its requests are mapped to leads, and where these leads go. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, Strict, ValidationError
from pydantic_core import InitErrorDetails
from typing_extensions import TypedDict

from shared.forms.definition import CUSTOM, FULL_NAME, LEAD_FIELDS, Maybe, TagName
from shared.integrations.paths import LONGEST, InvalidPath, compiled
from shared.leads.merge import Policy
from shared.validation import Id, Text255, said, text

_TARGETS = {*LEAD_FIELDS, FULL_NAME}


def _check_path(path: str) -> str:
    try:
        compiled(path)
    except InvalidPath as error:
        raise said(f"The {{field}} field must be a JSON path, such as $.contact.email: {error}.") from None
    return path


def _is_custom(name: str) -> bool:
    return name.startswith(CUSTOM) and 0 < len(name) - len(CUSTOM) <= 100


def _check_targets(mapping: dict[str, str]) -> dict[str, str]:
    strangers = [name for name in mapping if name not in _TARGETS and not _is_custom(name)]
    if strangers:
        message = said(f"The {{field}} field is none of: {', '.join(LEAD_FIELDS)}, {FULL_NAME}, {CUSTOM}<key>.")
        errors = [InitErrorDetails(type=message, loc=(name,), input=None) for name in strangers]
        raise ValidationError.from_exception_data("mapping", errors)
    return mapping


Path = Annotated[str, text(LONGEST, shortest=1), AfterValidator(_check_path)]
Mapping_ = Annotated[dict[str, Path], Strict(), Field(max_length=200), AfterValidator(_check_targets)]


class IntegrationSettings(TypedDict, total=False):
    """As they are sent. Null sets a member back to its default.

    `mapping`: lead fields, `full_name` or `custom_fields.<key>`, each with the path of its value in the request's JSON,
    in place of what the type would read. `event_id`: the path of the sender's own id of a request, by which a repeat
    is known, for senders that have no place of their own for it.
    """

    source: Maybe[Text255]
    tags: Annotated[list[TagName], Strict(), Field(max_length=100)] | None
    merge_policy: Maybe[Policy]
    pipeline_id: Id | None
    pipeline_stage_id: Id | None
    assigned_user_id: Id | None
    mapping: Mapping_ | None
    event_id: Maybe[Path]


class IntegrationSettingsRecord(TypedDict):
    """As they are shown: all of them. A source of null is the type's name, a policy of null the workspace's."""

    source: str | None
    tags: list[str]
    merge_policy: Policy | None
    pipeline_id: int | None
    pipeline_stage_id: int | None
    assigned_user_id: int | None
    mapping: dict[str, str]
    event_id: str | None


def complete(stored: Mapping[str, Any]) -> IntegrationSettingsRecord:
    """Return stored settings, with defaults for those that are not set."""
    defaults: dict[str, Any] = {**dict.fromkeys(IntegrationSettingsRecord.__annotations__), "tags": [], "mapping": {}}
    return {**defaults, **stored}  # type: ignore[typeddict-item]
