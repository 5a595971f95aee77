"""A server under load and the result of a load: the same for LeadHub and for its references."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench import load
from bench.load import LoadOutcome, LoadSpec
from bench.processes import cpu_by_role

# The first lead number of each load. The distance is more than one load can post, so that loads post different people.
FIRST_LEAD_NUMBERS = itertools.count(0, 5_000_000)

# Headers of a caller that does not wait for the workers' verdict.
RESPOND_ASYNC_HEADERS = {"Prefer": "respond-async"}


@dataclass(frozen=True)
class LoadResult:
    """The result of a load. `backlog` is the time in seconds from the last answer until no lead waited any more."""

    outcome: LoadOutcome
    backlog_seconds: float
    cpu_us: Counter[str]  # microseconds, by role

    @property
    def end_to_end(self) -> float:
        """Leads a second, from the first request until the last lead was in its tables."""
        return self.outcome.good_answers / (self.outcome.seconds + self.backlog_seconds)


def check_nothing(outcome: LoadOutcome) -> None:
    """Accept any outcome. The references make no promise that could be checked."""


@dataclass(frozen=True)
class Target:
    """A server that takes leads.

    `pids` are the roots of its processes. `wait_drained` waits until no accepted lead waits and returns the
    CLOCK_MONOTONIC time. `check_outcome` is called after each load, with the acknowledged answers in the file
    `answers_path`.
    """

    url: str
    pids: tuple[int, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_drained: Callable[[], float] = time.monotonic
    answers_path: str = ""
    check_outcome: Callable[[LoadOutcome], None] = check_nothing

    def run_load(
        self, connections: int, seconds: float, *, wait: bool = True, rate: float = 0, limit: int = 0
    ) -> LoadResult:
        """Post leads that no load has posted before. With `wait` callers wait for a 201, otherwise they take a 202."""
        headers = dict(self.headers) if wait else {**self.headers, **RESPOND_ASYNC_HEADERS}
        before = self.cpu_so_far()
        outcome = load.run_in_subprocess(
            LoadSpec(
                url=self.url,
                headers=headers,
                connections=connections,
                seconds=seconds,
                first_number=next(FIRST_LEAD_NUMBERS),
                rate=rate,
                request_limit=limit,
                acknowledged_path=self.answers_path,
            )
        )
        backlog = max(0.0, self.wait_drained() - outcome.ended_at)
        cpu = self.cpu_so_far() - before
        self.check_outcome(outcome)
        return LoadResult(outcome, backlog, cpu)

    def cpu_so_far(self) -> Counter[str]:
        """Return the CPU microseconds so far by role."""
        total: Counter[str] = Counter()
        for pid in self.pids:
            total.update(cpu_by_role(pid))
        return total


def cpu_per_answer(*loads: LoadResult) -> dict[str, float]:
    """Return the CPU microseconds per good answer over some loads, by role."""
    good = max(sum(loaded.outcome.good_answers for loaded in loads), 1)
    total: Counter[str] = Counter()
    for loaded in loads:
        total.update(loaded.cpu_us)
    return {role: microseconds / good for role, microseconds in total.items()}
