"""A sweeper in the test's own process."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.workers.sweeper import Sweeper
from shared.settings import Settings
from tests.support.waiting import until_async


@asynccontextmanager
async def sweeping(settings: Settings) -> AsyncIterator[None]:
    """A sweeper with neither broker nor spool."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(Sweeper(settings).run())
    try:
        await until_async(lambda: loop.remove_signal_handler(signal.SIGINT), what="a sweeper at work")
        yield
    finally:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(task, 60)
        loop.remove_signal_handler(signal.SIGTERM)
