"""What is put under load, and what a load on it gives: the same for LeadHub and for its references."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bench import load
from bench.load import Load, Outcome
from bench.processes import cpu_by_role

# Where each load's leads begin: further apart than one load can post, so that no load meets another's people.
NUMBERS = itertools.count(0, 5_000_000)

# Headers of a caller that does not wait for the workers' verdict.
ASYNC = {"Prefer": "respond-async"}


@dataclass(frozen=True)
class Loaded:
    """A load on a contestant. `backlog` is the seconds from the last answer until nothing waited any more."""

    outcome: Outcome
    backlog: float
    cpu: Counter[str]  # microseconds, by role

    @property
    def end_to_end(self) -> float:
        """Leads a second from the first request until the last of them was in its tables."""
        return self.outcome.good / (self.outcome.seconds + self.backlog)


def nothing_to_check(outcome: Outcome) -> None:
    """For the references, which promise nothing."""


@dataclass(frozen=True)
class Contestant:
    """Something that takes leads.

    `pids` are the roots of its processes; `drained` returns, with the CLOCK_MONOTONIC time, when no accepted lead
    waits; `check` is told of each load afterwards, with the acknowledged answers in the file `answers`.
    """

    url: str
    pids: tuple[int, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    drained: Callable[[], float] = time.monotonic
    answers: str = ""
    check: Callable[[Outcome], None] = nothing_to_check

    def load(self, connections: int, seconds: float, *, wait: bool = True, rate: float = 0, limit: int = 0) -> Loaded:
        """Posts leads that no load has posted before, as `Load` says. Callers `wait` for a 201, else take a 202."""
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
        """CPU microseconds so far, by role."""
        total: Counter[str] = Counter()
        for pid in self.pids:
            total.update(cpu_by_role(pid))
        return total


def cpu_each(*loads: Loaded) -> dict[str, float]:
    """CPU microseconds a good answer over some loads, by role."""
    good = max(sum(loaded.outcome.good for loaded in loads), 1)
    total: Counter[str] = Counter()
    for loaded in loads:
        total.update(loaded.cpu)
    return {role: microseconds / good for role, microseconds in total.items()}
