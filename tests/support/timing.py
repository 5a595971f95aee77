"""Promises about time, on a machine that may be busy with other things."""

from collections.abc import Awaitable, Callable

import psutil

TRIES = 6  # a busy machine delays some of them, a broken promise all


def best_within(limit: float, measure: Callable[[], float], tries: int = TRIES) -> None:
    """Measure until one try is below `limit`, such as some seconds. AssertionError if none is."""
    took: list[float] = []
    while not took or took[-1] >= limit:
        assert len(took) < tries, f"none of these is below {limit:g}: {took}"
        took.append(measure())


async def best_within_async(limit: float, measure: Callable[[], Awaitable[float]], tries: int = TRIES) -> None:
    """The same with a coroutine function."""
    took: list[float] = []
    while not took or took[-1] >= limit:
        assert len(took) < tries, f"none of these is below {limit:g}: {took}"
        took.append(await measure())


def processor_seconds(pid: int) -> float:
    """The processor time that a process has used so far, to a hundredth of a second; what others use does not count."""
    return sum(psutil.Process(pid).cpu_times()[:2])  # user and system
