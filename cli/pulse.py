"""The pulse of a web process that `up` started: a byte a second down a pipe, for as long as its event loop turns.

Not a file's time, since its disk may hold the loop, and not a request to the port, which other processes share.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from aiohttp import web

from shared.embedded.process import PULSE

EVERY = 1.0  # seconds between two beats


async def beating(_: web.Application) -> AsyncIterator[None]:
    """aiohttp's cleanup context: beats where somebody listens."""
    if PULSE not in os.environ:
        yield
        return
    task = asyncio.create_task(_beat(int(os.environ[PULSE])))
    yield
    task.cancel()


async def _beat(pipe: int) -> None:
    while True:
        with contextlib.suppress(OSError):  # full, since the supervisor sleeps; or gone, which the guard acts on
            os.write(pipe, b".")
        await asyncio.sleep(EVERY)
