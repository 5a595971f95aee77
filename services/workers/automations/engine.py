"""The engine of a process: it handles batch after batch until nothing waits, each in one transaction.

A batch that fails is halved under savepoints until each failing item stands alone, so that one bad run does not hold
up others. If the server ends a batch because it took too long, it cannot be halved: the next batches are smaller, and
an item that timed out alone is set aside the next time it is claimed.
"""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import TypeVar

from services.workers.automations import inactivity_timers, runs
from services.workers.automations.event_subscribers import MatchedEvents, WorkspaceRules
from services.workers.automations.event_traces import trace_events
from services.workers.automations.execute_batch import BatchAudience, execute_batch
from services.workers.automations.filtered_events import match_filtered
from services.workers.automations.prerendering import WorkspaceBudgets
from services.workers.automations.rules_cache import RulesCache
from services.workers.automations.types import ActiveRun
from services.workers.batches.adaptive_batch_size import AdaptiveBatchSize
from services.workers.batches.bisection import isolate_failures
from services.workers.outbox import event_claims
from services.workers.outbox.filter_round import FilterRound
from services.workers.outbox.outbox_event import OutboxEvent
from services.workers.outbox.workspace_fairness import WorkspaceCursor
from services.workers.processes.pause_watch import PauseWatch
from services.workers.processes.work_statistics import WorkStatistics
from shared.outbound.event_feed import FeedNews, announce_news
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import ASYNC_COMMIT, Connection
from shared.platform.db.contention import retry_contended
from shared.platform.db.database_errors import is_contention, is_timeout, is_unavailable
from shared.platform.observability import logging
from shared.platform.observability.metrics import AUTOMATION_ACTS, AUTOMATION_SECONDS
from shared.platform.observability.tracing import span_recorder
from shared.platform.settings import Settings

log = logging.get_logger()

WORK_KINDS = ("events", "due", "inactivity_timers")
CONTENTION_RETRIES = 6  # attempts at a batch that meets contention
# A workspace that used up its rendering budget in a round renders nothing for this many times the length of that round.
# The process does other work in the meantime.
REST_ROUNDS = 3
MAX_REST_SECONDS = 5.0  # a round may be long because the database or the machine stood still

ClaimedT = TypeVar("ClaimedT", OutboxEvent, ActiveRun)


def exhausted_rest_seconds(round_seconds: float) -> float:
    """Return how long a workspace rests that used up its budget in a round of that length."""
    return min(REST_ROUNDS * round_seconds, MAX_REST_SECONDS)


class AutomationEngine:
    """Handles the outbox and due runs of a process.

    `deliver` is called after deliveries were committed. `stopping` returns whether the process was asked to end.
    Workspaces are left out whose automations `pauses` says are paused.
    """

    def __init__(
        self,
        settings: Settings,
        deliver: Callable[[], object],
        stopping: Callable[[], bool],
        pauses: PauseWatch | None = None,
        statistics: WorkStatistics | None = None,
    ) -> None:
        self._pauses = pauses or PauseWatch()
        self._statistics = statistics or WorkStatistics()
        self._vault = cache(lambda: Cipher.from_settings(settings))  # takes 50 ms, and most automations need no cipher
        self._on_deliveries = deliver
        self._is_stopping = stopping
        self._rules_cache = RulesCache()
        self._event_batch_size, self._run_batch_size = (
            AdaptiveBatchSize(event_claims.EVENTS_PER_BATCH),
            AdaptiveBatchSize(runs.RUNS_PER_BATCH),
        )
        self._cursors: defaultdict[str, WorkspaceCursor] = defaultdict(WorkspaceCursor)  # by kind of work
        self._budgets = WorkspaceBudgets()
        self._filter_round = FilterRound()
        self._resting_until: dict[int, float] = {}  # workspace id to the time at which it stops resting
        self._timed_out_alone: dict[tuple[type, int], Exception] = {}  # items that timed out alone in a batch
        self._audience = BatchAudience.NOBODY  # of the present batch
        self._news: list[FeedNews] = []  # of the present batch

    async def run(self, connection: Connection, *, seconds: float = float("inf")) -> bool:
        """Handle everything that waits, for up to `seconds`. Return False if something was left.

        Runs of a resting workspace stay due, and the sweeper wakes a worker for them. Raises errors that tell of the
        database's state; the rows then wait for the next call.
        """
        end = time.monotonic() + seconds
        await event_claims.skip_unwatched(connection)
        while not self._is_stopping():
            began = time.monotonic()
            await self._skip_paused(connection)
            self._budgets = WorkspaceBudgets(self._resting_until)
            done = [
                await self._retry_contended(connection, batch)
                for batch in (self._handle_events, self._resume_due_runs, self._fire_inactivity_timers)
            ]
            self._rest_exhausted(began)
            if not any(done):
                return True
            if time.monotonic() > end:
                return False
        return False

    async def _skip_paused(self, connection: Connection) -> None:
        """Have the next batches leave out workspaces whose automations are paused."""
        paused = (await self._pauses.get_current(connection)).automations
        for kind in WORK_KINDS:
            self._cursors[kind].paused_workspaces = paused

    def _rest_exhausted(self, began: float) -> None:
        now = time.monotonic()
        spent = self._budgets.exhausted_workspaces() - self._resting_until.keys()
        resting = {workspace_id: until for workspace_id, until in self._resting_until.items() if until > now}
        self._resting_until = resting | dict.fromkeys(spent, now + exhausted_rest_seconds(now - began))

    async def _retry_contended(self, connection: Connection, batch: Callable[[Connection], Awaitable[int]]) -> int:
        return await retry_contended(
            lambda: batch(connection), attempts=CONTENTION_RETRIES, pause=0.01, event="automations.contended"
        )

    async def _fire_inactivity_timers(self, connection: Connection) -> int:
        async with connection.transaction():
            ended = await inactivity_timers.fire_due_timers(connection, self._cursors["inactivity_timers"])
        self._cursors["inactivity_timers"].advance()
        return ended

    async def _handle_events(self, connection: Connection) -> int:
        self._filter_round = FilterRound()  # a batch that is taken again after contention is judged again
        work = self._act_on_events, self._set_aside
        return await self._run_batch(connection, "events", self._event_batch_size, event_claims.claim_events, *work)

    async def _resume_due_runs(self, connection: Connection) -> int:
        work = self._act_on_runs, self._postpone_run
        return await self._run_batch(connection, "due", self._run_batch_size, runs.take_due_runs, *work)

    async def _run_batch(
        self,
        connection: Connection,
        kind: str,
        pace: AdaptiveBatchSize,
        take: Callable[[Connection, int, WorkspaceCursor], Awaitable[list[ClaimedT]]],
        work: Callable[[Connection, Sequence[ClaimedT]], Awaitable[None]],
        isolate: Callable[[Connection, ClaimedT, Exception], Awaitable[None]],
    ) -> int:
        started = time.perf_counter()
        self._audience, self._news = BatchAudience.NOBODY, []
        batch: list[ClaimedT] = []
        ended: list[ClaimedT] = []
        try:
            async with connection.transaction():
                batch = await take(connection, pace.limit, self._cursors[kind])
                ended = [one for one in batch if (type(one), one.id) in self._timed_out_alone]
                for item in ended:
                    await isolate(connection, item, self._timed_out_alone[type(item), item.id])
                await self._act_isolating_failures(
                    connection, [one for one in batch if one not in ended], work, isolate
                )
                await self._relax_commit(connection)
        except Exception as error:
            self._note_failure(batch, pace, error)
            raise
        self._cursors[kind].advance()
        for item in ended:  # a run is retried later
            del self._timed_out_alone[type(item), item.id]
        if batch:
            pace.record_duration(len(batch), time.perf_counter() - started)
        acted_on = [one for one in batch if not self._is_put_off(one)]
        self._record_work(acted_on, time.perf_counter() - started)
        if recorder := span_recorder():
            ended_at = time.time_ns()
            started_at = ended_at - int((time.perf_counter() - started) * 1e9)
            trace_events(recorder, acted_on, started_at, ended_at)
        self._report_batch(started, **{kind: len(acted_on)})
        await announce_news(connection, self._news)
        return len(acted_on)

    def _is_put_off(self, item: OutboxEvent | ActiveRun) -> bool:
        """Return whether a run or an event stays for the next round."""
        if isinstance(item, OutboxEvent):
            return item.id in self._filter_round.late_ids
        return item.id in self._budgets.deferred_run_ids

    def _record_work(self, taken: Sequence[OutboxEvent | ActiveRun], seconds: float) -> None:
        now = datetime.now(UTC)
        for item in taken:
            if isinstance(item, OutboxEvent):
                waited = max((now - item.occurred_at).total_seconds() - seconds, 0) * 1000
                self._statistics.record_work("automations", item.workspace_id, waited, seconds * 1000)
            else:
                self._statistics.record_work("automations", item.workspace_id, None, seconds * 1000)

    def _note_failure(
        self, batch: Sequence[OutboxEvent | ActiveRun], pace: AdaptiveBatchSize, error: Exception
    ) -> None:
        """Shrink the next batches if this one may have been too large, and remember an item that timed out alone."""
        if batch and is_unavailable(error):
            pace.shrink(len(batch))
        if len(batch) == 1 and is_timeout(error):
            self._timed_out_alone[type(batch[0]), batch[0].id] = error

    async def _relax_commit(self, connection: Connection) -> None:
        """Let the commit not wait for the disk if nobody outside hears of the batch.

        A crash then undoes the whole batch, including the claim of its events, and the batch is repeated.
        """
        if self._audience is BatchAudience.NOBODY:
            await connection.execute(f"SELECT {ASYNC_COMMIT}")

    def _report_batch(self, started: float, **counts: int) -> None:
        """Report a committed batch: announce its deliveries, and record metrics and a log line."""
        has_deliveries = self._audience is BatchAudience.RECEIVERS
        if has_deliveries:
            self._on_deliveries()
        if not any(counts.values()):
            return
        seconds = time.perf_counter() - started
        AUTOMATION_SECONDS.observe(seconds)
        for kind, n in counts.items():
            AUTOMATION_ACTS.labels(kind).inc(n)
        log.info("automations", **counts, told=has_deliveries, ms=round(seconds * 1000, 2))

    async def _act_on_events(self, connection: Connection, events: Sequence[OutboxEvent]) -> None:
        rules = await self._rules_cache.get_rules(connection, {event.workspace_id for event in events})
        matched = await match_filtered(connection, events, rules, self._filter_round)
        await inactivity_timers.restart_timers(connection, matched.inactivity)
        begun = await runs.begin_runs(connection, matched.runs)
        await self._execute(connection, begun, matched, rules)

    async def _act_on_runs(self, connection: Connection, due: Sequence[ActiveRun]) -> None:
        await self._execute(connection, due, MatchedEvents(), {})

    async def _execute(
        self,
        connection: Connection,
        begun_runs: Sequence[ActiveRun],
        matched: MatchedEvents,
        rules: Mapping[int, WorkspaceRules],
    ) -> None:
        reach = await execute_batch(connection, self._vault, begun_runs, matched, rules, self._budgets)
        self._audience = max(self._audience, reach.audience)
        self._news += reach.news

    async def _set_aside(self, connection: Connection, event: OutboxEvent, error: Exception) -> None:
        """Handle an event that fails: write its runs, so that each is retried by itself, and send its webhooks.

        Webhooks and form notifications do not depend on the runs, so they are sent regardless.
        """
        log.warning("automations.event_failed", event_id=event.id, error=type(error).__name__)
        for part in (self._begin_runs, self._notify_only):
            try:
                async with connection.transaction():
                    rules = await self._rules_cache.get_rules(connection, [event.workspace_id])
                    await part(connection, await match_filtered(connection, [event], rules, self._filter_round))
            except Exception as lost:
                if is_unavailable(lost) or is_contention(lost):
                    raise
                log.exception("automations.event_dropped", event_id=event.id, workspace_id=event.workspace_id)

    async def _begin_runs(self, connection: Connection, matched: MatchedEvents) -> None:
        await inactivity_timers.restart_timers(connection, matched.inactivity)
        await runs.begin_runs(connection, matched.runs)

    async def _notify_only(self, connection: Connection, matched: MatchedEvents) -> None:
        """Write the deliveries of an event without its runs. This is rare, so the sweeper finds them without a hint."""
        notifications = MatchedEvents(
            webhooks=matched.webhooks,
            recorded=matched.recorded,
            form_submissions=matched.form_submissions,
            conversions=matched.conversions,
            filter_failures=matched.filter_failures,
        )
        await self._execute(connection, [], notifications, {})

    async def _postpone_run(self, connection: Connection, run: ActiveRun, error: Exception) -> None:
        log.warning("automations.run_failed", run_id=run.id, attempts=run.attempts + 1, error=type(error).__name__)
        await runs.postpone_run(connection, run, error)

    async def _act_isolating_failures(
        self,
        connection: Connection,
        batch: Sequence[ClaimedT],
        work: Callable[[Connection, Sequence[ClaimedT]], Awaitable[None]],
        isolate: Callable[[Connection, ClaimedT, Exception], Awaitable[None]],
    ) -> None:
        """Act on the batch under savepoints."""

        async def act_on(part: Sequence[ClaimedT]) -> None:
            async with connection.transaction():
                await work(connection, part)

        await isolate_failures(batch, act_on, partial(isolate, connection))
