"""A server under load and the result of a load: the same for LeadHub and for its references."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench import load
from bench.load import Load, Outcome
from bench.processes import cpu_by_role

# The first lead number of each load. The distance is more than one load can post, so that loads post different people.
NUMBERS = itertools.count(0, 5_000_000)

# Headers of a caller that does not wait for the workers' verdict.
ASYNC = {"Prefer": "respond-async"}


@dataclass(frozen=True)
class Loaded:
    """The result of a load. `backlog` is the time in seconds from the last answer until no lead waited any more."""

    outcome: Outcome
    backlog: float
    cpu: Counter[str]  # microseconds, by role

    @property
    def end_to_end(self) -> float:
        """Leads a second, from the first request until the last lead was in its tables."""
        return self.outcome.good / (self.outcome.seconds + self.backlog)


def nothing_to_check(outcome: Outcome) -> None:
    """Accept any outcome. The references make no promise that could be checked."""


@dataclass(frozen=True)
class Contestant:
    """A server that takes leads.

    `pids` are the roots of its processes. `drained` waits until no accepted lead waits and returns the CLOCK_MONOTONIC
    time. `check` is called after each load, with the acknowledged answers in the file `answers`.
    """

    url: str
    pids: tuple[int, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    drained: Callable[[], float] = time.monotonic
    answers: str = ""
    check: Callable[[Outcome], None] = nothing_to_check

    def load(self, connections: int, seconds: float, *, wait: bool = True, rate: float = 0, limit: int = 0) -> Loaded:
        """Post leads that no load has posted before. With `wait` callers wait for a 201, otherwise they take a 202."""
        headers = dict(self.headers) if wait else {**self.headers, **ASYNC}
        before = self.cpu()
        outcome = load.run(
            Load(
                url=self.url,
                headers=headers,
                connections=connections,
                seconds=seconds,
                first=next(NUMBERS),
                rate=rate,
                limit=limit,
                acknowledged=self.answers,
            )
        )
        backlog = max(0.0, self.drained() - outcome.ended)
        cpu = self.cpu() - before
        self.check(outcome)
        return Loaded(outcome, backlog, cpu)

    def cpu(self) -> Counter[str]:
        """Return the CPU microseconds so far by role."""
        total: Counter[str] = Counter()
        for pid in self.pids:
            total.update(cpu_by_role(pid))
        return total


def cpu_each(*loads: Loaded) -> dict[str, float]:
    """Return the CPU microseconds per good answer over some loads, by role."""
    good = max(sum(loaded.outcome.good for loaded in loads), 1)
    total: Counter[str] = Counter()
    for loaded in loads:
        total.update(loaded.cpu)
    return {role: microseconds / good for role, microseconds in total.items()}
