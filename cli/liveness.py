"""The liveness signal of a web process that `up` started: one byte a second into a pipe while its event loop runs.

A file's time would not do, since its disk may block the loop; nor would a request to the port, since processes share
the port.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from aiohttp import web

from embedded.process import LIVENESS_FD_VARIABLE

BEAT_INTERVAL_SECONDS = 1.0  # seconds between two beats


async def liveness_context(_: web.Application) -> AsyncIterator[None]:
    """Send beats if `up` reads them. This is a cleanup context of aiohttp."""
    if LIVENESS_FD_VARIABLE not in os.environ:
        yield
        return
    task = asyncio.create_task(_send_beats(int(os.environ[LIVENESS_FD_VARIABLE])))
    yield
    task.cancel()


async def _send_beats(pipe: int) -> None:
    while True:
        # The pipe may be full, as the supervisor is suspended, or closed, which the guard process handles.
        with contextlib.suppress(OSError):
            os.write(pipe, b".")
        await asyncio.sleep(BEAT_INTERVAL_SECONDS)
