"""Read the header `Retry-After`. Pure."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER_SECONDS = 6 * 3600  # longest Retry-After that is obeyed, in seconds


def parse_retry_after(retry_after_header: str | None, date_header: str | None, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` header asks for, at most six hours. None if it cannot be read.

    A point in time is compared with the response's `Date` header, since the receiver's clock may differ from ours.
    """
    text = (retry_after_header or "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:10]), MAX_RETRY_AFTER_SECONDS))
    then = _parse_http_date(text)
    if then is None:
        return None
    return min(
        max((then - (_parse_http_date(date_header or "") or now)).total_seconds(), 0.0), float(MAX_RETRY_AFTER_SECONDS)
    )


def _parse_http_date(text: str) -> datetime | None:
    try:
        time = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
