"""Read the times that providers send, in whatever notation, as ISO 8601 in UTC. Pure."""

from datetime import UTC, datetime
from typing import Any

# A number of seconds since the epoch stays below this until the year 5138; larger ones are milliseconds.
FIRST_MILLISECONDS = 10**11


def utc_time(value: Any) -> str:
    """Return a time as `2026-03-28T09:15:00+00:00`, or an empty text for what is no time.

    Numbers, as text too, are seconds or milliseconds since the epoch. A time without an offset is in UTC. Zero is no
    time.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    try:
        time = _parse_time(str(value).strip())
    except (ValueError, OverflowError, OSError):
        return ""
    return time.isoformat(timespec="milliseconds" if time.microsecond else "seconds") if time else ""


def _parse_time(text: str) -> datetime | None:
    if text.count("-") < 2 and text.replace(".", "", 1).isdecimal():
        number = float(text)
        seconds = number / 1000 if number >= FIRST_MILLISECONDS else number
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
