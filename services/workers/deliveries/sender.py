"""Send deliveries: claim those that are due, send all of them at once, and record the outcomes, until none is left.

No transaction is open during an attempt. Claimed deliveries start at once and do not wait in a queue while their lease
runs, so a slow receiver delays only its own deliveries.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence

from services.workers.conversions.conversion_batches import record_judged
from services.workers.deliveries.claim import claim_due
from services.workers.deliveries.conversion_client import MAX_TOKEN_BYTES, ConversionClient
from services.workers.deliveries.delivery_traces import trace_attempt, traced_fields
from services.workers.deliveries.http_client import HttpClient, SafeResolver
from services.workers.deliveries.outcomes import DeliveryOutcome, decide_outcome, skipped_outcome
from services.workers.deliveries.prepare import DeliveryPreparer
from services.workers.deliveries.record import record_outcomes
from services.workers.deliveries.smtp_client import SmtpClient
from services.workers.deliveries.targets import load_targets
from services.workers.deliveries.types import (
    AttemptResult,
    ClaimedDelivery,
    ConversionRequest,
    HttpRequest,
    PreparedConversions,
    SkippedDelivery,
    SmtpMessage,
)
from services.workers.processes.pause_watch import PauseWatch
from services.workers.processes.work_statistics import WorkStatistics
from shared.platform.db.connections import Connection, connect
from shared.platform.db.database_errors import is_contention, is_timeout, is_unavailable
from shared.platform.observability import logging
from shared.platform.observability.metrics import DELIVERY_ATTEMPTS, DELIVERY_SECONDS

log = logging.get_logger()

MAX_IN_FLIGHT = 200  # deliveries in flight at once
CLAIM_INTERVAL_SECONDS = 0.2  # seconds between two claims while deliveries are in flight
RECONNECT_DELAY_SECONDS = 0.5  # seconds before a reconnection to the database

SendableMessage = HttpRequest | SmtpMessage | ConversionRequest


class DeliverySender:
    """The sender of one process. `overdue` returns the seconds that a delivery must have been due to be claimed."""

    def __init__(
        self,
        url: str,
        preparer: DeliveryPreparer,
        resolver: SafeResolver,
        *,
        overdue_seconds: Callable[[], float] = lambda: 0.0,
        stopping: Callable[[], bool],
        pauses: PauseWatch | None = None,
        statistics: WorkStatistics | None = None,
    ) -> None:
        self._pauses = pauses or PauseWatch()
        self._statistics = statistics or WorkStatistics()
        self._url = url
        self._preparer = preparer
        self._resolver = resolver
        self._overdue_seconds = overdue_seconds
        self._stopping = stopping
        self._wake_event = asyncio.Event()
        self._in_flight: dict[asyncio.Task[None], int] = {}  # tasks and their workspaces
        self._finished: list[DeliveryOutcome] = []

    def wake(self) -> None:
        """Look for due deliveries."""
        self._wake_event.set()

    async def run(self) -> None:
        """Work until `stopping` returns True and all deliveries in flight have ended."""
        self._http_client = HttpClient(self._resolver, document_bytes=MAX_TOKEN_BYTES)
        self._smtp_client = SmtpClient(self._resolver)
        self._conversion_client = ConversionClient(self._http_client, self._preparer.settings)
        try:
            while self._has_work():
                await self._run_connected()
        finally:
            await self._http_client.close()

    def _has_work(self) -> bool:
        return not self._stopping() or bool(self._in_flight or self._finished)

    async def _run_connected(self) -> None:
        try:
            async with connect(self._url, "leadhub sender") as connection:
                while self._has_work():
                    if not await self._record_and_claim(connection) and self._has_work():
                        await self._wait_for_work()
        except Exception as error:
            # A statement that took too long will do so again, so no delivery is sent: this needs a full log entry.
            if is_timeout(error) or not (is_unavailable(error) or is_contention(error)):
                log.exception("sender.failed")
            await asyncio.sleep(RECONNECT_DELAY_SECONDS)

    async def _record_and_claim(self, connection: Connection) -> bool:
        """Record finished deliveries and claim due ones. Return whether any was claimed."""
        self._wake_event.clear()
        if self._finished:
            await self._record_finished(connection, self._finished[:])
        if self._stopping() or len(self._in_flight) >= MAX_IN_FLIGHT:
            return False
        mine = Counter(self._in_flight.values())
        paused = (await self._pauses.get_current(connection)).deliveries
        overdue = self._overdue_seconds()
        claimed = await claim_due(connection, MAX_IN_FLIGHT, overdue=overdue, in_flight=mine, paused=paused)
        if claimed:
            await self._start_sending(connection, claimed)
        return bool(claimed)

    async def _record_finished(self, connection: Connection, outcomes: Sequence[DeliveryOutcome]) -> None:
        """Record the outcomes. One that the database refuses is skipped: its lease ends, and it is sent again."""
        try:
            await record_outcomes(connection, outcomes)
        except Exception as error:
            if is_unavailable(error) or is_contention(error):
                raise
            if len(outcomes) > 1:
                for outcome in outcomes:
                    await self._record_finished(connection, [outcome])
                return
            log.exception("delivery.unrecorded", delivery_id=outcomes[0].claimed.id)
        _report_outcomes(outcomes)
        self._record_work(outcomes)
        for outcome in outcomes:
            self._finished.remove(outcome)

    def _record_work(self, outcomes: Sequence[DeliveryOutcome]) -> None:
        for outcome in outcomes:
            waited = outcome.claimed.waited_seconds
            waited_ms = None if waited is None else waited * 1000
            self._statistics.record_work("deliveries", outcome.claimed.workspace_id, waited_ms, outcome.answer.ms)

    async def _start_sending(self, connection: Connection, claimed: Sequence[ClaimedDelivery]) -> None:
        targets = await load_targets(connection, self._preparer.cipher, claimed)
        prepared = [self._preparer.prepare(one, targets) for one in claimed]
        await record_judged(connection, [one.judged for one in prepared if isinstance(one, PreparedConversions)])
        for delivery, found in zip(claimed, prepared, strict=True):
            message = found.message if isinstance(found, PreparedConversions) else found
            if isinstance(message, SkippedDelivery):
                self._finished.append(skipped_outcome(delivery, message))
                self._wake_event.set()
                continue
            task = asyncio.create_task(self._send_one(delivery, message))
            self._in_flight[task] = delivery.workspace_id
            task.add_done_callback(self._in_flight.pop)

    async def _send_one(self, claimed: ClaimedDelivery, prepared: SendableMessage) -> None:
        """Make one attempt. An exception is a bug on our side and counts as a failed attempt."""
        try:
            answer = await self._attempt_delivery(prepared)
        except Exception:
            log.exception("delivery.crashed", delivery_id=claimed.id)
            answer = AttemptResult(error="The attempt failed on our side.")
        trace_attempt(claimed, answer)
        self._finished.append(decide_outcome(claimed, answer))
        self._wake_event.set()

    async def _attempt_delivery(self, prepared: SendableMessage) -> AttemptResult:
        if isinstance(prepared, ConversionRequest):
            return await self._conversion_client.send_events(prepared)
        if isinstance(prepared, HttpRequest):
            return await self._http_client.send_request(prepared)
        return await self._smtp_client.send_mail(prepared)

    async def _wait_for_work(self) -> None:
        """Wait until a delivery finishes or may be due."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake_event.wait(), CLAIM_INTERVAL_SECONDS if self._in_flight else None)


def _report_outcomes(outcomes: Sequence[DeliveryOutcome]) -> None:
    """Log each attempt and count it in the metrics."""
    for outcome in outcomes:
        DELIVERY_ATTEMPTS.labels(outcome.claimed.kind, "retry" if outcome.state == "pending" else outcome.state).inc()
        DELIVERY_SECONDS.labels(outcome.claimed.kind).observe(outcome.answer.ms / 1000)
        log.info(
            "delivery",
            workspace_id=outcome.claimed.workspace_id,
            delivery_id=outcome.claimed.id,
            message_id=outcome.claimed.message_id,
            kind=outcome.claimed.kind,
            event_type=outcome.claimed.event,
            lead_id=outcome.claimed.lead_id,
            subscription_id=outcome.claimed.subscription_id,
            integration_id=outcome.claimed.integration_id,
            attempt=outcome.claimed.attempt_number,
            state=outcome.state,
            status=outcome.answer.status,
            ms=outcome.answer.ms,
            wait=outcome.retry_in_seconds and round(outcome.retry_in_seconds, 1),
            **traced_fields(outcome.claimed),
        )
