"""Draining: batch after batch until nothing waits, lane 0 first but no lane starved."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.workers.heartbeat import Heartbeat
from services.workers.ingest.batch import Outcome, ingest
from services.workers.ingest.lead_ids import LeadIds
from services.workers.ingest.split import SUSPECT, split_suspects
from shared import logging
from shared.db import UNHURRIED, Connection, is_contention
from shared.journal import Lane
from shared.metrics import BATCH_SECONDS, BATCH_SIZE, INGESTED

log = logging.get()

MOST = {Lane.WAITED_FOR: 500, Lane.PROMPT: 500, Lane.BULK: 100}  # leads in a batch
TURN = 4  # every so many batches the lowest waiting lane goes first
PATIENCE = 3  # batches in a row whose rows were all locked by somebody else; then they are left to them
RETRIES = 6  # of a batch that met a deadlock or changing identities
AWAKE = 0.01  # seconds after a verdict that a worker looks again by itself: a message costs as much as many looks
LOOK_AGAIN = 0.001  # seconds between them
PLANNED_FOR = 100  # leads after which plans are made anew, then after twice as many
LOOK_BACK = 2.0  # seconds; then the journal is read from its beginning again

SEEN, ROWS = 500, 256  # how far a choice looks into a lane: leads, journal rows

# Chosen unlocked, by sizes alone; what another worker has in hand is passed over. The first lane's rows are noted in
# `processes` at once, so that a row that takes its worker down can be recognised by the next; another choice is noted
# by a statement of its own.
CHOOSE = f"""
WITH waiting AS (
    SELECT l.lane, j.id, j.n, j.attempts, sum(j.n) OVER (PARTITION BY l.lane ORDER BY j.id) - j.n AS before
    FROM (VALUES (0), (1), (2)) l(lane), LATERAL (
        SELECT id, n, attempts FROM journal
        WHERE lane = l.lane AND id > %(low)s AND due_at <= clock_timestamp()
          AND stored_at <= clock_timestamp() - %(age)s * interval '1 ms'
          AND NOT id = ANY (ARRAY(SELECT unnest(in_hand) FROM processes
                                  WHERE name <> %(name)s AND seen_at > now() - interval '10 s'))
        ORDER BY id LIMIT {ROWS}) j
), quick AS (
    SELECT {UNHURRIED}
), noted AS (
    UPDATE processes SET seen_at = now(), in_hand = first.ids
    FROM quick, (SELECT array_agg(id ORDER BY id) AS ids FROM waiting
                 WHERE before < {SEEN} AND lane = (SELECT min(lane) FROM waiting)) first
    WHERE name = %(name)s AND first.ids IS NOT NULL
)
SELECT lane, array_agg(id ORDER BY id), array_agg(n ORDER BY id), max(attempts) FROM waiting
WHERE before < {SEEN} GROUP BY lane ORDER BY lane
"""  # noqa: S608  # constants only

PEEK = "SELECT 1 FROM journal WHERE lane = 0 AND id > %s LIMIT 1"


@dataclass(slots=True)
class Waiting:
    """The head of a lane."""

    lane: Lane
    row_ids: list[int]
    sizes: list[int]
    attempts: int

    @property
    def is_whole(self) -> bool:
        """Whether these are all rows of the lane, which one batch takes: the choice ends at so many leads or rows."""
        return sum(self.sizes) < SEEN and len(self.row_ids) < ROWS

    @property
    def is_unhurried(self) -> bool:
        return self.lane is not Lane.WAITED_FOR

    def fitting(self, most: int) -> list[int]:
        """The first rows that together hold about `most` leads, at least one."""
        chosen: list[int] = []
        size = 0
        for row_id, n in zip(self.row_ids, self.sizes, strict=True):
            if chosen and size + n > most:
                break
            chosen.append(row_id)
            size += n
        return chosen


class Drainer:
    """A process's way through the journal. `pass_on` sends a hint to another worker."""

    def __init__(
        self,
        heartbeat: Heartbeat,
        pass_on: Callable[[], object],
        stopping: Callable[[], bool],
        *,
        one_batch: bool = False,
    ) -> None:
        self._one_batch = one_batch  # a message, as the scheme of credits has it
        self._heartbeat = heartbeat
        self._pass_on = pass_on
        self._stopping = stopping
        self._ids = LeadIds()
        self._turn = 0
        self._low = 0
        self._looked_back = 0.0
        self._planned_for = self._left = PLANNED_FOR
        self._noted: list[int] = []  # the rows that the last choice noted as in hand

    async def drain(self, connection: Connection, *, older_than_ms: int = 0) -> int:
        """Ingests until nothing waits that is at least that old; returns how many submissions that were.

        Where nobody waits for the verdict it ends with a batch that took all there was, and leaves what came meanwhile
        to the next hint, a tenth of a second later: a few large batches cost a third of many small ones.

        Raises what tells of the database's state; the rows then wait for whoever comes next.
        """
        total, in_vain, passed_on, awake_until = 0, 0, False, 0.0
        while not self._stopping() and (waiting := await self._await(connection, older_than_ms, awake_until)):
            lane = self._pick(waiting)
            chosen = lane.fitting(MOST[lane.lane])
            if not passed_on and (len(waiting) > 1 or len(chosen) < len(lane.row_ids)):
                passed_on = True
                self._pass_on()
            taken = await self._ingest(connection, lane, chosen)
            total += taken
            in_vain = 0 if taken else in_vain + 1
            if not lane.is_unhurried and taken:
                awake_until = time.monotonic() + AWAKE
            if self._one_batch or in_vain == PATIENCE or (len(waiting) == 1 and lane.is_unhurried and lane.is_whole):
                break
        return total

    async def _await(self, connection: Connection, older_than_ms: int, awake_until: float) -> list[Waiting]:
        """What waits now, or comes to wait while somebody may be about to send the next lead."""
        while not (waiting := await self._choose(connection, older_than_ms)):
            while time.monotonic() < awake_until and not await self._peek(connection):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_AGAIN)
            if time.monotonic() >= awake_until:
                break
        return waiting

    async def _peek(self, connection: Connection) -> bool:
        return await (await connection.execute(PEEK, (self._low,))).fetchone() is not None

    async def _choose(self, connection: Connection, older_than_ms: int) -> list[Waiting]:
        now = time.monotonic()
        if now - self._looked_back > LOOK_BACK:
            self._low, self._looked_back = 0, now
        arguments = {"low": self._low, "age": older_than_ms, "name": self._heartbeat.name}
        rows = await (await connection.execute(CHOOSE, arguments)).fetchall()
        waiting = [Waiting(Lane(row[0]), *row[1:]) for row in rows]
        self._noted = waiting[0].row_ids if waiting else []
        # Dead rows below the lowest live one are not read again until the next look back: ids do not commit in order.
        self._low = min([lane.row_ids[0] for lane in waiting], default=self._low + 1) - 1
        return waiting

    def _pick(self, waiting: list[Waiting]) -> Waiting:
        self._turn = (self._turn + 1) % TURN
        return waiting[-1] if self._turn == 0 else waiting[0]

    async def _ingest(self, connection: Connection, lane: Waiting, chosen: list[int]) -> int:
        if lane.attempts >= SUSPECT:
            if await split_suspects(connection, lane.lane, chosen):
                return 0
            chosen = chosen[:1]  # alone, so that one that takes its worker down takes no other row along
        if chosen != self._noted:
            await self._heartbeat.take(connection, chosen)
        started = time.perf_counter()
        self._heartbeat.busy()
        try:
            outcome = await self._until_uncontended(connection, lane.lane, chosen)
        finally:
            self._heartbeat.idle()
        _record(lane.lane, outcome, time.perf_counter() - started)
        await self._plan_anew(connection, outcome.taken)
        return outcome.taken

    async def _plan_anew(self, connection: Connection, taken: int) -> None:
        """Plans are kept, and one that was made for an empty table is wrong for a full one."""
        self._left -= taken
        if self._left <= 0:
            self._planned_for *= 2
            self._left = self._planned_for
            await connection.execute("DISCARD PLANS")

    async def _until_uncontended(self, connection: Connection, lane: Lane, chosen: list[int]) -> Outcome:
        for attempt in range(RETRIES):
            try:
                return await ingest(connection, lane, chosen, self._ids)
            except Exception as error:
                if not is_contention(error) or attempt == RETRIES - 1:
                    raise
                log.info("batch.contended", attempt=attempt, error=type(error).__name__)
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311
        raise AssertionError("unreachable")


def _record(lane: Lane, outcome: Outcome, seconds: float) -> None:
    BATCH_SIZE.observe(outcome.taken)
    BATCH_SECONDS.observe(seconds)
    INGESTED.labels("done").inc(outcome.done)
    INGESTED.labels("dead").inc(outcome.dead)
    log.info(
        "batch",
        lane=int(lane),
        taken=outcome.taken,
        done=outcome.done,
        dead=outcome.dead,
        parked=outcome.parked,
        dropped=len(outcome.dropped),
        ms=round(seconds * 1000, 2),
    )
