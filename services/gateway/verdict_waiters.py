"""The callers that wait for a verdict, and the notifications that bring verdicts."""

import asyncio
import contextlib
import itertools
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.intake.journal import JournalItem
from shared.intake.verdicts import LOOK_UP_STATE, Verdict, decode_replies
from shared.operations.lane_pauses import IS_ACTIVE_SQL
from shared.platform.db.connections import ConnectionPool, with_deadline
from shared.platform.db.database_errors import is_unavailable
from shared.platform.db.notifications import ChannelHandler, NotificationListener
from shared.platform.db.standby_watch import COMMITS_WAIT_SQL
from shared.platform.errors import ApiError, ServiceUnavailable
from shared.platform.observability import logging
from shared.platform.observability.metrics import WAITING_CALLERS

log = logging.get_logger()

DEADLINE_CHECK_SECONDS = 0.1  # seconds between two checks of deadlines
WORKER_CHECK_SECONDS = 1.0  # seconds between two checks for a living worker
LISTENER_GRACE_SECONDS = 3.0  # seconds after which a lost listener is given up: without it no verdict arrives
SHUTDOWN_WAIT_SECONDS = 5.0  # seconds that callers still wait when the server stops: less than its connections get
# Seconds until a stored submission is looked up for the first time; each later look comes after twice as long. A worker
# that died after its commit may not have sent the verdict.
FIRST_LOOK_SECONDS = 1.0
STALE_HEARTBEAT_SECONDS = 10.0  # seconds without a heartbeat after which a worker counts as gone
# Seconds for which a commit may wait for a synchronous standby. If one waits longer, the standby is away: no worker
# commits, and no verdict comes.
STANDBY_SECONDS = 1.0

LIVE_WORKERS_SQL = f"""
SELECT EXISTS (SELECT FROM processes
               WHERE kind IN ('worker', 'sweeper') AND seen_at > now() - make_interval(secs => %s)),
       EXISTS (SELECT FROM lane_pauses WHERE workspace_id = 0 AND lane = 'waited_for' AND {IS_ACTIVE_SQL}),
       {COMMITS_WAIT_SQL}
"""
VERDICTS_SQL = """
SELECT s.workspace_id, s.id::text, s.state, s.lead_id, s.is_duplicate, s.matched_on, s.warnings
FROM unnest(%s::bigint[], %s::uuid[], %s::timestamptz[]) AS wanted(workspace_id, id, at)
JOIN submissions s ON s.workspace_id = wanted.workspace_id AND s.id = wanted.id AND s.received_at = wanted.at
"""


SubmissionOutcome = Verdict | ApiError | None  # None: accepted, to be decided later; an error: not stored


@dataclass(slots=True)
class _WaitingCaller:
    """A waiting caller. Its time cannot run out before its submission is stored, as only then it is accepted."""

    item: JournalItem
    deadline: float
    on_outcome: Callable[[SubmissionOutcome], None]
    is_stored: bool = False
    look_at: float = float("inf")  # when its verdict is looked up next
    look_seconds: float = FIRST_LOOK_SECONDS  # between that look and the one before

    def mark_stored(self, now: float) -> None:
        self.is_stored = True
        self.look_at = now + self.look_seconds

    def is_look_due(self, now: float) -> bool:
        """Return whether its verdict is to be looked up now. The next look is due after twice the time."""
        if now < self.look_at:
            return False
        self.look_seconds *= 2
        self.look_at = now + self.look_seconds
        return True


class VerdictWaiters:
    """The waiting callers of this process, by number. Workers send their verdicts to `channel`.

    A verdict is durable, and its submission with it. A submission without a verdict may not be durable before
    `ensure_durable` has been called for it, which happens before a caller is answered 202. `on_standby_away` is called
    at each look that finds commits waiting for a standby, before their callers are answered.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        notices: NotificationListener,
        max_waiters: int,
        on_verdict: Callable[[], None],
        ensure_durable: Callable[[list[JournalItem], str], Awaitable[None]],
        on_standby_away: Callable[[], None],
    ) -> None:
        self.channel = f"replies_{os.getpid()}_{os.urandom(6).hex()}"
        self._pool = pool
        self._max_waiters = max_waiters
        self._on_verdict = on_verdict
        self._ensure_durable = ensure_durable
        self._on_standby_away = on_standby_away
        self._numbers = itertools.count(1)
        self._waiters: dict[int, _WaitingCaller] = {}
        self._first_arrived = asyncio.Event()  # the first caller after a while without any
        self._lookup_tasks: set[asyncio.Task[None]] = set()
        self._is_listening = False
        self._listener_lost_at = 0.0  # when the listener was last lost
        self._has_live_worker = False
        self._is_standby_away = False  # a synchronous standby that commits wait for, as of the last look
        self.is_lane_paused = False  # the lane of waiting callers, as of the last look
        self.has_seen_worker = False  # true once a worker was seen by this process
        notices.add_handler(
            self.channel,
            ChannelHandler(
                self._on_notification, on_connected=self._on_listening, on_disconnected=self._on_listener_lost
            ),
        )

    def can_wait(self) -> bool:
        """Return whether waiting makes sense: there is room, the listener works, and a worker can commit."""
        has_room = len(self._waiters) < self._max_waiters
        can_decide = self._has_live_worker and not self.is_lane_paused and not self._is_standby_away
        return self._is_listening and has_room and can_decide

    def add_waiter(self, item: JournalItem, seconds: float, done: Callable[[SubmissionOutcome], None]) -> None:
        """Give the item the number under which its verdict will arrive.

        `done` is called once, with None when time is up.
        """
        item.reply = next(self._numbers)
        if not self._waiters:
            self._first_arrived.set()
        self._waiters[item.reply] = _WaitingCaller(item, time.monotonic() + seconds, done)

    def mark_stored(self, numbers: list[int]) -> None:
        """Mark these submissions as stored in the journal."""
        now = time.monotonic()
        for number in numbers:
            if waiter := self._waiters.get(number):  # otherwise its verdict came first
                waiter.mark_stored(now)

    def resolve_waiter(self, number: int, outcome: SubmissionOutcome) -> None:
        """Report the outcome to the caller of that number, if it still waits."""
        waiter = self._waiters.pop(number, None)
        if waiter:
            waiter.on_outcome(outcome)

    def shorten_deadlines(self) -> None:
        """Shorten all deadlines: a caller that is cut off would not know that its lead is stored."""
        end = time.monotonic() + SHUTDOWN_WAIT_SECONDS
        for waiter in self._waiters.values():
            waiter.deadline = min(waiter.deadline, end)

    async def _on_listening(self) -> None:
        """Note that verdicts arrive from now on, and look up those that were missed."""
        self._is_listening = True
        await self._look_up_verdicts(list(self._waiters))
        await self._recover_stored()

    def _on_listener_lost(self) -> None:
        if self._is_listening:
            self._is_listening, self._listener_lost_at = False, time.monotonic()

    async def _recover_stored(self) -> None:
        """Make the waiting submissions durable again: a crash of the database may have removed them."""
        stored = [waiter.item for waiter in self._waiters.values() if waiter.is_stored]
        if stored:
            with contextlib.suppress(ServiceUnavailable):  # it is tried again when their time is up
                await self._ensure_durable(stored, self.channel)

    def _on_notification(self, payload: bytes) -> None:
        missed = []
        for number, verdict in decode_replies(payload):
            if verdict.state == LOOK_UP_STATE:
                missed.append(number)
            else:
                self.resolve_waiter(number, verdict)
        self._on_verdict()
        if missed:
            task = asyncio.create_task(self._look_up_verdicts(missed))
            self._lookup_tasks.add(task)
            task.add_done_callback(self._finish_lookup)

    def _finish_lookup(self, task: asyncio.Task[None]) -> None:
        self._lookup_tasks.discard(task)
        if not task.cancelled():
            task.exception()  # retrieve the error: the lookup is repeated when the callers' time is up

    async def watch_deadlines(self) -> None:
        """Answer callers whose time is up, and check that a worker is alive. Runs until cancelled."""
        beat, shown = 0.0, 0
        while True:
            await self._wait_for_check()
            if shown != len(self._waiters):
                shown = len(self._waiters)
                WAITING_CALLERS.set(shown)
            now = time.monotonic()
            is_deaf = not self._is_listening and now - self._listener_lost_at > LISTENER_GRACE_SECONDS
            stored = [(number, waiter) for number, waiter in self._waiters.items() if waiter.is_stored]
            is_vain = is_deaf or self._is_standby_away
            late = [number for number, waiter in stored if is_vain or waiter.deadline <= now]
            unheard = [number for number, waiter in stored if waiter.is_look_due(now)]
            try:
                if late or unheard:
                    await with_deadline(1, self._look_up_verdicts([*late, *unheard]))
                if now - beat >= WORKER_CHECK_SECONDS:
                    beat = now
                    self._has_live_worker = await with_deadline(1, self._is_any_worker_alive())
                    self.has_seen_worker = self.has_seen_worker or self._has_live_worker
            except Exception as error:  # whatever the error is, late callers are answered
                self._has_live_worker = False
                if not is_unavailable(error):
                    log.exception("waiting.failed")
            await self._release_late([number for number in late if number in self._waiters])

    async def _wait_for_check(self) -> None:
        """Wait until the next check of deadlines; while nobody waits until the next one of workers, or a caller."""
        if self._waiters:
            await asyncio.sleep(DEADLINE_CHECK_SECONDS)
            return
        self._first_arrived.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._first_arrived.wait(), WORKER_CHECK_SECONDS)

    async def _release_late(self, numbers: list[int]) -> None:
        """Answer callers that their submission is decided later."""
        outcome: SubmissionOutcome = None
        if numbers:
            try:
                await self._ensure_durable([self._waiters[number].item for number in numbers], self.channel)
            except ServiceUnavailable as refused:
                outcome = refused
        for number in numbers:
            self.resolve_waiter(number, outcome)

    async def _is_any_worker_alive(self) -> bool:
        known = STALE_HEARTBEAT_SECONDS, STANDBY_SECONDS
        async with self._pool.connection() as connection:
            row = await (await connection.execute(LIVE_WORKERS_SQL, known)).fetchone()
        self.is_lane_paused, self._is_standby_away = bool(row and row[1]), bool(row and row[2])
        if self._is_standby_away:
            self._on_standby_away()
        return bool(row and row[0])

    async def _look_up_verdicts(self, numbers: list[int]) -> None:
        """Answer callers whose verdict is in the database: notifications can be lost with a connection, rows cannot."""
        waiting = {number: self._waiters[number] for number in numbers if number in self._waiters}
        if not waiting:
            return
        items = [waiter.item for waiter in waiting.values()]
        wanted = (
            [i.workspace_id for i in items],
            [i.id for i in items],
            [_iso_timestamp(i.received_at) for i in items],
        )
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(VERDICTS_SQL, wanted)).fetchall()
        found = {(row[0], row[1]): Verdict(*row[2:]) for row in rows}
        for number, waiter in waiting.items():
            if verdict := found.get((waiter.item.workspace_id, waiter.item.id)):
                self.resolve_waiter(number, verdict)


def _iso_timestamp(ms: int) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ms // 1000))}.{ms % 1000:03d}+00:00"
