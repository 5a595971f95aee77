"""A sweeper in the test's own process."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from services.workers.sweeper.sweeper import Sweeper
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings
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


async def take_turns(
    turn: Callable[[Connection], Awaitable[float]], connection: Connection, stopping: asyncio.Event
) -> None:
    """Take the turns of one duty as a sweeper does that always sees work."""
    while not stopping.is_set():
        pause = await turn(connection)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)
