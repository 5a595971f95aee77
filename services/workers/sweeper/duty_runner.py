"""Run the sweeper's duties: each in a task of its own, with turns when work waits, again after errors."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import redis.asyncio as redis

from services.workers.due_work import DueWork
from shared.platform.db.connections import Connection, connect, make_pool
from shared.platform.db.database_errors import is_unavailable
from shared.platform.observability import logging

log = logging.get_logger()

SWEEPER_APPLICATION = "leadhub sweeper"
MAX_DUTY_CONNECTIONS = 20  # connections of duties at once: nearly as many as there are duties
UNUSED_CONNECTION_SECONDS = 5.0  # seconds after which one of the connections that nobody needs is closed
# Seconds that a duty waits for a connection that another gives back. Most turns take some milliseconds, and a new
# connection costs as much as several of them.
SHARING_SECONDS = 0.05
IDLE_LOOK_SECONDS = 60.0  # seconds after which a duty looks for work although none was seen
RESTART_DELAYS_SECONDS = (0.5, 1.0, 2.0)  # seconds before a failed duty starts again; the last value repeats
HEALTHY_AFTER_SECONDS = 10.0  # seconds after which a duty counts as healthy again


@dataclass(frozen=True)
class Duty:
    """A duty, whose turn comes when work of its `kinds` waits, and `seconds` after its last one in any case.

    A turn returns the seconds until the next one if work waits then. Turns run on any free connection; one that takes
    locks or changes settings of its session has a connection of its own.
    """

    take_turn: Callable[[Connection], Awaitable[float]]
    kinds: AbstractSet[str]
    seconds: float = IDLE_LOOK_SECONDS
    has_own_connection: bool = False
    name: str = ""  # in the log, in place of that of `take_turn`


class DutyRunner:
    """Runs duties until `stopping` is set. A duty that waits does not delay the others."""

    def __init__(self, url: str, due_work: DueWork, stopping: asyncio.Event) -> None:
        self._url = url
        self._due_work = due_work
        self._stopping = stopping
        self._pool = make_pool(url, SWEEPER_APPLICATION, size=MAX_DUTY_CONNECTIONS, idle=UNUSED_CONNECTION_SECONDS)
        self._borrowers = self._holders = 0  # blocks that want or have a connection, and those that have one
        self._given_back = asyncio.Event()  # set, and replaced, when a connection is

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Return a free connection, for the length of a block. If there is none for a moment, one is opened."""
        await self._wait_for_free_connection()
        self._borrowers += 1
        try:
            async with self._pool.connection() as connection:
                self._holders += 1
                try:
                    yield connection
                finally:
                    self._holders -= 1
        finally:
            self._borrowers -= 1
            given_back, self._given_back = self._given_back, asyncio.Event()
            given_back.set()

    async def run_duty(self, duty: Duty) -> None:
        """Take turns until the sweeper stops."""

        async def take_turns() -> None:
            while not self._stopping.is_set():
                async with self._connection_for(duty) as connection:
                    pause = await duty.take_turn(connection)
                await self.wait_for_stop(pause)
                await self._due_work.wait(duty.kinds, duty.seconds - pause)

        await self.repeat(duty.name or duty.take_turn.__qualname__, take_turns)

    async def repeat(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Work until the sweeper stops. Start again after errors, such as a lost database."""
        failures = 0
        now = asyncio.get_running_loop().time
        while not self._stopping.is_set():
            began = now()
            try:
                await work()
            except Exception as error:
                if is_unavailable(error) or isinstance(error, redis.RedisError):
                    log.warning("sweeper.interrupted", duty=name, error=type(error).__name__)
                else:
                    log.exception("sweeper.failed", duty=name)
                failures = 1 if now() - began > HEALTHY_AFTER_SECONDS else failures + 1
                await self.wait_for_stop(RESTART_DELAYS_SECONDS[min(failures, len(RESTART_DELAYS_SECONDS)) - 1])

    async def wait_for_stop(self, seconds: float) -> None:
        """Wait for so many seconds, or until the sweeper stops."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _wait_for_free_connection(self) -> None:
        now = asyncio.get_running_loop().time
        end = now() + SHARING_SECONDS
        while self._borrowers and not self._has_free_connection() and (left := end - now()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._given_back.wait(), left)

    def _has_free_connection(self) -> bool:
        """Return whether the pool has one that is for none of those who have asked for one."""
        return bool(self._pool.get_stats()["pool_available"] > self._borrowers - self._holders)

    def _connection_for(self, duty: Duty) -> AbstractAsyncContextManager[Connection]:
        return connect(self._url, SWEEPER_APPLICATION) if duty.has_own_connection else self.connection()


@asynccontextmanager
async def trying_lock(connection: Connection, number: int) -> AsyncIterator[bool]:
    """Hold a lock of the session for the block, if it is free. Nothing waits for it: a stop would wait as well."""
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (number,))).fetchone()
    has_lock = bool(row and row[0])
    try:
        yield has_lock
    finally:
        if has_lock and not connection.broken:
            await connection.execute("SELECT pg_advisory_unlock(%s)", (number,))
