"""The engine of a process: it handles batch after batch until nothing waits, each in one transaction.

A batch that fails is halved under savepoints until each failing item stands alone, so that one bad run does not hold
up others. If the server ends a batch because it took too long, it cannot be halved: the next batches are smaller, and
an item that timed out alone is set aside the next time it is claimed.
"""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import cache, partial
from typing import TypeVar

from services.workers.automations import outbox, runs, silences
from services.workers.automations.act import act
from services.workers.automations.ahead import Purses
from services.workers.automations.match import Matched, match
from services.workers.automations.rounds import Round
from services.workers.automations.rules import Book
from services.workers.automations.values import Event, Run
from services.workers.pace import Pace
from shared import logging
from shared.bisection import isolate_failures
from shared.contention import retry_contended
from shared.db import UNHURRIED, Connection, is_contention, is_unavailable, took_too_long
from shared.metrics import AUTOMATED, AUTOMATION_SECONDS
from shared.settings import Settings
from shared.vault import Vault

log = logging.get()

RETRIES = 6  # attempts at a batch that meets contention
# A workspace that used up its rendering budget in a round renders nothing for this many times the length of that round.
# The process does other work in the meantime.
REST = 3

T = TypeVar("T", Event, Run)


class Engine:
    """Handles the outbox and due runs of a process.

    `deliver` is called after deliveries were committed. `stopping` returns whether the process was asked to end.
    """

    def __init__(self, settings: Settings, deliver: Callable[[], object], stopping: Callable[[], bool]) -> None:
        self._vault = cache(lambda: Vault.from_settings(settings))  # takes 50 ms, and most automations need no cipher
        self._deliver = deliver
        self._stopping = stopping
        self._book = Book()
        self._events_at_once, self._runs_at_once = Pace(outbox.AT_ONCE), Pace(runs.AT_ONCE)
        self._rounds: defaultdict[str, Round] = defaultdict(Round)  # by kind of work
        self._purses = Purses()
        self._resting: dict[int, float] = {}  # workspace id to the time at which it stops resting
        self._ended: dict[tuple[type, int], Exception] = {}  # items that timed out alone in a batch

    async def run(self, connection: Connection, *, seconds: float = float("inf")) -> bool:
        """Handle everything that waits, for up to `seconds`. Return False if something was left.

        Runs of a resting workspace stay due, and the sweeper wakes a worker for them. Raises errors that tell of the
        database's state; the rows then wait for the next call.
        """
        end = time.monotonic() + seconds
        await outbox.skip(connection)
        while not self._stopping():
            began = time.monotonic()
            self._purses = Purses(self._resting)
            done = [await self._uncontended(connection, batch) for batch in (self._events, self._due, self._silences)]
            self._rest(began)
            if not any(done):
                return True
            if time.monotonic() > end:
                return False
        return False

    def _rest(self, began: float) -> None:
        now = time.monotonic()
        spent = self._purses.empty() - self._resting.keys()
        resting = {workspace_id: until for workspace_id, until in self._resting.items() if until > now}
        self._resting = resting | dict.fromkeys(spent, now + REST * (now - began))

    async def _uncontended(self, connection: Connection, batch: Callable[[Connection], Awaitable[int]]) -> int:
        return await retry_contended(
            lambda: batch(connection), attempts=RETRIES, pause=0.01, event="automations.contended"
        )

    async def _silences(self, connection: Connection) -> int:
        async with connection.transaction():
            ended = await silences.end(connection, self._rounds["silences"])
        self._rounds["silences"].passed()
        return ended

    async def _events(self, connection: Connection) -> int:
        work = self._act_on_events, self._set_aside
        return await self._batch(connection, "events", self._events_at_once, outbox.claim, *work)

    async def _due(self, connection: Connection) -> int:
        work = self._act_on_runs, self._postpone
        return await self._batch(connection, "due", self._runs_at_once, runs.take_due, *work)

    async def _batch(
        self,
        connection: Connection,
        kind: str,
        pace: Pace,
        take: Callable[[Connection, int, Round], Awaitable[list[T]]],
        work: Callable[[Connection, Sequence[T]], Awaitable[bool]],
        isolate: Callable[[Connection, T, Exception], Awaitable[None]],
    ) -> int:
        started = time.perf_counter()
        taken: list[T] = []
        ended: list[T] = []
        try:
            async with connection.transaction():
                taken = await take(connection, pace.most, self._rounds[kind])
                ended = [one for one in taken if (type(one), one.id) in self._ended]
                for one in ended:
                    await isolate(connection, one, self._ended[type(one), one.id])
                told = await self._act(connection, [one for one in taken if one not in ended], work, isolate)
                await self._finish(connection, told=told)
        except Exception as error:
            self._failed(taken, pace, error)
            raise
        self._rounds[kind].passed()
        for one in ended:  # a run is retried later
            del self._ended[type(one), one.id]
        if taken:
            pace.took(len(taken), time.perf_counter() - started)
        done = sum(not (isinstance(one, Run) and one.id in self._purses.put_off) for one in taken)
        self._report(told, started, **{kind: done})
        return done

    def _failed(self, taken: Sequence[Event | Run], pace: Pace, error: Exception) -> None:
        """Shrink the next batches if this one may have been too large, and remember an item that timed out alone."""
        if taken and is_unavailable(error):
            pace.was_too_much(len(taken))
        if len(taken) == 1 and took_too_long(error):
            self._ended[type(taken[0]), taken[0].id] = error

    async def _finish(self, connection: Connection, *, told: bool) -> None:
        """Let the commit not wait for the disk if nothing is sent.

        A crash then undoes the whole batch, including the claim of its events, and the batch is repeated.
        """
        if not told:
            await connection.execute(f"SELECT {UNHURRIED}")

    def _report(self, told: bool, started: float, **taken: int) -> None:
        """Report a committed batch: announce its deliveries, and record metrics and a log line."""
        if told:
            self._deliver()
        if not any(taken.values()):
            return
        seconds = time.perf_counter() - started
        AUTOMATION_SECONDS.observe(seconds)
        for kind, n in taken.items():
            AUTOMATED.labels(kind).inc(n)
        log.info("automations", **taken, told=told, ms=round(seconds * 1000, 2))

    async def _act_on_events(self, connection: Connection, events: Sequence[Event]) -> bool:
        rules = await self._book.of(connection, {event.workspace_id for event in events})
        matched = match(events, rules)
        await silences.note(connection, matched.silences)
        begun = await runs.begin(connection, matched.runs)
        return await act(connection, self._vault, begun, matched, rules, self._purses)

    async def _act_on_runs(self, connection: Connection, due: Sequence[Run]) -> bool:
        return await act(connection, self._vault, due, Matched(), {}, self._purses)

    async def _set_aside(self, connection: Connection, event: Event, error: Exception) -> None:
        """Handle an event that fails: write its runs, so that each is retried by itself, and send its webhooks.

        Webhooks and form notifications do not depend on the runs, so they are sent regardless.
        """
        log.warning("automations.event_failed", event_id=event.id, error=type(error).__name__)
        for part in (self._begin, self._tell):
            try:
                async with connection.transaction():
                    rules = await self._book.of(connection, [event.workspace_id])
                    await part(connection, match([event], rules))
            except Exception as lost:
                if is_unavailable(lost) or is_contention(lost):
                    raise
                log.exception("automations.event_dropped", event_id=event.id, workspace_id=event.workspace_id)

    async def _begin(self, connection: Connection, matched: Matched) -> None:
        await silences.note(connection, matched.silences)
        await runs.begin(connection, matched.runs)

    async def _tell(self, connection: Connection, matched: Matched) -> None:
        """Write the deliveries of an event without its runs. This is rare, so the sweeper finds them without a hint."""
        told = Matched(told=matched.told, submitted=matched.submitted)
        await act(connection, self._vault, [], told, {}, self._purses)

    async def _postpone(self, connection: Connection, run: Run, error: Exception) -> None:
        log.warning("automations.run_failed", run_id=run.id, attempts=run.attempts + 1, error=type(error).__name__)
        await runs.postpone(connection, run, error)

    async def _act(
        self,
        connection: Connection,
        batch: Sequence[T],
        work: Callable[[Connection, Sequence[T]], Awaitable[bool]],
        isolate: Callable[[Connection, T, Exception], Awaitable[None]],
    ) -> bool:
        """Act on the batch under savepoints. Return whether there are deliveries."""

        async def act_on(part: Sequence[T]) -> bool:
            async with connection.transaction():
                return await work(connection, part)

        return any(await isolate_failures(batch, act_on, partial(isolate, connection)))
