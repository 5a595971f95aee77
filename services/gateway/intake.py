"""Natural batching: while one flush is in flight arrivals gather, then they go as one.

No timer: at low load a flush holds one submission and leaves at once, under load flushes grow by themselves.
"""

import asyncio
from collections import deque

from services.gateway.stores import Stores
from services.gateway.waiting import WaitingRoom
from shared import logging
from shared.errors import ApiError, ServerError, ServiceUnavailable
from shared.hints import Waker
from shared.journal import MOST, Item, Lane, Row
from shared.replies import Verdict

log = logging.get()

ROUNDS = 4  # of the event loop without an arrival, after which a flush leaves
CROWD = 200  # unfinished leads of one source before it gives way to the others
Source = tuple[int, str | None]  # workspace id, source
Arrival = tuple[Item, "asyncio.Future[None]"]


class Intake:
    """Takes submissions and returns once they are durable. One per gateway process."""

    def __init__(self, stores: Stores, room: WaitingRoom, hinter: Waker, buffer_bytes: int) -> None:
        self._room = room
        self._unfinished: dict[Source, int] = {}
        self._lanes = {lane: _Flusher(lane, stores, room, hinter, buffer_bytes) for lane in Lane}

    async def accept(self, items: list[Item], lane: Lane) -> None:
        """Stores the items. Raises ServiceUnavailable when that is not possible now."""
        flusher = self._lanes[lane]
        if len(items) == 1:
            await flusher.add(items[0])
        else:
            await asyncio.gather(*[flusher.add(item) for item in items])

    async def accept_and_wait(self, items: list[Item], lane: Lane, seconds: float) -> list[Verdict | None]:
        """Stores the items and waits up to that long for their verdicts; None: accepted, the row decides later."""
        if not self._room.open():
            await self.accept(items, Lane.PROMPT)
            return [None] * len(items)
        waiters = [self._room.enter(item, seconds) for item in items]
        source = (items[0].workspace_id, items[0].source)
        ahead = self._unfinished.get(source, 0)
        self._unfinished[source] = ahead + len(items)
        try:
            await self.accept(items, Lane.PROMPT if ahead > CROWD else lane)
            return [await waiter for waiter in waiters]
        finally:
            self._room.leave(items)
            self._finish(source, len(items))

    def _finish(self, source: Source, n: int) -> None:
        left = self._unfinished[source] - n
        if left:
            self._unfinished[source] = left
        else:
            del self._unfinished[source]

    async def finish(self) -> None:
        """Waits until nothing is left to store: the end of a graceful stop."""
        for flusher in self._lanes.values():
            await flusher.finish()


class _Flusher:
    """One lane: what arrived, by source, and the one flush in flight."""

    def __init__(self, lane: Lane, stores: Stores, room: WaitingRoom, hinter: Waker, buffer_bytes: int) -> None:
        self._lane = lane
        self._stores = stores
        self._room = room
        self._hinter = hinter
        self._space = buffer_bytes
        self._queues: dict[Source, deque[Arrival]] = {}
        self._size = 0
        self._task: asyncio.Task[None] | None = None

    async def finish(self) -> None:
        while self._task is not None:
            await asyncio.wait({self._task})

    def add(self, item: Item) -> "asyncio.Future[None]":
        """Resolves when the item is durable. Raises ServiceUnavailable when the buffer is full."""
        if len(item.body) > self._space:
            raise ServiceUnavailable("Too much is waiting to be stored. Send the request again in a moment.")
        self._space -= len(item.body)
        stored = asyncio.get_running_loop().create_future()
        source = (item.workspace_id, item.source)
        queue = self._queues.get(source)
        if queue is None:
            queue = self._queues[source] = deque()
        queue.append((item, stored))
        self._size += 1
        if self._task is None:
            self._task = asyncio.create_task(self._flush_all())
        return stored

    async def _flush_all(self) -> None:
        try:
            while self._size:
                await self._gather()
                await self._flush(self._next())
        finally:
            self._task = None

    async def _gather(self) -> None:
        """Lets the event loop go round while that brings arrivals: those that lie in the sockets come along.

        A request takes the loop a few rounds from its socket to here; a round takes some microseconds.
        """
        size, rounds = 0, 0
        while rounds < ROUNDS and self._size < MOST:
            rounds = rounds + 1 if size == self._size else 0
            size = self._size
            await asyncio.sleep(0)

    async def _flush(self, arrivals: list[Arrival]) -> None:
        items = [item for item, _ in arrivals]
        error: ApiError | None = None
        try:
            store = await self._stores.store(Row.of(self._lane, items, self._room.channel))
        except ApiError as refused:
            error = refused
        except Exception:
            log.exception("flush.failed", submissions=len(items))
            error = ServerError()
        self._space += sum([len(item.body) for item in items])
        for _, stored in arrivals:
            if not stored.done():
                stored.set_exception(error) if error else stored.set_result(None)
        if error:
            return
        if store == "journal":
            self._hinter.committed(hurried=any(item.reply for item in items))
        else:
            self._room.release([item.reply for item in items if item.reply])

    def _next(self) -> list[Arrival]:
        """Up to MOST arrivals, one of each source in turn, so that one at full blast does not keep the others out."""
        arrivals: list[Arrival] = []
        while self._queues and len(arrivals) < MOST:
            for source in list(self._queues):
                queue = self._queues[source]
                arrivals.append(queue.popleft())
                if not queue:
                    del self._queues[source]
                if len(arrivals) == MOST:
                    break
        self._size -= len(arrivals)
        return arrivals
