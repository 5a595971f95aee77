"""How often a reader of a busy feed gets an answer, so that its key's requests last for the hour."""

import time

from shared.auth.rate_limit import RateLimitUsage

FREE_SHARE = 0.5  # of the hour's requests, which are answered at once


def pace_seconds(usage: RateLimitUsage) -> float:
    """Return the seconds that a request should take, so that the remaining ones last until the hour ends.

    Without it a reader who waits would send one request for each event, use up its hour within minutes, and get nothing
    for the rest of it.
    """
    if usage.remaining > usage.limit * FREE_SHARE:
        return 0.0
    return max(0.0, usage.reset - time.time()) / (usage.remaining + 1)
