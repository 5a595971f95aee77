"""Compute when a delivery is tried again. Pure: times go in, delays come out."""

import random

# Seconds between two attempts: the schedule of Standard Webhooks, cut off after about a day.
RETRY_DELAYS_SECONDS = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 7 * 3600, 10 * 3600)
MAX_DELIVERY_ATTEMPTS = len(RETRY_DELAYS_SECONDS) + 1
JITTER_FRACTION = (
    0.1  # fraction of the delay, either way, so that deliveries that failed together are not retried together
)


def retry_delay(tries: int, retry_after: float | None, draw: float | None = None) -> float | None:
    """Return the seconds until the next attempt after `tries` attempts, or None if there is no further attempt.

    `retry_after` is the delay in seconds that the receiver asked for. It can lengthen the delay, but not shorten it.
    `draw`, a number from 0 to 1, replaces the random number.
    """
    if tries >= MAX_DELIVERY_ATTEMPTS:
        return None
    draw = random.random() if draw is None else draw  # noqa: S311
    planned = RETRY_DELAYS_SECONDS[tries - 1] * (1 + JITTER_FRACTION * (2 * draw - 1))
    return max(planned, (retry_after or 0.0) * (1 + JITTER_FRACTION * draw))
