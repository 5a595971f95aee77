"""The sweeper's part in deliveries: it hints workers when deliveries are due, and sends them itself if none does."""

import asyncio
import contextlib
from collections.abc import Callable

from services.workers.deliveries.claim import release, waits
from services.workers.deliveries.http import Gate
from services.workers.deliveries.prepare import Preparer
from services.workers.deliveries.sender import Sender
from shared import logging
from shared.db import Connection
from shared.guard import Policy
from shared.settings import Settings
from shared.vault import Vault

log = logging.get()

LOOK = 0.2  # seconds between two checks
OVERDUE = 1.0  # seconds after which no worker is assumed to be sending


class Standby:
    """The sweeper's fallback sender. `hint` wakes the workers. `broker_away` returns whether hints are lost."""

    def __init__(
        self, settings: Settings, hint: Callable[[], object], broker_away: Callable[[], bool], stopping: asyncio.Event
    ) -> None:
        self._settings = settings
        self._hint = hint
        self._broker_away = broker_away
        self._stopping = stopping
        self._sender: Sender | None = None
        self._sending: asyncio.Task[None] | None = None

    async def watch(self, connection: Connection) -> None:
        """Watch until the sweeper stops. If the connection breaks, deliveries in flight go on: call this again."""
        if self._sender is None or self._sending is None or self._sending.done():
            self._sender = await self._make_sender()
            self._sending = asyncio.create_task(self._sender.run())
        try:
            while not self._stopping.is_set():
                await self._look(connection, self._sender)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), LOOK)
        finally:
            if self._stopping.is_set():
                self._sender.wake()
                await self._sending

    async def _look(self, connection: Connection, sender: Sender) -> None:
        if released := await release(connection):
            log.warning("deliveries.released", n=released)
        if await waits(connection):
            self._hint()
            if await waits(connection, overdue=self._overdue()):
                sender.wake()

    def _overdue(self) -> float:
        return 0.0 if self._broker_away() else OVERDUE

    async def _make_sender(self) -> Sender:
        vault = await asyncio.to_thread(Vault.from_settings, self._settings)  # reading a key takes 50 ms
        gate = Gate(Policy.read(self._settings.allowed_targets))
        return Sender(
            self._settings.database_url,
            Preparer(self._settings, vault),
            gate,
            overdue=self._overdue,
            stopping=self._stopping.is_set,
        )
