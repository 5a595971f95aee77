"""The habit of a source: how often it sends, and whether it has been silent for longer than it ever is. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

HABIT_STEP_SECONDS = 1800.0  # seconds of one number of a history
MIN_RECEIVED = 5  # submissions below which a source has no habit
# Whoever tries LeadHub posts some in a few minutes, and then looks at them: half hours with submissions from which on
# few are a habit, and submissions that are one in fewer half hours.
MIN_ACTIVE_STEPS, MIN_BURST = 4, 30
MIN_SILENCE_SECONDS = 900.0  # seconds that are never too long
SILENT_INTERVALS = 10  # usual intervals without a submission, after which a source may be silent
GAP_MARGIN = 1.5  # times the longest gap that it made before


@dataclass(frozen=True, slots=True)
class SourceHabit:
    """The usual interval of a source in seconds, None without a habit, and whether it is silent against it."""

    usual_interval_s: float | None
    is_silent: bool


def judge_source(history: Sequence[int], last_seen_seconds: float) -> SourceHabit:
    """Return the habit of a source by its submissions in half hours, the oldest first, and when it last sent.

    A source is silent if it has sent nothing for ten usual intervals, for a quarter of an hour, and for clearly longer
    than its longest gap before, such as the night.
    """
    active = _active_part(history)
    received = sum(active)
    steps = sum(count > 0 for count in active)
    if received < (MIN_RECEIVED if steps >= MIN_ACTIVE_STEPS else MIN_BURST):
        return SourceHabit(None, False)
    interval = len(active) * HABIT_STEP_SECONDS / received
    limit = max(
        MIN_SILENCE_SECONDS, SILENT_INTERVALS * interval, GAP_MARGIN * _longest_gap(active) * HABIT_STEP_SECONDS
    )
    return SourceHabit(round(interval, 1), last_seen_seconds > limit)


def _active_part(history: Sequence[int]) -> list[int]:
    """Return the history from the first submission to the last one."""
    places = [place for place, count in enumerate(history) if count]
    return list(history[places[0] : places[-1] + 1]) if places else []


def _longest_gap(active: Sequence[int]) -> int:
    longest = current = 0
    for count in active:
        current = 0 if count else current + 1
        longest = max(longest, current)
    return longest
