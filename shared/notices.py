"""What a process hears from PostgreSQL, on one connection for all of it.

A commit that notifies anybody wakes every connection of the database that listens, whatever it listens to. With one for
each thing to be heard, two of a gateway's three were woken in vain for each lead that somebody waits for.

Source: `SignalBackends`, https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/commands/async.c
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared import logging
from shared.db import UNAVAILABLE, connect, hear

log = logging.get()

PAUSE = 0.2  # seconds after a break


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens to a channel. `begun` is awaited whenever the line is up, after a break too: what was sent meanwhile
    is not heard. `ended` is called when it breaks."""

    heard: Callable[[bytes], object]
    begun: Callable[[], Awaitable[object]]
    ended: Callable[[], object]


class Notices:
    """The line. All who listen are named before it is started."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._listeners: dict[bytes, Listener] = {}
        self._task: asyncio.Task[None] | None = None

    def listen(self, channel: str, listener: Listener) -> None:
        """From the start on, to a channel whose name needs no quotes."""
        self._listeners[channel.encode()] = listener

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                async with connect(self._url, "leadhub notices") as connection:
                    for channel in self._listeners:
                        await connection.execute(f"LISTEN {channel.decode()}")
                    for listener in self._listeners.values():
                        await listener.begun()
                    await hear(connection, self._tell)
            except UNAVAILABLE:
                log.warning("notices.interrupted")
            except Exception:  # a line that stays down would leave all callers to their time-outs
                log.exception("notices.failed")
            finally:
                for listener in self._listeners.values():
                    listener.ended()
            await asyncio.sleep(PAUSE)

    def _tell(self, channel: bytes, payload: bytes) -> None:
        self._listeners[channel].heard(payload)
