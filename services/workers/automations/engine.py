"""The engine of a process: batch after batch until nothing waits, each in one transaction.

A batch that fails as a whole is halved under savepoints until what fails stands alone: one poison run holds up no
other. What the server ends for the time that it takes leaves nothing to halve: the batches that follow are smaller, and
what was alone in one is set aside the next time it is met.
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

RETRIES = 6  # of a batch that met others in its way
# A workspace whose texts took all their time in a round makes none for as long as so many such rounds take: meanwhile
# the process does other work.
REST = 3

T = TypeVar("T", Event, Run)


class Engine:
    """A process's way through the outbox and the runs that are due. `stopping` says whether it was asked to end.

    `deliver` is called when deliveries were committed.
    """

    def __init__(self, settings: Settings, deliver: Callable[[], object], stopping: Callable[[], bool]) -> None:
        self._vault = cache(lambda: Vault.from_settings(settings))  # 50 ms, and most automations need none
        self._deliver = deliver
        self._stopping = stopping
        self._book = Book()
        self._events_at_once, self._runs_at_once = Pace(outbox.AT_ONCE), Pace(runs.AT_ONCE)
        self._rounds: defaultdict[str, Round] = defaultdict(Round)  # by what is taken
        self._purses = Purses()
        self._resting: dict[int, float] = {}  # workspaces, and until when
        self._ended: dict[tuple[type, int], Exception] = {}  # what took too long when it was alone in its batch

    async def run(self, connection: Connection, *, seconds: float = float("inf")) -> bool:
        """Acts on all that waits, for so long; False when something was left. Runs of a workspace that rests stay due,
        and the sweeper says so.

        Raises what tells of the database's state; the rows then wait for whoever comes next.
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
        for one in ended:  # a run is tried again later
            del self._ended[type(one), one.id]
        if taken:
            pace.took(len(taken), time.perf_counter() - started)
        done = sum(not (isinstance(one, Run) and one.id in self._purses.put_off) for one in taken)
        self._report(told, started, **{kind: done})
        return done

    def _failed(self, taken: Sequence[Event | Run], pace: Pace, error: Exception) -> None:
        """The batch itself may have been too much for the connection."""
        if taken and is_unavailable(error):
            pace.was_too_much(len(taken))
        if len(taken) == 1 and took_too_long(error):
            self._ended[type(taken[0]), taken[0].id] = error

    async def _finish(self, connection: Connection, *, told: bool) -> None:
        """Where nothing leaves the house, the commit need not wait for the disk: after a crash all of it is undone,
        the taking of the events as well, and done again."""
        if not told:
            await connection.execute(f"SELECT {UNHURRIED}")

    def _report(self, told: bool, started: float, **taken: int) -> None:
        """Of what is committed: deliveries can be sent."""
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
        """One event on which the engine cannot act at once: its runs are begun, and each is tried by itself. Those who
        are told of it have no part in what failed, and are told."""
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
        """The sweeper finds what is to be delivered: this is rare enough to do without a hint."""
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
        """Act on the batch under savepoints; whether there is anything to deliver."""

        async def act_on(part: Sequence[T]) -> bool:
            async with connection.transaction():
                return await work(connection, part)

        return any(await isolate_failures(batch, act_on, partial(isolate, connection)))
