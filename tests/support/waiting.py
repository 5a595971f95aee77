"""Waiting for a condition with a deadline: tests never sleep for a fixed time.

A deadline only ends what hangs. It is no promise about time, since a busy machine takes as long as it takes.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TypeVar

T = TypeVar("T")

DEADLINE_SECONDS = 60.0


def until(condition: Callable[[], T], seconds: float = DEADLINE_SECONDS, what: str = "it") -> T:
    """The condition's first true value. AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.02)
    return value


async def until_async(
    condition: Callable[[], bool | Awaitable[bool]], seconds: float = DEADLINE_SECONDS, what: str = "it"
) -> None:
    """Wait, while other tasks go on, until the condition holds; it may be a coroutine function."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def background(context: AbstractContextManager[T]) -> AsyncIterator[T]:
    """A blocking context manager, entered and left beside the event loop, so that a load goes on meanwhile."""
    entered = await asyncio.to_thread(context.__enter__)
    try:
        yield entered
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)
