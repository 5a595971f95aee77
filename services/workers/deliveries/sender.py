"""Send deliveries: claim those that are due, send all of them at once, and record the outcomes, until none is left.

No transaction is open during an attempt. Claimed deliveries start at once and do not wait in a queue while their lease
runs, so a slow receiver delays only its own deliveries.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence

from services.workers.deliveries.claim import claim
from services.workers.deliveries.http import Caller, Gate
from services.workers.deliveries.messages import Answer, Call, Claimed, Letter, Unsent
from services.workers.deliveries.outcomes import Outcome, decide, unsent
from services.workers.deliveries.prepare import Preparer
from services.workers.deliveries.record import record
from services.workers.deliveries.smtp import Postman
from services.workers.deliveries.targets import find
from shared import logging
from shared.db import Connection, connect, is_contention, is_unavailable, took_too_long
from shared.metrics import DELIVERIES, DELIVERY_SECONDS

log = logging.get()

MOST = 200  # deliveries in flight at once
LOOK = 0.2  # seconds between two claims while deliveries are in flight
REST = 0.5  # seconds before a reconnection to the database


class Sender:
    """The sender of one process. `overdue` returns the seconds that a delivery must have been due to be claimed."""

    def __init__(
        self,
        url: str,
        preparer: Preparer,
        gate: Gate,
        *,
        overdue: Callable[[], float] = lambda: 0.0,
        stopping: Callable[[], bool],
    ) -> None:
        self._url = url
        self._preparer = preparer
        self._gate = gate
        self._overdue = overdue
        self._stopping = stopping
        self._awake = asyncio.Event()
        self._under_way: dict[asyncio.Task[None], int] = {}  # tasks and their workspaces
        self._done: list[Outcome] = []

    def wake(self) -> None:
        """Look for due deliveries."""
        self._awake.set()

    async def run(self) -> None:
        """Work until `stopping` returns True and all deliveries in flight have ended."""
        self._caller, self._postman = Caller(self._gate), Postman(self._gate)
        try:
            while self._goes_on():
                await self._run_connected()
        finally:
            await self._caller.close()

    def _goes_on(self) -> bool:
        return not self._stopping() or bool(self._under_way or self._done)

    async def _run_connected(self) -> None:
        try:
            async with connect(self._url, "leadhub sender") as connection:
                while self._goes_on():
                    if not await self._step(connection) and self._goes_on():
                        await self._wait()
        except Exception as error:
            # A statement that took too long will do so again, so no delivery is sent: this needs a full log entry.
            if took_too_long(error) or not (is_unavailable(error) or is_contention(error)):
                log.exception("sender.failed")
            await asyncio.sleep(REST)

    async def _step(self, connection: Connection) -> bool:
        """Record finished deliveries and claim due ones. Return whether any was claimed."""
        self._awake.clear()
        if self._done:
            await self._write_down(connection, self._done[:])
        if self._stopping() or len(self._under_way) >= MOST:
            return False
        mine = Counter(self._under_way.values())
        claimed = await claim(connection, MOST, overdue=self._overdue(), mine=mine)
        if claimed:
            await self._begin(connection, claimed)
        return bool(claimed)

    async def _write_down(self, connection: Connection, outcomes: Sequence[Outcome]) -> None:
        """Record the outcomes. One that the database refuses is skipped: its lease ends, and it is sent again."""
        try:
            await record(connection, outcomes)
        except Exception as error:
            if is_unavailable(error) or is_contention(error):
                raise
            if len(outcomes) > 1:
                for one in outcomes:
                    await self._write_down(connection, [one])
                return
            log.exception("delivery.unrecorded", delivery_id=outcomes[0].claimed.id)
        _tell(outcomes)
        for one in outcomes:
            self._done.remove(one)

    async def _begin(self, connection: Connection, claimed: Sequence[Claimed]) -> None:
        targets = await find(connection, self._preparer.vault, claimed)
        for one in claimed:
            prepared = self._preparer.prepare(one, targets)
            if isinstance(prepared, Unsent):
                self._done.append(unsent(one, prepared))
                self._awake.set()
                continue
            task = asyncio.create_task(self._send(one, prepared))
            self._under_way[task] = one.workspace_id
            task.add_done_callback(self._under_way.pop)

    async def _send(self, claimed: Claimed, prepared: Call | Letter) -> None:
        """Make one attempt. An exception is a bug on our side and counts as a failed attempt."""
        try:
            answer = await self._attempt(prepared)
        except Exception:
            log.exception("delivery.crashed", delivery_id=claimed.id)
            answer = Answer(error="The attempt failed on our side.")
        self._done.append(decide(claimed, answer))
        self._awake.set()

    async def _attempt(self, prepared: Call | Letter) -> Answer:
        if isinstance(prepared, Call):
            return await self._caller.call(prepared)
        return await self._postman.deliver(prepared)

    async def _wait(self) -> None:
        """Wait until a delivery finishes or may be due."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._awake.wait(), LOOK if self._under_way else None)


def _tell(outcomes: Sequence[Outcome]) -> None:
    """Log each attempt and count it in the metrics."""
    for one in outcomes:
        DELIVERIES.labels(one.claimed.kind, "retry" if one.state == "pending" else one.state).inc()
        DELIVERY_SECONDS.labels(one.claimed.kind).observe(one.answer.ms / 1000)
        log.info(
            "delivery",
            workspace_id=one.claimed.workspace_id,
            delivery_id=one.claimed.id,
            message_id=one.claimed.message_id,
            kind=one.claimed.kind,
            event_type=one.claimed.event,
            lead_id=one.claimed.lead_id,
            subscription_id=one.claimed.subscription_id,
            integration_id=one.claimed.integration_id,
            attempt=one.claimed.number,
            state=one.state,
            status=one.answer.status,
            ms=one.answer.ms,
            wait=one.wait and round(one.wait, 1),
        )
