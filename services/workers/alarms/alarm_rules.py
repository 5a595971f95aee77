"""The conditions that raise alarms, and when they raise and clear them. Pure.

Their thresholds stand in `shared/operations/alarm_thresholds.py`. `deploy/alerts.yml` has the same conditions for
Prometheus.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.operations.alarm_thresholds import (
    CLEAR_AFTER_SECONDS,
    GROWTH_WINDOW_SECONDS,
    MAX_DISK_USED_RATIO,
    MAX_WAITING_SECONDS,
)


@dataclass(frozen=True, slots=True)
class InstallationState:
    """The values that alarms depend on. None means unknown, as most are while PostgreSQL is away."""

    is_postgresql_up: bool
    unaccounted: int | None = None
    oldest_waiting_seconds: float | None = None
    workers: int | None = None
    dead_growth: int | None = None  # dead submissions more than at any time in the last 15 minutes
    spooled: int | None = None
    disk_used_ratio: float | None = None
    differing_settings: int | None = None  # settings on which processes of the installation differ


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """A condition. It raises its alarm after it held for `hold_seconds`.

    `measure` returns the value, or None if it is unknown, and `is_bad` judges it. `title` says the value at `{}`.
    """

    code: str
    title: str
    advice: str
    hold_seconds: float
    measure: Callable[[InstallationState], float | None]
    is_bad: Callable[[float], bool]


class AlarmChange(NamedTuple):
    """An alarm that was raised or cleared. `value` is the present one."""

    rule: AlarmRule
    is_raised: bool
    value: float

    @property
    def title(self) -> str:
        return self.rule.title.format(f"{self.value:.6g}")


ALARM_RULES = (
    AlarmRule(
        "postgresql_away",
        "PostgreSQL does not answer",
        "Leads are accepted into the spool. Look at PostgreSQL, its log and its disk, and start it again.",
        30,
        lambda state: float(not state.is_postgresql_up),
        lambda value: value > 0,
    ),
    AlarmRule(
        "unaccounted",
        "The ledger does not add up by {} submissions",
        "Keep the logs and make a backup before anything is cleaned up, and report it.",
        120,
        lambda state: state.unaccounted,
        lambda value: value != 0,
    ),
    AlarmRule(
        "oldest_waiting",
        "The oldest submission has waited for {} s",
        "Look at the workers' log and CPU. If the workers are busy, start more of them.",
        60,
        lambda state: state.oldest_waiting_seconds,
        lambda value: value > MAX_WAITING_SECONDS,
    ),
    AlarmRule(
        "no_workers",
        "{} workers are alive",
        "The sweeper ingests alone, slowly. Start the workers again, and look at the end of their logs.",
        60,
        lambda state: state.workers,
        lambda value: value == 0,
    ),
    AlarmRule(
        "dead_letters",
        "{} submissions became dead within 15 minutes",
        "Read their errors by GET /api/v1/submissions?state=dead, and replay them when the cause is gone.",
        0,
        lambda state: state.dead_growth,
        lambda value: value > 0,
    ),
    AlarmRule(
        "spooling",
        "{} submissions wait in the spool",
        "PostgreSQL was away, or it is too slow to take leads. If it answers, look at the sweeper's log.",
        60,
        lambda state: state.spooled,
        lambda value: value > 0,
    ),
    AlarmRule(
        "disk",
        "The disk of the data dir is full to {} of 1",
        "Free room or enlarge it. With a full disk PostgreSQL stops, and then the spool does.",
        300,
        lambda state: state.disk_used_ratio,
        lambda value: value > MAX_DISK_USED_RATIO,
    ),
    AlarmRule(
        "differing",
        "Settings in which processes differ: {}",
        "Look at `differing` in `./leadhub status`. Give the processes it names the settings of the others.",
        900,  # longer than a process that is gone is compared: a restart with other settings is no alarm
        lambda state: state.differing_settings,
        lambda value: value > 0,
    ),
)


class AlarmTracker:
    """The state of every rule over time. Times are seconds of any clock that never goes back.

    A value that is unknown changes nothing: an alarm that rings goes on, and one that does not is not raised.
    """

    def __init__(
        self, rules: Sequence[AlarmRule] = ALARM_RULES, clear_after_seconds: float = CLEAR_AFTER_SECONDS
    ) -> None:
        self._rules = rules
        self._clear_after_seconds = clear_after_seconds
        self._ringing: set[str] = set()
        self._changing_since: dict[str, float] = {}  # when a value began to differ from its alarm

    def adopt_ringing(self, codes: Iterable[str]) -> None:
        """Take over alarms that were raised before, such as those of an earlier process."""
        self._ringing |= {rule.code for rule in self._rules} & set(codes)

    def observe(self, state: InstallationState, now: float) -> list[AlarmChange]:
        """Return the alarms that these values raise and clear."""
        changes = []
        for rule in self._rules:
            value = rule.measure(state)
            if value is not None and self._is_changing(rule, rule.is_bad(value), now):
                is_raised = rule.code not in self._ringing
                self._ringing ^= {rule.code}
                changes.append(AlarmChange(rule, is_raised, value))
        return changes

    def _is_changing(self, rule: AlarmRule, is_bad: bool, now: float) -> bool:
        is_ringing = rule.code in self._ringing
        if is_bad == is_ringing:
            self._changing_since.pop(rule.code, None)
            return False
        since = self._changing_since.setdefault(rule.code, now)
        if now - since < (self._clear_after_seconds if is_ringing else rule.hold_seconds):
            return False
        del self._changing_since[rule.code]
        return True


class GrowthWindow:
    """The growth of a number: how much it is above its lowest value in the last 15 minutes."""

    def __init__(self, seconds: float = GROWTH_WINDOW_SECONDS) -> None:
        self._seconds = seconds
        self._values: list[tuple[float, int]] = []

    def measure_growth(self, value: int, now: float) -> int:
        """Add the present value and return the growth."""
        self._values = [(at, kept) for at, kept in self._values if now - at <= self._seconds]
        self._values.append((now, value))
        return value - min(kept for _, kept in self._values)
