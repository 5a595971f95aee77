"""The callers that wait for a verdict, and the notifications that bring verdicts."""

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared import logging
from shared.db import Pool, is_unavailable, within
from shared.errors import ApiError, ServiceUnavailable
from shared.journal import Item
from shared.metrics import WAITING
from shared.notices import Listener, Notices
from shared.replies import LOOK_UP, Verdict, unpacked

log = logging.get()

LOOK = 0.1  # seconds between two checks of deadlines
UNHEARD = 3.0  # seconds after which a lost listener is given up: without it no verdict arrives
PARTING = 5.0  # seconds that callers still wait when the server stops: less than its connections get
STALE = 10.0  # seconds without a heartbeat after which a worker counts as gone

WORKERS = """
SELECT EXISTS (SELECT FROM processes
               WHERE kind IN ('worker', 'sweeper') AND seen_at > now() - make_interval(secs => %s))
"""
VERDICTS = """
SELECT s.workspace_id, s.id::text, s.state, s.lead_id, s.is_duplicate, s.matched_on, s.warnings
FROM unnest(%s::bigint[], %s::uuid[], %s::timestamptz[]) AS wanted(workspace_id, id, at)
JOIN submissions s ON s.workspace_id = wanted.workspace_id AND s.id = wanted.id AND s.received_at = wanted.at
"""


Outcome = Verdict | ApiError | None  # None: accepted, to be decided later; an error: not stored


@dataclass(slots=True)
class _Waiter:
    """A waiting caller. Its time cannot run out before its submission is stored, as only then it is accepted."""

    item: Item
    deadline: float
    done: Callable[[Outcome], None]
    stored: bool = False


class WaitingRoom:
    """The waiting callers of this process, by number. Workers send their verdicts to `channel`.

    A verdict is durable, and its submission with it. A submission without a verdict may not be durable before
    `ensure_durable` has been called for it, which happens before a caller is answered 202.
    """

    def __init__(
        self,
        pool: Pool,
        notices: Notices,
        most: int,
        on_verdict: Callable[[], None],
        secure: Callable[[list[Item], str], Awaitable[None]],
    ) -> None:
        self.channel = f"replies_{os.getpid()}_{os.urandom(6).hex()}"
        self._pool = pool
        self._most = most
        self._on_verdict = on_verdict
        self._secure = secure
        self._numbers = itertools.count(1)
        self._waiters: dict[int, _Waiter] = {}
        self._looking: set[asyncio.Task[None]] = set()
        self._listening = False
        self._broke = 0.0  # when the listener was last lost
        self._workers = False
        self.somebody_worked = False  # true once a worker was seen by this process
        notices.listen(self.channel, Listener(self._hear, begun=self._begin, ended=self._end))

    def open(self) -> bool:
        """Return whether waiting makes sense: there is room, the listener works and a worker is alive."""
        return self._listening and self._workers and len(self._waiters) < self._most

    def enter(self, item: Item, seconds: float, done: Callable[[Outcome], None]) -> None:
        """Give the item the number under which its verdict will arrive.

        `done` is called once, with None when time is up.
        """
        item.reply = next(self._numbers)
        self._waiters[item.reply] = _Waiter(item, time.monotonic() + seconds, done)

    def stored(self, numbers: list[int]) -> None:
        """Mark these submissions as stored in the journal."""
        for number in numbers:
            if waiter := self._waiters.get(number):  # otherwise its verdict came first
                waiter.stored = True

    def settle(self, number: int, outcome: Outcome) -> None:
        """Report the outcome to the caller of that number, if it still waits."""
        waiter = self._waiters.pop(number, None)
        if waiter:
            waiter.done(outcome)

    def hasten(self) -> None:
        """Shorten all deadlines: a caller that is cut off would not know that its lead is stored."""
        end = time.monotonic() + PARTING
        for waiter in self._waiters.values():
            waiter.deadline = min(waiter.deadline, end)

    async def _begin(self) -> None:
        """Note that verdicts arrive from now on, and look up those that were missed."""
        self._listening = True
        await self._look_up(list(self._waiters))
        await self._recover()

    def _end(self) -> None:
        if self._listening:
            self._listening, self._broke = False, time.monotonic()

    async def _recover(self) -> None:
        """Make the waiting submissions durable again: a crash of the database may have removed them."""
        stored = [waiter.item for waiter in self._waiters.values() if waiter.stored]
        if stored:
            with contextlib.suppress(ServiceUnavailable):  # it is tried again when their time is up
                await self._secure(stored, self.channel)

    def _hear(self, payload: bytes) -> None:
        missed = []
        for number, verdict in unpacked(payload):
            if verdict.state == LOOK_UP:
                missed.append(number)
            else:
                self.settle(number, verdict)
        self._on_verdict()
        if missed:
            task = asyncio.create_task(self._look_up(missed))
            self._looking.add(task)
            task.add_done_callback(self._looked_up)

    def _looked_up(self, task: asyncio.Task[None]) -> None:
        self._looking.discard(task)
        if not task.cancelled():
            task.exception()  # retrieve the error: the lookup is repeated when the callers' time is up

    async def watch(self) -> None:
        """Answer callers whose time is up, and check that a worker is alive. Runs until cancelled."""
        beat = 0.0
        while True:
            await asyncio.sleep(LOOK)
            WAITING.set(len(self._waiters))
            now = time.monotonic()
            is_deaf = not self._listening and now - self._broke > UNHEARD
            stored = [(number, waiter) for number, waiter in self._waiters.items() if waiter.stored]
            late = [number for number, waiter in stored if is_deaf or waiter.deadline <= now]
            try:
                if late:
                    await within(1, self._look_up(late))
                if now - beat > 1:
                    beat = now
                    self._workers = await within(1, self._somebody_works())
                    self.somebody_worked = self.somebody_worked or self._workers
            except Exception as error:  # whatever the error is, late callers are answered
                self._workers = False
                if not is_unavailable(error):
                    log.exception("waiting.failed")
            await self._let_go([number for number in late if number in self._waiters])

    async def _let_go(self, numbers: list[int]) -> None:
        """Answer callers that their submission is decided later."""
        outcome: Outcome = None
        if numbers:
            try:
                await self._secure([self._waiters[number].item for number in numbers], self.channel)
            except ServiceUnavailable as refused:
                outcome = refused
        for number in numbers:
            self.settle(number, outcome)

    async def _somebody_works(self) -> bool:
        async with self._pool.connection() as connection:
            row = await (await connection.execute(WORKERS, (STALE,))).fetchone()
        return bool(row and row[0])

    async def _look_up(self, numbers: list[int]) -> None:
        """Answer callers whose verdict is in the database: notifications can be lost with a connection, rows cannot."""
        waiting = {number: self._waiters[number] for number in numbers if number in self._waiters}
        if not waiting:
            return
        items = [waiter.item for waiter in waiting.values()]
        wanted = ([i.workspace_id for i in items], [i.id for i in items], [_timestamp(i.received_at) for i in items])
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(VERDICTS, wanted)).fetchall()
        found = {(row[0], row[1]): Verdict(*row[2:]) for row in rows}
        for number, waiter in waiting.items():
            if verdict := found.get((waiter.item.workspace_id, waiter.item.id)):
                self.settle(number, verdict)


def _timestamp(ms: int) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ms // 1000))}.{ms % 1000:03d}+00:00"
