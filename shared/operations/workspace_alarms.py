"""The alarms of a workspace: who is told of each, and from when on it rings. Pure.

Those of the installation stand in `services/workers/alarms/alarm_rules.py`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, Strict
from typing_extensions import TypedDict

from shared.operations.alarm_thresholds import DEAD_LETTERS_PERCENT, WAITING_MINUTES
from shared.platform.validation.types import RecordId

ALARM_CODES: Final = ("source_silent", "dead_letters", "waiting", "held_digest", "webhook_disabled")
ALARM_MEASURES: Final = {"source_silent": "minutes", "dead_letters": "percent", "waiting": "minutes"}
# Null: only sources with a number of their own are watched.
DEFAULT_MEASURES: Mapping[str, int | None] = {
    "source_silent": None,
    "dead_letters": DEAD_LETTERS_PERCENT,
    "waiting": WAITING_MINUTES,
}
MAX_ALARM_READERS = 20
MAX_SILENCE_MINUTES = 525_600
MAX_WAITING_MINUTES = 10_080

AlarmReaders = Annotated[list[RecordId], Strict(), Field(max_length=MAX_ALARM_READERS)]


class SilentSourceFields(TypedDict, total=False):
    """A source or form sends nothing. `minutes`: for those without a number of their own that have sent before."""

    user_ids: AlarmReaders | None
    minutes: Annotated[int, Strict(), Field(ge=1, le=MAX_SILENCE_MINUTES)] | None


class DeadLettersFields(TypedDict, total=False):
    """Submissions fail. `percent`: of those decided within an hour."""

    user_ids: AlarmReaders | None
    percent: Annotated[int, Strict(), Field(ge=1, le=100)] | None


class WaitingFields(TypedDict, total=False):
    """Automations or deliveries wait. `minutes`: of the oldest that is due."""

    user_ids: AlarmReaders | None
    minutes: Annotated[int, Strict(), Field(ge=1, le=MAX_WAITING_MINUTES)] | None


class PlainAlarmFields(TypedDict, total=False):
    user_ids: AlarmReaders | None


class WorkspaceAlarmFields(TypedDict, total=False):
    """Of each alarm what is sent changes. Null sets an alarm, or a member of it, back to its default.

    `user_ids`: who is told; null: all admins; none: nobody.
    """

    source_silent: SilentSourceFields | None
    dead_letters: DeadLettersFields | None
    waiting: WaitingFields | None
    held_digest: PlainAlarmFields | None
    webhook_disabled: PlainAlarmFields | None


def complete_alarms(stored: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return all alarms, with defaults for what is not set."""
    return {code: complete_alarm(code, stored.get(code) or {}) for code in ALARM_CODES}


def complete_alarm(code: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return an alarm, with defaults for what is not set."""
    alarm: dict[str, Any] = {"user_ids": stored.get("user_ids")}
    measure = ALARM_MEASURES.get(code)
    if measure:
        value = stored.get(measure)
        alarm[measure] = DEFAULT_MEASURES[code] if value is None else value
    return alarm


def changed_alarms(alarms: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return complete alarms after a change."""
    changed = {code: dict(alarms[code]) for code in ALARM_CODES}
    for code in ALARM_CODES:
        if code in fields:
            alarm = fields[code]
            changed[code] = complete_alarm(code, {**changed[code], **alarm} if alarm else {})
            if changed[code]["user_ids"]:
                changed[code]["user_ids"] = sorted(set(changed[code]["user_ids"]))
    return changed


def named_readers(fields: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return the users whom a change names, by alarm."""
    return {code: list((fields.get(code) or {}).get("user_ids") or ()) for code in ALARM_CODES}
