"""Natural batching: submissions that arrive while one flush is in flight form the next flush.

There is no timer. At low load a flush holds one submission and leaves at once; under load flushes grow by themselves.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from services.gateway.stores import Store, Stores
from services.gateway.waiting import Outcome, WaitingRoom
from shared import logging
from shared.errors import ApiError, ServerError, ServiceUnavailable
from shared.hints import Hinter
from shared.journal import MOST, MOST_BYTES, Item, Lane, Row
from shared.metrics import REFUSED
from shared.replies import Verdict

log = logging.get()

ROUNDS = 1  # rounds of the event loop without an arrival, after which a flush leaves
# Leads in a flush. It is small where callers wait: otherwise a whole crowd would pass gateway and worker as one batch,
# and each would idle while the other works.
LARGEST = {Lane.WAITED_FOR: 32, Lane.PROMPT: MOST, Lane.BULK: MOST}
CROWD = 200  # unfinished leads of one source, above which it yields to the other sources
FULL = "Too much is waiting to be stored. Send the request again in a moment."

Source = tuple[int, str | None]  # workspace id, source
Done = Callable[[Outcome], None]
Arrival = tuple[Item, Done | None]  # without a callback the caller is among the waiters


class Intake:
    """Takes submissions until they are stored. There is one for each gateway process.

    It reports by callback: a call costs less than a turn of a task. The callback is called once for each submission,
    with its verdict, with None if the workers decide later, or with the error if it could not be stored.
    """

    def __init__(self, store: Stores, waiters: WaitingRoom, hinter: Hinter, buffer_bytes: int) -> None:
        self._room = waiters
        self._unfinished: dict[Source, int] = {}
        self._lanes = {lane: _Flusher(lane, store, waiters, hinter, buffer_bytes) for lane in Lane}

    def take(self, item: Item, lane: Lane, done: Done, source: Source | None = None) -> None:
        """Store a submission, queued under the given source or its own."""
        self._lanes[lane].add(item, done, source or _source(item))

    def take_and_wait(self, item: Item, lane: Lane, seconds: float, done: Done, source: Source | None = None) -> None:
        """Store a submission and wait up to `seconds` for its verdict."""
        source = source or _source(item)
        if not self._room.open():
            self.take(item, Lane.PROMPT, done, source)
            return
        ahead = self._unfinished.get(source, 0)
        self._unfinished[source] = ahead + 1

        def release_and_report(outcome: Outcome) -> None:
            self._finish(source)
            done(outcome)

        self._room.enter(item, seconds, release_and_report)
        self._lanes[Lane.PROMPT if ahead > CROWD else lane].add(item, None, source)

    async def accept(self, items: list[Item], lane: Lane, seconds: float = 0) -> list[Verdict | None]:
        """Store submissions in their order and return their verdicts, waiting up to `seconds` for them.

        Raises ServiceUnavailable if they cannot be stored now.
        """
        futures = [_Future() for _ in items]
        source = _source(items[0])  # one for all, even if they name several: otherwise items would overtake one another
        for item, future in zip(items, futures, strict=True):
            if seconds:
                self.take_and_wait(item, lane, seconds, future.settle, source)
            else:
                self.take(item, lane, future.settle, source)
        return await asyncio.gather(*[future.outcome for future in futures])

    def _finish(self, source: Source) -> None:
        left = self._unfinished[source] - 1
        if left:
            self._unfinished[source] = left
        else:
            del self._unfinished[source]

    async def finish(self) -> None:
        """Wait until nothing is left to store: the end of a graceful stop."""
        for flusher in self._lanes.values():
            await flusher.finish()


def _source(item: Item) -> Source:
    return item.workspace_id, item.source


class _Future:
    """An outcome that a coroutine can wait for."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Verdict | None] = asyncio.get_running_loop().create_future()

    def settle(self, outcome: Outcome) -> None:
        if self.outcome.done():  # the coroutine was cancelled
            return
        if isinstance(outcome, ApiError):
            self.outcome.set_exception(outcome)
        else:
            self.outcome.set_result(outcome)


class _Flusher:
    """The queued submissions of one lane, by source, and its flush in flight."""

    def __init__(self, lane: Lane, store: Stores, waiters: WaitingRoom, hinter: Hinter, buffer_bytes: int) -> None:
        self._lane = lane
        self._largest = LARGEST[lane]
        self._stores = store
        self._room = waiters
        self._hinter = hinter
        self._space = buffer_bytes
        self._queues: dict[Source, deque[Arrival]] = {}
        self._size = 0
        self._task: asyncio.Task[None] | None = None

    async def finish(self) -> None:
        while self._task is not None:
            await asyncio.wait({self._task})

    def add(self, item: Item, done: Done | None, source: Source) -> None:
        """Add an item to the next flush, or refuse it if the buffer is full."""
        if len(item.body) > self._space:
            REFUSED.inc()
            self._tell((item, done), ServiceUnavailable(FULL))
            return
        self._space -= len(item.body)
        queue = self._queues.get(source)
        if queue is None:
            queue = self._queues[source] = deque()
        queue.append((item, done))
        self._size += 1
        if self._task is None:
            self._task = asyncio.create_task(self._flush_all())

    def _tell(self, arrival: Arrival, outcome: Outcome) -> None:
        item, done = arrival
        if done:
            done(outcome)
        else:
            self._room.settle(item.reply, outcome)

    async def _flush_all(self) -> None:
        try:
            while self._size:
                await self._gather()
                await self._flush(self._next())
        finally:
            self._task = None

    async def _gather(self) -> None:
        """Let the event loop run while that brings arrivals, so that requests waiting in sockets join the flush.

        A request may need one or two rounds of the loop from its socket to here. A round takes a few microseconds.
        """
        size, rounds = 0, 0
        while rounds < ROUNDS and self._size < self._largest:
            rounds = rounds + 1 if size == self._size else 0
            size = self._size
            await asyncio.sleep(0)

    async def _flush(self, arrivals: list[Arrival]) -> None:
        items = [item for item, _ in arrivals]
        outcome: ApiError | None = None
        store: Store | None = None
        try:
            row = Row.of(self._lane, items, self._room.channel)
            # If all callers wait for a worker's commit, that commit waits for the disk, and this one need not.
            store = await self._stores.store(row, durable=any(done for _, done in arrivals))
        except ApiError as refused:
            outcome = refused
        except Exception:
            log.exception("flush.failed", submissions=len(items))
            outcome = ServerError()
        self._space += sum([len(item.body) for item in items])
        in_journal = store == "journal"
        for arrival in arrivals:
            # Workers answer the waiting callers, except those of spooled submissions, which get no verdict soon.
            if arrival[1] or not in_journal:
                self._tell(arrival, outcome)
        if in_journal:
            waiting = [item.reply for item in items if item.reply]
            self._room.stored(waiting)
            self._hinter.committed(hurried=bool(waiting))

    def _next(self) -> list[Arrival]:
        """Return the next flush, one submission of each source in turn: a busy source cannot block the others."""
        arrivals: list[Arrival] = []
        size = 0
        for source in self._turns():
            queue = self._queues[source]
            size += len(queue[0][0].body)
            if arrivals and (len(arrivals) == self._largest or size > MOST_BYTES):
                break
            arrivals.append(queue.popleft())
            if not queue:
                del self._queues[source]
        self._size -= len(arrivals)
        return arrivals

    def _turns(self) -> Iterator[Source]:
        """Yield the sources that have queued submissions, round after round."""
        while self._queues:
            yield from list(self._queues)
