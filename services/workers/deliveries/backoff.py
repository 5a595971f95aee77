"""When to try again. Pure: times go in, pauses come out."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

# Seconds between an attempt and the next: Standard Webhooks' schedule, ended after about a day.
PAUSES = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 7 * 3600, 10 * 3600)
TRIES = len(PAUSES) + 1
JITTER = 0.1  # of the pause, either way: what failed together does not come back together
LONGEST_WISH = 6 * 3600  # seconds of a Retry-After that are obeyed


def pause(tries: int, wish: float | None, draw: float | None = None) -> float | None:
    """Seconds until the next attempt after so many (from 1), or None: there is none.

    `wish` are the seconds that the receiver asked for; it can lengthen the pause, never shorten it. `draw` (0 to 1)
    takes the place of chance.
    """
    if tries >= TRIES:
        return None
    draw = random.random() if draw is None else draw  # noqa: S311
    planned = PAUSES[tries - 1] * (1 + JITTER * (2 * draw - 1))
    return max(planned, (wish or 0.0) * (1 + JITTER * draw))


def wish(retry_after: str | None, date: str | None, now: datetime) -> float | None:
    """Seconds that a `Retry-After` asks for, at most six hours; None where it says nothing readable.

    A time is counted from the answer's own `Date`, since the receiver's clock and ours may differ.
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
