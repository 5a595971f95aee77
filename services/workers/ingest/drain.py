"""Drain the journal: ingest batches until nothing waits, lane 0 first, without starving the other lanes."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from services.workers.batches.adaptive_batch_size import FULL_BATCH_SIZE, AdaptiveBatchSize
from services.workers.ingest.batch import (
    HEAD_BATCH_ROWS,
    BatchOutcome,
    RowSelection,
    WorkerState,
    ingest_rows,
    select_first_rows,
    select_rows,
)
from services.workers.ingest.batch_traces import trace_batch
from services.workers.ingest.journal_reader import JournalReader, LaneHead
from services.workers.ingest.row_splitting import split_row, split_suspects
from services.workers.processes.heartbeat import Heartbeat
from shared.intake.journal import Lane
from shared.operations.lane_names import JOURNAL_LANES
from shared.platform.db.connections import Connection
from shared.platform.db.contention import retry_contended
from shared.platform.db.database_errors import is_unavailable
from shared.platform.observability import logging
from shared.platform.observability.metrics import BATCH_SECONDS, BATCH_SIZE, INGESTED_SUBMISSIONS
from shared.platform.observability.tracing import span_recorder

log = logging.get_logger()

NAME_OF_LANE = {int(lane): name for name, lane in JOURNAL_LANES.items()}
MAX_LEADS_BY_LANE = {Lane.WAITED_FOR: FULL_BATCH_SIZE, Lane.PROMPT: FULL_BATCH_SIZE, Lane.BULK: 100}  # leads in a batch
# Leads of the other lanes in a batch while callers wait for verdicts: whoever comes meanwhile waits until its end.
MAX_LEADS_BESIDE_CALLERS = 64
CALLERS_SECONDS = 2.0  # seconds after a verdict in which another caller may come
LOWEST_LANE_TURN_BATCHES = 4  # the lowest waiting lane goes first in every fourth batch
LOWEST_LANE_REST_SECONDS = (
    0.02  # seconds between two such batches: checking the lower lanes costs a fifth of ingesting one lead
)
MAX_BATCHES_IN_VAIN = 3  # batches in a row whose rows were all locked by other workers; then the drain ends
MAX_CONTENTION_ATTEMPTS = 6  # attempts at a batch that meets a deadlock or changing identities
AWAKE_SECONDS = 0.01  # seconds after a verdict in which a worker polls lane 0: a message costs as much as many polls
AWAKE_POLL_SECONDS = 0.0001  # seconds between two polls
AUTOMATIONS_REST_FACTOR = 19  # rests as many times as long as rounds: automations get 5 % of the time of a busy worker
MAX_AUTOMATIONS_REST_SECONDS = 10.0  # a round may be long because the database or the machine stood still
REPLAN_AFTER_LEADS = 100  # leads until plans are discarded; doubled each time


def automations_rest_seconds(round_seconds: float) -> float:
    """Return how long automations rest after a round of that length."""
    return min(AUTOMATIONS_REST_FACTOR * round_seconds, MAX_AUTOMATIONS_REST_SECONDS)


class JournalDrainer:
    """Drains the journal for one process.

    `read_key` returns the secret key of the installation. `wake_another` sends a hint to another worker. `sleep` is as
    precise as the process can be. `automate` runs a round of automations between two batches.
    """

    def __init__(
        self,
        heartbeat: Heartbeat,
        wake_another: Callable[[], object],
        stopping: Callable[[], bool],
        *,
        read_key: Callable[[], str],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        automate: Callable[[Connection], Awaitable[None]] | None = None,
    ) -> None:
        self._sleep = sleep
        self._automate = automate
        self._heartbeat = heartbeat
        self._wake_another = wake_another
        self._stopping = stopping
        self._read_key = read_key
        self._connection: Connection | None = None
        self._journal = JournalReader(heartbeat.name)
        self._worker_state = WorkerState(read_key)
        self._batch_size = AdaptiveBatchSize()
        self._batches_since_lowest = 0  # since the lowest lane went first
        self._lowest_lane_due_at = 0.0  # when it may again
        self._batches_in_vain = 0
        self._emptied_lane_0 = False
        self._awake_until = 0.0
        self._callers_until = 0.0  # until when callers are expected
        self._has_woken_another = False
        self.has_events = False  # automations may wait for some that were written
        self._automations_due_at = 0.0
        self._replan_after = self._leads_until_replan = REPLAN_AFTER_LEADS

    async def drain(self, connection: Connection, *, older_than_ms: int = 0) -> int:
        """Ingest until no row of at least that age waits. Return the number of submissions ingested.

        If no caller waits for a verdict, the drain ends with a batch that took all rows. Rows that arrive meanwhile are
        left to the next hint, a tenth of a second later: a few large batches cost a third of many small ones.

        Raises errors about the database's state. The rows then wait for another worker or the sweeper.
        """
        self._note_connection(connection)
        total, self._batches_in_vain, self._has_woken_another, self._emptied_lane_0 = 0, 0, False, False
        goes_on = True
        while goes_on and not self._stopping():
            taken, goes_on = await self._ingest_next(connection, older_than_ms)
            total += taken
            await self._run_automations(connection)
        return total

    def expects_callers(self) -> bool:
        """Return whether another caller may come, since one was answered a moment ago."""
        return time.monotonic() < self._callers_until

    async def drain_for_callers(self, connection: Connection) -> int:
        """Drain if a caller waits for a verdict. Return the number of submissions. The look costs one short query."""
        self._note_connection(connection)
        self._journal.rescan_if_due()
        return await self.drain(connection) if await self._journal.has_urgent(connection) else 0

    def _note_connection(self, connection: Connection) -> None:
        """Forget what was read on another connection.

        It may have led to a server whose last commits are lost. The standby in its place hands out the same ids again.
        """
        if connection is not self._connection:
            self._connection = connection
            self._journal = JournalReader(self._heartbeat.name)
            self._worker_state = WorkerState(self._read_key)

    async def _run_automations(self, connection: Connection) -> None:
        """Run a round of automations if batches wrote events and the last round is long enough ago.

        A round may leave events behind, so `has_events` stays true, and the caller of `drain` sends a hint.
        """
        began = time.monotonic()
        if self._automate is None or not self.has_events or began < self._automations_due_at:
            return
        await self._automate(connection)
        ended = time.monotonic()
        self._automations_due_at = ended + automations_rest_seconds(ended - began)

    async def _ingest_next(self, connection: Connection, older_than_ms: int) -> tuple[int, bool]:
        """Ingest a batch, if rows wait. Return its number of submissions and whether more may wait."""
        lowest_first = self._is_lowest_first()
        paused = (await self._heartbeat.pauses.get_current(connection)).journal_lanes
        is_quick = (
            not older_than_ms
            and not self._heartbeat.notes_rows
            and self._batch_size.is_at_full_size
            and Lane.WAITED_FOR not in paused
        )
        lowest = Lane.PROMPT if is_quick else Lane.WAITED_FOR
        waiting: list[LaneHead] = []
        if not is_quick or lowest_first:
            waiting = await self._journal.read_heads(connection, older_than_ms, lowest, paused)
        if is_quick and not waiting:
            # Trying to take rows costs as much as asking whether there are any.
            while not self._emptied_lane_0 or await self._poll_again():
                if taken := await self._ingest_lane_0_head(connection):
                    return taken, True
            waiting = await self._journal.read_heads(connection, older_than_ms, lowest, paused)
        if not waiting:
            may_come = not is_quick and Lane.WAITED_FOR not in paused
            return 0, may_come and await self._wait_for_urgent(connection)
        return await self._ingest_lane(connection, waiting, waiting[-1] if lowest_first else waiting[0])

    def _is_lowest_first(self) -> bool:
        self._batches_since_lowest += 1
        now = time.monotonic()
        if self._batches_since_lowest < LOWEST_LANE_TURN_BATCHES or now < self._lowest_lane_due_at:
            return False
        self._batches_since_lowest, self._lowest_lane_due_at = 0, now + LOWEST_LANE_REST_SECONDS
        return True

    async def _ingest_lane_0_head(self, connection: Connection) -> int:
        """Ingest the head of lane 0, selected and locked by one statement and not noted in `processes`.

        Nearly every lead whose caller waits goes this way.
        """
        outcome = await self._ingest_batch(
            connection, select_first_rows(self._journal.urgent_after_id), FULL_BATCH_SIZE
        )
        if outcome.row_ids:
            self._journal.urgent_after_id = max(self._journal.urgent_after_id, outcome.row_ids[0] - 1)
            self._note_callers()
        self._journal.rescan_if_due()
        self._emptied_lane_0 = len(outcome.row_ids) < HEAD_BATCH_ROWS
        self._wake_another_once(not self._emptied_lane_0)
        return outcome.taken

    async def _ingest_lane(self, connection: Connection, heads: list[LaneHead], head: LaneHead) -> tuple[int, bool]:
        """Ingest a batch of the given lane and note its rows in `processes`."""
        chosen = head.rows_within(self._most_leads(head.lane))
        self._emptied_lane_0 = False  # a caller may come meanwhile
        if await self._split_oversized(connection, head, chosen):
            self._batches_in_vain += 1
            return 0, self._batches_in_vain < MAX_BATCHES_IN_VAIN
        rows_are_left = len(heads) > 1 or len(chosen) < len(head.row_ids)
        self._wake_another_once(rows_are_left)
        count = await self._ingest_noted(connection, head, chosen)
        self._batches_in_vain = 0 if count else self._batches_in_vain + 1
        is_last = not rows_are_left and head.is_unhurried and head.is_whole_lane
        return count, self._batches_in_vain < MAX_BATCHES_IN_VAIN and not is_last

    async def _split_oversized(self, connection: Connection, head: LaneHead, chosen: list[int]) -> bool:
        """Split rows that are suspect or too large. Return whether any was split."""
        if head.begins_with_suspect:
            return await split_suspects(connection, head.lane, head.row_ids)
        if head.sizes[0] > self._batch_size.limit:
            return await split_row(connection, head.lane, chosen[0], self._batch_size.limit)
        return False

    async def _ingest_noted(self, connection: Connection, head: LaneHead, chosen: list[int]) -> int:
        if head.begins_with_suspect:
            if not await self._heartbeat.note_trial(connection, chosen[0]):
                return 0
        elif chosen != self._journal.noted_row_ids:
            await self._heartbeat.note_rows(connection, chosen)
        outcome = await self._ingest_batch(connection, select_rows(head.lane, chosen), sum(head.sizes[: len(chosen)]))
        if outcome.taken and not head.is_unhurried:
            self._note_callers()
        return outcome.taken

    def _note_callers(self) -> None:
        now = time.monotonic()
        self._awake_until, self._callers_until = now + AWAKE_SECONDS, now + CALLERS_SECONDS

    def _most_leads(self, lane: Lane) -> int:
        """Return how many leads a batch of the lane may hold."""
        most = min(MAX_LEADS_BY_LANE[lane], self._batch_size.limit)
        beside_callers = lane is not Lane.WAITED_FOR and self.expects_callers()
        return min(most, MAX_LEADS_BESIDE_CALLERS) if beside_callers else most

    def _wake_another_once(self, rows_are_left: bool) -> None:
        if rows_are_left and not self._has_woken_another:
            self._has_woken_another = True
            self._wake_another()

    async def _poll_again(self) -> bool:
        """Pause and return True while a caller who just got a verdict may send the next lead."""
        if time.monotonic() >= self._awake_until:
            return False
        await self._sleep(AWAKE_POLL_SECONDS)
        return True

    async def _wait_for_urgent(self, connection: Connection) -> bool:
        """Poll lane 0 while the next lead may follow. Return whether one came."""
        while await self._poll_again():
            if await self._journal.has_urgent(connection):
                return True
        return False

    async def _ingest_batch(self, connection: Connection, rows: RowSelection, most: int) -> BatchOutcome:
        """Ingest the selected rows, which hold at most `most` leads. Retry on contention, and record the duration."""
        started = time.perf_counter()
        self._heartbeat.mark_busy()
        try:
            outcome = await self._until_uncontended(connection, rows)
        except Exception as error:
            if is_unavailable(error):  # cancelled or disconnected: the batch may have been too large
                log.warning(
                    "batch.interrupted", lane=rows.lane, most=most, seconds=round(time.perf_counter() - started, 1)
                )
                self._batch_size.shrink(most)
            raise
        finally:
            self._heartbeat.mark_idle()
        if outcome.taken:
            seconds = time.perf_counter() - started
            self._batch_size.record_duration(outcome.taken, seconds)
            self.has_events |= outcome.has_events
            _record_batch(rows.lane, outcome, seconds)
            if recorder := span_recorder():
                ended_at = time.time_ns()
                started_at = ended_at - int(seconds * 1e9)
                trace_batch(recorder, NAME_OF_LANE[rows.lane], outcome.decided, started_at, ended_at)
            self._heartbeat.statistics.record_ingest(NAME_OF_LANE[rows.lane], outcome.decided, outcome.taken, seconds)
            await self._discard_old_plans(connection, outcome.taken)
        return outcome

    async def _discard_old_plans(self, connection: Connection, taken: int) -> None:
        """Discard cached plans now and then: a plan made for an empty table is wrong for a full one."""
        self._leads_until_replan -= taken
        if self._leads_until_replan <= 0:
            self._replan_after *= 2
            self._leads_until_replan = self._replan_after
            await connection.execute("DISCARD PLANS")

    async def _until_uncontended(self, connection: Connection, rows: RowSelection) -> BatchOutcome:
        return await retry_contended(
            lambda: ingest_rows(connection, rows, self._worker_state),
            attempts=MAX_CONTENTION_ATTEMPTS,
            pause=0.01,
            event="batch.contended",
        )


def _record_batch(lane: int, outcome: BatchOutcome, seconds: float) -> None:
    BATCH_SIZE.observe(outcome.taken)
    BATCH_SECONDS.observe(seconds)
    INGESTED_SUBMISSIONS.labels("done").inc(outcome.done)
    INGESTED_SUBMISSIONS.labels("dead").inc(outcome.dead)
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
