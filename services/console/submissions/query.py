"""The list of submissions in an address: its filters, and the places of its pages. Pure."""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from shared.intake.submission_search import SubmissionPosition
from shared.platform.web.path_params import MAX_ID

SUBMISSION_STATES = ("done", "accepted", "dead", "quarantined")
MAX_TEXT_LENGTH = 200  # characters of a filter
MAX_POSITION_LENGTH = 60  # characters of a place in the list
EARLIEST_YEAR, LATEST_YEAR = 1970, 9000  # of a time in an address, so that it is a time in every zone
EPOCH_START = datetime(1970, 1, 1, tzinfo=UTC)
RECENT_SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}

FLAG_VALUES = {"1": True, "true": True, "0": False, "false": False}

SubmissionFilters = dict[str, Any]


def _read_state(text: str) -> str:
    if text not in SUBMISSION_STATES:
        raise ValueError
    return text


def _read_text(text: str) -> str:
    if len(text) > MAX_TEXT_LENGTH or "\0" in text:
        raise ValueError
    text.encode()  # raises UnicodeEncodeError, a ValueError, for half a surrogate pair
    return text


def _read_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID):
        raise ValueError
    return int(text)


def _read_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text[:40])
    if moment.tzinfo is None or not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise ValueError
    return moment.astimezone(UTC)


def _read_flag(text: str) -> bool:
    if text.lower() not in FLAG_VALUES:
        raise ValueError
    return FLAG_VALUES[text.lower()]


FILTER_READERS: Mapping[str, Callable[[str], Any]] = {
    "search": _read_text,
    "state": _read_state,
    "channel": _read_text,
    "source": _read_text,
    "lead_id": _read_id,
    "cause": _read_id,
    "received_after": _read_time,
    "received_before": _read_time,
    "rejected": _read_flag,
    "is_duplicate": _read_flag,
}
LOCAL_TIME_FIELDS = {"from": "received_after", "to": "received_before"}


def read_filters(query: Mapping[str, str]) -> tuple[SubmissionFilters, list[str]]:
    """Return the filters of an address by their API names, and the names of those that could not be read."""
    filters: SubmissionFilters = {}
    unreadable: list[str] = []
    for name, reader in FILTER_READERS.items():
        text = query.get(name, "").strip()
        if not text:
            continue
        try:
            filters[name] = reader(text)
        except ValueError:
            unreadable.append(name)
    return filters, unreadable


def filter_values(filters: SubmissionFilters) -> dict[str, str]:
    """Return the filters as they stand in an address."""
    return {name: _value_text(value) for name, value in filters.items()}


def read_filter_form(query: Mapping[str, str], zone: tzinfo, now: datetime) -> dict[str, str]:
    """Return what the filter form sent as filters of an address: local times become UTC, empty fields fall away."""
    chosen = {name: query[name].strip() for name in FILTER_READERS if query.get(name, "").strip()}
    for field, name in LOCAL_TIME_FIELDS.items():
        try:
            local = datetime.fromisoformat(query.get(field, "")).replace(tzinfo=zone)
            chosen[name] = _value_text(local.astimezone(UTC))
        except (ValueError, OverflowError):
            continue
    if query.get("within", "") in RECENT_SPANS:
        chosen["received_after"] = _value_text((now - RECENT_SPANS[query["within"]]).replace(microsecond=0))
    return chosen


def position_text(position: SubmissionPosition) -> str:
    """Return a place in the list as text for an address: microseconds since the epoch, and the id."""
    received_at, id_ = position
    return f"{(received_at - EPOCH_START) // timedelta(microseconds=1)}.{id_}"


def read_position(text: str) -> SubmissionPosition | None:
    """Return the place that such a text means, None if it means none."""
    microseconds, _, id_ = text[:MAX_POSITION_LENGTH].partition(".")
    try:
        return EPOCH_START + timedelta(microseconds=int(microseconds)), uuid.UUID(id_)
    except (ValueError, OverflowError):
        return None


def as_submission_id(text: str) -> uuid.UUID | None:
    """Return a text as the id of a submission, None if it is none."""
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        return None


def _value_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
