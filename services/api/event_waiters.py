"""Requests that wait for events: a bounded number of them, woken by the notifications of the process.

A waiting request holds no connection and asks the database nothing. One look a few seconds for all of them finds
what a lost notification would have told, and those whose client is gone.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from psycopg.rows import TupleRow
from sqlalchemy.ext.asyncio import AsyncEngine

from services.api.context import READ_ENGINE_KEY, driver_connection
from shared.outbound.event_feed import FEED_CHANNEL, FeedNews
from shared.platform.db.connections import with_deadline
from shared.platform.db.database_errors import is_unavailable
from shared.platform.db.notifications import ChannelHandler
from shared.platform.errors import Overloaded, RateLimited
from shared.platform.observability import logging
from shared.platform.supervised_loop import run_forever
from shared.service_app.app import NOTIFICATION_LISTENER

log = logging.get_logger()

MAX_WAITERS: Final = 500  # in a process: each is a connection of a client
WAITERS_PER_WORKSPACE: Final = 50  # in a process, so that no workspace takes the places of the others
WAITERS_PER_KEY: Final = 5  # in a process
LOOK_SECONDS: Final = 2.0
LOOK_TIMEOUT_SECONDS: Final = 5.0
RETRY_AFTER_SECONDS: Final = 5
KEY_WAITS_MESSAGE: Final = "{most} requests with this API key wait for events already."
WORKSPACE_WAITS_MESSAGE: Final = "{most} requests of this workspace wait for events already."
PROCESS_FULL_MESSAGE: Final = "Too many requests wait for events just now. Send the request again in a moment."

LAST_POSITIONS_SQL = "SELECT workspace_id, last_position FROM event_feeds WHERE workspace_id = ANY(%s)"


@dataclass(eq=False)
class EventWaiter:
    """A request that waits for events of its workspace after a position: of some types, or of all."""

    workspace_id: int
    after: int
    types: Sequence[str]
    request: web.Request
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, seconds: float) -> None:
        """Wait until there may be events for it, for so long at most."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.woken.wait(), seconds)

    def is_abandoned(self) -> bool:
        """Return whether its client is gone."""
        transport = self.request.transport
        return transport is None or transport.is_closing()

    def concerns(self, news: FeedNews) -> bool:
        """Return whether the news may be what it waits for."""
        is_newer = news.workspace_id == self.workspace_id and news.last_position > self.after
        return is_newer and (not self.types or not news.events.isdisjoint(self.types))


class EventWaiters:
    """The waiting requests of this process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiters: set[EventWaiter] = set()
        self._by_key: Counter[int] = Counter()
        self._by_workspace: Counter[int] = Counter()
        self._has_waiters = asyncio.Event()
        self._last_news: dict[int, int] = {}  # by workspace, the last position that a notification told
        self.is_closing = False

    @property
    def handler(self) -> ChannelHandler:
        """The handler of the channel's notifications."""
        return ChannelHandler(self._on_notification, on_connected=self._wake_all, on_disconnected=lambda: None)

    @contextmanager
    def waiting(self, key_id: int, waiter: EventWaiter) -> Iterator[EventWaiter]:
        """Count the request among those that wait.

        Raises RateLimited for its key or its workspace, Overloaded for the process.
        """
        if self._by_key[key_id] >= WAITERS_PER_KEY:
            raise RateLimited(KEY_WAITS_MESSAGE.format(most=WAITERS_PER_KEY), retry_after=RETRY_AFTER_SECONDS)
        if self._by_workspace[waiter.workspace_id] >= WAITERS_PER_WORKSPACE:
            message = WORKSPACE_WAITS_MESSAGE.format(most=WAITERS_PER_WORKSPACE)
            raise RateLimited(message, retry_after=RETRY_AFTER_SECONDS)
        if len(self._waiters) >= MAX_WAITERS:
            raise Overloaded(PROCESS_FULL_MESSAGE, retry_after=RETRY_AFTER_SECONDS)
        self._waiters.add(waiter)
        self._by_key[key_id] += 1
        self._by_workspace[waiter.workspace_id] += 1
        self._has_waiters.set()
        if self.is_closing or self._last_news.get(waiter.workspace_id, 0) > waiter.after:
            waiter.woken.set()
        try:
            yield waiter
        finally:
            self._waiters.discard(waiter)
            self._by_key[key_id] -= 1
            self._by_workspace[waiter.workspace_id] -= 1
            for counts in (self._by_key, self._by_workspace):
                counts += Counter()  # forgets those that wait for nothing

    def close(self) -> None:
        """Answer all waiting requests, since the process ends."""
        self.is_closing = True
        for waiter in self._waiters:
            waiter.woken.set()

    async def look_now_and_then(self) -> None:
        """Wake those whose notification was lost or whose client is gone. Runs until cancelled."""
        while True:
            await self._has_waiters.wait()
            await asyncio.sleep(LOOK_SECONDS)
            for waiter in self._waiters:
                if waiter.is_abandoned():
                    waiter.woken.set()
            named = {waiter.workspace_id for waiter in self._waiters if not waiter.woken.is_set()}
            if named:
                await self._look(named)
            if not self._waiters:
                self._has_waiters.clear()

    async def _look(self, workspace_ids: set[int]) -> None:
        try:
            positions = await with_deadline(LOOK_TIMEOUT_SECONDS, self._read_positions(workspace_ids))
        except Exception as error:
            if not is_unavailable(error):
                raise
            return  # those who wait are told when their time is up
        for waiter in self._waiters:
            if positions.get(waiter.workspace_id, 0) > waiter.after:
                waiter.woken.set()

    async def _read_positions(self, workspace_ids: set[int]) -> Mapping[int, int]:
        async with self._engine.connect() as connection:
            cursor = await (await driver_connection(connection)).execute(LAST_POSITIONS_SQL, (list(workspace_ids),))
            rows: list[TupleRow] = await cursor.fetchall()
        return {row[0]: row[1] for row in rows}

    def _on_notification(self, payload: bytes) -> None:
        news = FeedNews.from_payload(payload)
        self._last_news[news.workspace_id] = news.last_position
        for waiter in self._waiters:
            if waiter.concerns(news):
                waiter.woken.set()

    async def _wake_all(self) -> None:
        """Wake all: notifications may have been lost with the connection."""
        for waiter in self._waiters:
            waiter.woken.set()


EVENT_WAITERS = web.AppKey("event_waiters", EventWaiters)


async def event_waiters_lifetime(app: web.Application) -> AsyncIterator[None]:
    """aiohttp's cleanup context."""
    waiters = app[EVENT_WAITERS] = EventWaiters(app[READ_ENGINE_KEY])
    app[NOTIFICATION_LISTENER].add_handler(FEED_CHANNEL, waiters.handler)
    task = asyncio.create_task(run_forever(waiters.look_now_and_then))
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def answer_waiting(app: web.Application) -> None:
    """Answer those who wait when the process is asked to end: it would wait for them."""
    app[EVENT_WAITERS].close()
