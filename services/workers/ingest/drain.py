"""Drain the journal: ingest batches until nothing waits, lane 0 first, without starving the other lanes."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from services.workers.heartbeat import Heartbeat
from services.workers.ingest.batch import FIRST, SUSPECT, Memory, Outcome, Rows, first_rows, ingest, rows_of
from services.workers.ingest.choice import Choice, Waiting
from services.workers.ingest.split import split, split_suspects
from services.workers.pace import FULL, Pace
from shared import logging
from shared.contention import retry_contended
from shared.db import Connection, is_unavailable
from shared.journal import Lane
from shared.metrics import BATCH_SECONDS, BATCH_SIZE, INGESTED

log = logging.get()

MOST = {Lane.WAITED_FOR: FULL, Lane.PROMPT: FULL, Lane.BULK: 100}  # leads in a batch
TURN = 4  # the lowest waiting lane goes first in every fourth batch
REST = 0.02  # seconds between two such batches: checking the lower lanes costs a fifth of ingesting one lead
PATIENCE = 3  # batches in a row whose rows were all locked by other workers; then the drain ends
RETRIES = 6  # attempts at a batch that meets a deadlock or changing identities
AWAKE = 0.01  # seconds after a verdict in which a worker polls lane 0: a message costs as much as many polls
LOOK_AGAIN = 0.0001  # seconds between two polls
AUTOMATIONS_REST_FACTOR = 19  # rests as many times as long as rounds: automations get 5 % of the time of a busy worker
PLANNED_FOR = 100  # leads until plans are discarded; doubled each time


class Drainer:
    """Drains the journal for one process.

    `pass_on` sends a hint to another worker. `pause` sleeps, as precisely as the process can. `automate` runs a round
    of automations between two batches.
    """

    def __init__(
        self,
        heartbeat: Heartbeat,
        pass_on: Callable[[], object],
        stopping: Callable[[], bool],
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        automate: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> None:
        self._pause = pause
        self._automate = automate
        self._heartbeat = heartbeat
        self._pass_on = pass_on
        self._stopping = stopping
        self._choice = Choice(heartbeat.name)
        self._memory = Memory()
        self._pace = Pace()
        self._batches = 0  # since the lowest lane went first
        self._rested = 0.0  # when it may again
        self._in_vain = 0
        self._took_all = False
        self._awake_until = 0.0
        self._passed_on = False
        self.has_events = False  # automations may wait for some that were written
        self._automations_due_at = 0.0
        self._planned_for = self._left = PLANNED_FOR

    async def drain(self, connection: Connection, *, older_than_ms: int = 0) -> int:
        """Ingest until no row of at least that age waits. Return the number of submissions ingested.

        If no caller waits for a verdict, the drain ends with a batch that took all rows. Rows that arrive meanwhile are
        left to the next hint, a tenth of a second later: a few large batches cost a third of many small ones.

        Raises errors about the database's state. The rows then wait for another worker or the sweeper.
        """
        total, self._in_vain, self._passed_on, self._took_all = 0, 0, False, False
        goes_on = True
        while goes_on and not self._stopping():
            taken, goes_on = await self._step(connection, older_than_ms)
            total += taken
            await self._run_automations(connection)
        return total

    async def _run_automations(self, connection: Connection) -> None:
        """Run a round of automations if batches wrote events and the last round is long enough ago.

        A round may leave events behind, so `has_events` stays true, and the caller of `drain` sends a hint.
        """
        began = time.monotonic()
        if self._automate is None or not self.has_events or began < self._automations_due_at:
            return
        await self._automate(connection)
        ended = time.monotonic()
        self._automations_due_at = ended + AUTOMATIONS_REST_FACTOR * (ended - began)

    async def _step(self, connection: Connection, older_than_ms: int) -> tuple[int, bool]:
        """Ingest a batch, if rows wait. Return its number of submissions and whether more may wait."""
        lowest_first = self._is_lowest_first()
        is_quick = not older_than_ms and not self._heartbeat.is_careful and self._pace.is_full
        lowest = Lane.PROMPT if is_quick else Lane.WAITED_FOR
        waiting: list[Waiting] = []
        if not is_quick or lowest_first:
            waiting = await self._choice.look(connection, older_than_ms, lowest)
        if is_quick and not waiting:
            # Trying to take rows costs as much as asking whether there are any.
            while not self._took_all or await self._stays_awake():
                if taken := await self._take_first(connection):
                    return taken, True
            waiting = await self._choice.look(connection, older_than_ms, lowest)
        if not waiting:
            return 0, not is_quick and await self._peek(connection)
        return await self._take(connection, waiting, waiting[-1] if lowest_first else waiting[0])

    def _is_lowest_first(self) -> bool:
        self._batches += 1
        now = time.monotonic()
        if self._batches < TURN or now < self._rested:
            return False
        self._batches, self._rested = 0, now + REST
        return True

    async def _take_first(self, connection: Connection) -> int:
        """Ingest the head of lane 0, selected and locked by one statement and not noted in `processes`.

        Nearly every lead whose caller waits goes this way.
        """
        outcome = await self._ingest(connection, first_rows(self._choice.after), FULL)
        if outcome.row_ids:
            self._choice.after = max(self._choice.after, outcome.row_ids[0] - 1)
            self._awake_until = time.monotonic() + AWAKE
        self._choice.look_back()
        self._took_all = len(outcome.row_ids) < FIRST
        self._tell_others(not self._took_all)
        return outcome.taken

    async def _take(self, connection: Connection, waiting: list[Waiting], lane: Waiting) -> tuple[int, bool]:
        """Ingest a batch of the given lane and note its rows in `processes`."""
        chosen = lane.fitting(min(MOST[lane.lane], self._pace.most))
        if await self._split(connection, lane, chosen):
            self._in_vain += 1
            return 0, self._in_vain < PATIENCE
        if lane.attempts >= SUSPECT:
            chosen = chosen[:1]  # alone: if it kills its worker, no other row is affected
        rows_are_left = len(waiting) > 1 or len(chosen) < len(lane.row_ids)
        self._tell_others(rows_are_left)
        taken = await self._take_noted(connection, lane, chosen)
        self._in_vain = 0 if taken else self._in_vain + 1
        is_last = not rows_are_left and lane.is_unhurried and lane.is_whole
        return taken, self._in_vain < PATIENCE and not is_last

    async def _split(self, connection: Connection, lane: Waiting, chosen: list[int]) -> bool:
        """Split rows that are suspect or too large. Return whether any was split."""
        if lane.attempts >= SUSPECT:
            return await split_suspects(connection, lane.lane, chosen)
        if lane.sizes[0] > self._pace.most:
            return await split(connection, lane.lane, chosen[0], self._pace.most)
        return False

    async def _take_noted(self, connection: Connection, lane: Waiting, chosen: list[int]) -> int:
        if chosen != self._choice.noted:
            await self._heartbeat.take(connection, chosen)
        outcome = await self._ingest(connection, rows_of(lane.lane, chosen), sum(lane.sizes[: len(chosen)]))
        if outcome.taken and not lane.is_unhurried:
            self._awake_until = time.monotonic() + AWAKE
        return outcome.taken

    def _tell_others(self, rows_are_left: bool) -> None:
        if rows_are_left and not self._passed_on:
            self._passed_on = True
            self._pass_on()

    async def _stays_awake(self) -> bool:
        """Pause and return True while a caller who just got a verdict may send the next lead."""
        if time.monotonic() >= self._awake_until:
            return False
        await self._pause(LOOK_AGAIN)
        return True

    async def _peek(self, connection: Connection) -> bool:
        """Poll lane 0 while the next lead may follow. Return whether one came."""
        while await self._stays_awake():
            if await self._choice.peek(connection):
                return True
        return False

    async def _ingest(self, connection: Connection, rows: Rows, most: int) -> Outcome:
        """Ingest the selected rows, which hold at most `most` leads. Retry on contention, and record the duration."""
        started = time.perf_counter()
        self._heartbeat.busy()
        try:
            outcome = await self._until_uncontended(connection, rows)
        except Exception as error:
            if is_unavailable(error):  # cancelled or disconnected: the batch may have been too large
                log.warning(
                    "batch.interrupted", lane=rows.lane, most=most, seconds=round(time.perf_counter() - started, 1)
                )
                self._pace.was_too_much(most)
            raise
        finally:
            self._heartbeat.idle()
        if outcome.taken:
            seconds = time.perf_counter() - started
            self._pace.took(outcome.taken, seconds)
            self.has_events |= outcome.has_events
            _record(rows.lane, outcome, seconds)
            await self._plan_anew(connection, outcome.taken)
        return outcome

    async def _plan_anew(self, connection: Connection, taken: int) -> None:
        """Discard cached plans now and then: a plan made for an empty table is wrong for a full one."""
        self._left -= taken
        if self._left <= 0:
            self._planned_for *= 2
            self._left = self._planned_for
            await connection.execute("DISCARD PLANS")

    async def _until_uncontended(self, connection: Connection, rows: Rows) -> Outcome:
        return await retry_contended(
            lambda: ingest(connection, rows, self._memory), attempts=RETRIES, pause=0.01, event="batch.contended"
        )


def _record(lane: int, outcome: Outcome, seconds: float) -> None:
    BATCH_SIZE.observe(outcome.taken)
    BATCH_SECONDS.observe(seconds)
    INGESTED.labels("done").inc(outcome.done)
    INGESTED.labels("dead").inc(outcome.dead)
    log.info(
        "batch",
        lane=lane,
        taken=outcome.taken,
        done=outcome.done,
        dead=outcome.dead,
        parked=outcome.parked,
        dropped=len(outcome.dropped),
        ms=round(seconds * 1000, 2),
    )
