"""Natural batching: submissions that arrive while one flush is in flight form the next flush.

There is no timer. At low load a flush holds one submission and leaves at once; under load flushes grow by themselves.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator

from services.gateway.durable_store import DurableStore
from services.gateway.recent_rows import StoreName
from services.gateway.verdict_waiters import SubmissionOutcome, VerdictWaiters
from shared.intake.hints import HintThrottle
from shared.intake.journal import MAX_ROW_BYTES, MAX_ROW_SUBMISSIONS, JournalItem, Lane, NewJournalRow
from shared.intake.verdicts import Verdict
from shared.platform.errors import ApiError, ServerError, ServiceUnavailable
from shared.platform.observability import logging
from shared.platform.observability.metrics import REFUSED_SUBMISSIONS

log = logging.get_logger()

IDLE_ROUNDS_BEFORE_FLUSH = 1  # rounds of the event loop without an arrival, after which a flush leaves
# Leads in a flush. It is small where callers wait: otherwise a whole crowd would pass gateway and worker as one batch,
# and each would idle while the other works.
MAX_FLUSH_LEADS = {Lane.WAITED_FOR: 32, Lane.PROMPT: MAX_ROW_SUBMISSIONS, Lane.BULK: MAX_ROW_SUBMISSIONS}
MAX_UNFINISHED_OF_SOURCE = 200  # unfinished leads of one source, above which it yields to the other sources
BUFFER_FULL_MESSAGE = "Too much is waiting to be stored. Send the request again in a moment."

SubmissionSource = tuple[int, str | None]  # workspace id, source
OutcomeCallback = Callable[[SubmissionOutcome], None]
QueuedSubmission = tuple[JournalItem, OutcomeCallback | None]  # without a callback the caller is among the waiters


class SubmissionIntake:
    """Takes submissions until they are stored. There is one for each gateway process.

    It reports by callback: a call costs less than a turn of a task. The callback is called once for each submission,
    with its verdict, with None if the workers decide later, or with the error if it could not be stored.
    """

    def __init__(self, store: DurableStore, waiters: VerdictWaiters, hinter: HintThrottle, buffer_bytes: int) -> None:
        self._waiters = waiters
        self._unfinished_by_source: dict[SubmissionSource, int] = {}
        self._flushers = {lane: _LaneFlusher(lane, store, waiters, hinter, buffer_bytes) for lane in Lane}

    def submit(
        self, item: JournalItem, lane: Lane, done: OutcomeCallback, source: SubmissionSource | None = None
    ) -> None:
        """Store a submission, queued under the given source or its own."""
        self._flushers[lane].add_submission(item, done, source or _source_of(item))

    def submit_and_wait(
        self,
        item: JournalItem,
        lane: Lane,
        seconds: float,
        done: OutcomeCallback,
        source: SubmissionSource | None = None,
    ) -> None:
        """Store a submission and wait up to `seconds` for its verdict."""
        source = source or _source_of(item)
        if not self._waiters.can_wait():
            # Nobody waits then, unless the lane is paused: its submissions stay in it until it is resumed.
            self.submit(item, lane if self._waiters.is_lane_paused else Lane.PROMPT, done, source)
            return
        ahead = self._unfinished_by_source.get(source, 0)
        self._unfinished_by_source[source] = ahead + 1

        def release_and_report(outcome: SubmissionOutcome) -> None:
            self._release_source(source)
            done(outcome)

        self._waiters.add_waiter(item, seconds, release_and_report)
        self._flushers[Lane.PROMPT if ahead > MAX_UNFINISHED_OF_SOURCE else lane].add_submission(item, None, source)

    async def submit_all(self, items: list[JournalItem], lane: Lane, seconds: float = 0) -> list[Verdict | None]:
        """Store submissions in their order and return their verdicts, waiting up to `seconds` for them.

        Raises ServiceUnavailable if they cannot be stored now.
        """
        futures = [_OutcomeFuture() for _ in items]
        # One for all, even if they name several: otherwise items would overtake one another.
        source = _source_of(items[0])
        for item, future in zip(items, futures, strict=True):
            if seconds:
                self.submit_and_wait(item, lane, seconds, future.set_outcome, source)
            else:
                self.submit(item, lane, future.set_outcome, source)
        return await asyncio.gather(*[future.outcome for future in futures])

    def _release_source(self, source: SubmissionSource) -> None:
        left = self._unfinished_by_source[source] - 1
        if left:
            self._unfinished_by_source[source] = left
        else:
            del self._unfinished_by_source[source]

    async def wait_until_stored(self) -> None:
        """Wait until nothing is left to store: the end of a graceful stop."""
        for flusher in self._flushers.values():
            await flusher.wait_until_stored()


def _source_of(item: JournalItem) -> SubmissionSource:
    return item.workspace_id, item.source


class _OutcomeFuture:
    """An outcome that a coroutine can wait for."""

    def __init__(self) -> None:
        self.outcome: asyncio.Future[Verdict | None] = asyncio.get_running_loop().create_future()

    def set_outcome(self, outcome: SubmissionOutcome) -> None:
        if self.outcome.done():  # the coroutine was cancelled
            return
        if isinstance(outcome, ApiError):
            self.outcome.set_exception(outcome)
        else:
            self.outcome.set_result(outcome)


class _LaneFlusher:
    """The queued submissions of one lane, by source, and its flush in flight."""

    def __init__(
        self, lane: Lane, store: DurableStore, waiters: VerdictWaiters, hinter: HintThrottle, buffer_bytes: int
    ) -> None:
        self._lane = lane
        self._max_leads = MAX_FLUSH_LEADS[lane]
        self._store = store
        self._waiters = waiters
        self._hinter = hinter
        self._free_bytes = buffer_bytes
        self._queues: dict[SubmissionSource, deque[QueuedSubmission]] = {}
        self._queued_count = 0
        self._task: asyncio.Task[None] | None = None

    async def wait_until_stored(self) -> None:
        while self._task is not None:
            await asyncio.wait({self._task})

    def add_submission(self, item: JournalItem, done: OutcomeCallback | None, source: SubmissionSource) -> None:
        """Add an item to the next flush, or refuse it if the buffer is full."""
        if len(item.body) > self._free_bytes:
            REFUSED_SUBMISSIONS.inc()
            self._report_outcome((item, done), ServiceUnavailable(BUFFER_FULL_MESSAGE))
            return
        self._free_bytes -= len(item.body)
        queue = self._queues.get(source)
        if queue is None:
            queue = self._queues[source] = deque()
        queue.append((item, done))
        self._queued_count += 1
        if self._task is None:
            self._task = asyncio.create_task(self._flush_all())

    def _report_outcome(self, arrival: QueuedSubmission, outcome: SubmissionOutcome) -> None:
        item, done = arrival
        if done:
            done(outcome)
        else:
            self._waiters.resolve_waiter(item.reply, outcome)

    async def _flush_all(self) -> None:
        try:
            while self._queued_count:
                await self._gather_arrivals()
                await self._flush_arrivals(self._next_flush())
        finally:
            self._task = None

    async def _gather_arrivals(self) -> None:
        """Let the event loop run while that brings arrivals, so that requests waiting in sockets join the flush.

        A request may need one or two rounds of the loop from its socket to here. A round takes a few microseconds.
        """
        size, rounds = 0, 0
        while rounds < IDLE_ROUNDS_BEFORE_FLUSH and self._queued_count < self._max_leads:
            rounds = rounds + 1 if size == self._queued_count else 0
            size = self._queued_count
            await asyncio.sleep(0)

    async def _flush_arrivals(self, arrivals: list[QueuedSubmission]) -> None:
        items = [item for item, _ in arrivals]
        outcome: ApiError | None = None
        store: StoreName | None = None
        try:
            row = NewJournalRow.from_items(self._lane, items, self._waiters.channel)
            # If all callers wait for a worker's commit, that commit waits for the disk, and this one need not.
            store = await self._store.store_row(row, durable=any(done for _, done in arrivals))
        except ApiError as refused:
            outcome = refused
        except Exception:
            log.exception("flush.failed", submissions=len(items))
            outcome = ServerError()
        self._free_bytes += sum([len(item.body) for item in items])
        in_journal = store == "journal"
        for arrival in arrivals:
            # Workers answer the waiting callers, except those of spooled submissions, which get no verdict soon.
            if arrival[1] or not in_journal:
                self._report_outcome(arrival, outcome)
        if in_journal:
            waiting = [item.reply for item in items if item.reply]
            self._waiters.mark_stored(waiting)
            self._hinter.note_commit(has_waiters=bool(waiting))

    def _next_flush(self) -> list[QueuedSubmission]:
        """Return the next flush, one submission of each source in turn: a busy source cannot block the others."""
        arrivals: list[QueuedSubmission] = []
        size = 0
        for source in self._rotate_sources():
            queue = self._queues[source]
            size += len(queue[0][0].body)
            if arrivals and (len(arrivals) == self._max_leads or size > MAX_ROW_BYTES):
                break
            arrivals.append(queue.popleft())
            if not queue:
                del self._queues[source]
        self._queued_count -= len(arrivals)
        return arrivals

    def _rotate_sources(self) -> Iterator[SubmissionSource]:
        """Yield the sources that have queued submissions, round after round."""
        while self._queues:
            yield from list(self._queues)
