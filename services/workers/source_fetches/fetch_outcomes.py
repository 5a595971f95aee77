"""Decide what becomes of a lead that was not fetched. Pure."""

import random
from dataclasses import dataclass

from shared.integrations.lead_fetching import FetchProblem

FIRST_RETRY_SECONDS = 3.0  # seconds before the second attempt
RETRY_GROWTH = 3.0  # factor by which each later pause is longer
MAX_RETRY_SECONDS = 30 * 60.0  # seconds
JITTER_FRACTION = 0.2  # fraction of a pause, either way
MAX_FETCH_AGE_SECONDS = 36 * 3600.0  # seconds after which a lead is given up
TOKEN_RETRY_SECONDS = 10 * 60.0  # seconds before a refused access token is tried again
# A provider may announce a lead before its own servers find it. A lead counts as gone when it was gone twice.
MIN_GONE_ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class PostponedFetch:
    """The fetch is tried again in so many seconds. `whole_integration`: and no other lead of the integration earlier.

    `shown`: the integration shows the problem.
    """

    seconds: float
    whole_integration: bool = False
    shown: bool = False


@dataclass(frozen=True, slots=True)
class FailedFetch:
    """The lead is given up: its submission is dead, for this reason."""

    reason: str


def decide_problem(problem: FetchProblem, attempts: int, age_seconds: float) -> PostponedFetch | FailedFetch:
    """Decide after the attempt with that number, on a lead that was announced so many seconds ago."""
    if age_seconds >= MAX_FETCH_AGE_SECONDS:
        return FailedFetch(f"{problem.sentence} It was tried for {MAX_FETCH_AGE_SECONDS / 3600:g} hours.")
    if problem.kind == "gone" and attempts >= MIN_GONE_ATTEMPTS:
        return FailedFetch(problem.sentence)
    if problem.kind in ("token", "version"):
        return PostponedFetch(TOKEN_RETRY_SECONDS, whole_integration=True, shown=True)
    if problem.kind == "rate_limited":
        return PostponedFetch(max(problem.retry_after or 0.0, 1.0), whole_integration=True)
    return PostponedFetch(max(retry_pause(attempts), problem.retry_after or 0.0))


def retry_pause(attempts: int, draw: float | None = None) -> float:
    """Return the seconds until the next attempt after so many. `draw`, from 0 to 1, replaces the random number."""
    draw = random.random() if draw is None else draw  # noqa: S311
    planned = FIRST_RETRY_SECONDS * RETRY_GROWTH ** min(max(attempts, 1) - 1, 10)
    return min(planned * (1 + JITTER_FRACTION * (2 * draw - 1)), MAX_RETRY_SECONDS)
