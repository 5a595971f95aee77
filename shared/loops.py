"""Loops of a service that must not end before it does."""

import asyncio
from collections.abc import Awaitable, Callable

from shared import logging

log = logging.get()

PAUSE = 0.5  # seconds before a loop that failed goes on


async def kept_up(loop: Callable[[], Awaitable[object]]) -> None:
    """Runs a loop until it is cancelled, again and again over whatever it raises.

    What a database that is away raises a loop knows itself. All else is a surprise, as tables that nobody has made yet:
    a task that ended of it would be missed by nobody, while the service went on without it.
    """
    while True:
        try:
            await loop()
        except Exception:
            log.exception("loop.failed", loop=loop.__qualname__)
        await asyncio.sleep(PAUSE)
