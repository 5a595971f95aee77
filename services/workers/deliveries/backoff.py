"""Compute when a delivery is tried again. Pure: times go in, delays come out."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Seconds between two attempts: the schedule of Standard Webhooks, cut off after about a day.
PAUSES = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 7 * 3600, 10 * 3600)
TRIES = len(PAUSES) + 1
JITTER = 0.1  # fraction of the delay, either way, so that deliveries that failed together are not retried together
LONGEST_WISH = 6 * 3600  # longest Retry-After that is obeyed, in seconds


def pause(tries: int, wish: float | None, draw: float | None = None) -> float | None:
    """Return the seconds until the next attempt after `tries` attempts, or None if there is no further attempt.

    `wish` is the delay in seconds that the receiver asked for. It can lengthen the delay, but not shorten it. `draw`, a
    number from 0 to 1, replaces the random number.
    """
    if tries >= TRIES:
        return None
    draw = random.random() if draw is None else draw  # noqa: S311
    planned = PAUSES[tries - 1] * (1 + JITTER * (2 * draw - 1))
    return max(planned, (wish or 0.0) * (1 + JITTER * draw))


def wish(retry_after: str | None, date: str | None, now: datetime) -> float | None:
    """Return the seconds that a `Retry-After` header asks for, at most six hours. None if it cannot be read.

    A point in time is compared with the response's `Date` header, since the receiver's clock may differ from ours.
    """
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:10]), LONGEST_WISH))
    then = _time(text)
    if then is None:
        return None
    return min(max((then - (_time(date or "") or now)).total_seconds(), 0.0), float(LONGEST_WISH))


def _time(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
