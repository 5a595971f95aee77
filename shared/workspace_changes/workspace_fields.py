"""The settings of a workspace that its admins may change, with their rules. Pure."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, Strict
from typing_extensions import TypedDict

from shared.forms.definition import SpamThreshold
from shared.integrations.credentials import CredentialTexts
from shared.leads.contact_text import InvalidContact
from shared.leads.duplicate_policy import MergePolicy
from shared.leads.never_join import MAX_NEVER_JOIN, normalise_entry
from shared.leads.phone_countries import PhoneCountry
from shared.operations.workspace_alarms import ALARM_CODES, WorkspaceAlarmFields
from shared.platform.errors import FieldErrors
from shared.platform.validation.messages import custom_error
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import RequiredName, StrictFlag, Text255, is_single_line
from shared.retention import RetentionFields

ZONE_MESSAGE = "The {field} field must be a time zone, such as Europe/Berlin or Asia/Riyadh."
NAME_MESSAGE = "The {field} field must be one line of characters that can be printed."
ENTRY_MESSAGE = "An entry must be an email, a local part such as info@, or a phone."
SETTING_COLUMNS = ("name", "country", "timezone", "merge_policy", "fold_gmail", "never_join", "spam_threshold")


# Without abbreviations, and without the name that means something else on each machine.
TIME_ZONES = frozenset(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


def _check_zone(zone: str) -> str:
    if zone not in TIME_ZONES:
        raise custom_error(ZONE_MESSAGE)
    return zone


def _check_name(name: str) -> str:
    if not is_single_line(name):
        raise custom_error(NAME_MESSAGE)
    return name


NeverJoinEntries = Annotated[list[Text255], Strict(), Field(max_length=MAX_NEVER_JOIN)]


class WorkspaceFields(TypedDict, total=False):
    """What is sent changes, the rest stays. `never_join` replaces the list; `retention` changes the kinds in it.

    `spam_threshold`: points from which forms without a number of their own hold a submission; 0: only rules hold.
    An entry of `never_join` is an email, a local part with its at sign (`info@`), or a phone. `mail` has the
    credentials of a mail server, as an integration of the type smtp has them, and changes key by key: null disconnects
    the server. Its password must be sent again if another of them changes.
    """

    name: Annotated[RequiredName, AfterValidator(_check_name)]
    country: PhoneCountry
    timezone: Annotated[Text255, AfterValidator(_check_zone)]
    merge_policy: MergePolicy
    fold_gmail: StrictFlag
    never_join: NeverJoinEntries
    spam_threshold: SpamThreshold
    retention: RetentionFields
    alarms: WorkspaceAlarmFields
    mail: CredentialTexts | None


_SCHEMA = FieldsSchema(WorkspaceFields)


def check_fields(sent: Mapping[str, Any]) -> tuple[dict[str, Any], FieldErrors]:
    """Return the valid fields that were sent, and the errors of the others, by field."""
    fields, errors = _SCHEMA.validate_fields(sent)
    return dict(fields), errors


def normalise_entries(entries: Sequence[str], country: str | None, errors: FieldErrors) -> list[str]:
    """Return each entry once, as it is stored. Errors go into `errors`, as `never_join.<place>`."""
    normalised: dict[str, None] = {}
    for place, entry in enumerate(entries):
        try:
            normalised[normalise_entry(entry, country)] = None
        except InvalidContact:
            errors[f"never_join.{place}"] = [ENTRY_MESSAGE]
    return list(normalised)


def changed_settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two records: the values before and after, retention as `retention.<kind>`,
    alarms as `alarms.<code>`.

    The one of `mail` is the workspace's server.
    """
    pairs = {name: (before[name], after[name]) for name in SETTING_COLUMNS}
    kept, then = before["retention"], after["retention"]
    pairs |= {f"retention.{kind}": (kept[kind], then[kind]) for kind in kept}
    alarms, later = before["alarms"], after["alarms"]
    pairs |= {f"alarms.{code}": (alarms[code], later[code]) for code in ALARM_CODES}
    pairs["mail"] = before["mail"]["server"], after["mail"]["server"]
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
