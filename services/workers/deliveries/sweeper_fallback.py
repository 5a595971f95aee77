"""The sweeper's part in deliveries: it hints workers when deliveries are due, and sends them itself if none does."""

import asyncio
from collections.abc import Callable

from services.workers.deliveries.claim import has_due, release_orphaned
from services.workers.deliveries.http_client import SafeResolver
from services.workers.deliveries.prepare import DeliveryPreparer
from services.workers.deliveries.sender import DeliverySender
from services.workers.lane_pauses import PauseWatch
from services.workers.work_statistics import WorkStatistics
from shared.outbound.address_policy import AddressPolicy
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.observability import logging
from shared.platform.settings import Settings

log = logging.get_logger()

DUE_CHECK_SECONDS = 0.2  # seconds between two checks
OVERDUE_AFTER_SECONDS = 1.0  # seconds after which no worker is assumed to be sending


class DeliveryFallback:
    """The sweeper's fallback sender. `send_hint` wakes the workers; `is_broker_away` returns whether hints are lost."""

    def __init__(
        self,
        settings: Settings,
        send_hint: Callable[[], object],
        is_broker_away: Callable[[], bool],
        stopping: asyncio.Event,
        pauses: PauseWatch | None = None,
        statistics: WorkStatistics | None = None,
    ) -> None:
        self._settings = settings
        self._pauses = pauses or PauseWatch()
        self._statistics = statistics or WorkStatistics()
        self._send_hint = send_hint
        self._is_broker_away = is_broker_away
        self._stopping = stopping
        self._sender: DeliverySender | None = None
        self._sending: asyncio.Task[None] | None = None

    async def take_turn(self, connection: Connection) -> float:
        """Look for work once. Return the seconds until the next turn, if work waits then."""
        if released := await release_orphaned(connection):
            log.warning("deliveries.released", n=released)
        paused = (await self._pauses.get_current(connection)).deliveries
        if await has_due(connection, paused=paused):
            self._send_hint()
            if await has_due(connection, overdue=self._overdue_seconds(), paused=paused):
                (await self._running_sender()).wake()
        return DUE_CHECK_SECONDS

    async def stop(self) -> None:
        """Wait for deliveries in flight, after `stopping` was set."""
        if self._sender is not None and self._sending is not None:
            self._sender.wake()
            await self._sending

    async def _running_sender(self) -> DeliverySender:
        """Return the sender. It starts when it is needed first, and outlives broken connections of the watch."""
        if self._sender is None or self._sending is None or self._sending.done():
            self._sender = await self._make_sender()
            self._sending = asyncio.create_task(self._sender.run())
        return self._sender

    def _overdue_seconds(self) -> float:
        return 0.0 if self._is_broker_away() else OVERDUE_AFTER_SECONDS

    async def _make_sender(self) -> DeliverySender:
        cipher = await asyncio.to_thread(Cipher.from_settings, self._settings)  # reading a key takes 50 ms
        gate = SafeResolver(AddressPolicy.from_text(self._settings.allowed_targets))
        return DeliverySender(
            self._settings.database_url,
            DeliveryPreparer(self._settings, cipher),
            gate,
            overdue_seconds=self._overdue_seconds,
            stopping=self._stopping.is_set,
            pauses=self._pauses,
            statistics=self._statistics,
        )
