"""The sweeper's part in fetches: it hints workers when a lead is due, and fetches itself if none does."""

import asyncio
from collections.abc import Callable

from services.workers.deliveries.http_client import SafeResolver
from services.workers.source_fetches.fetch_claims import has_due, release_orphaned
from services.workers.source_fetches.fetch_engine import FetchEngine
from services.workers.source_fetches.polls import has_due_poll
from services.workers.source_fetches.provider_client import ProviderClient
from shared.outbound.address_policy import AddressPolicy
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.observability import logging
from shared.platform.settings import Settings

log = logging.get_logger()

DUE_CHECK_SECONDS = 0.2  # seconds between two checks
POLL_CHECK_SECONDS = 5.0  # seconds between two checks for polls
OVERDUE_AFTER_SECONDS = 1.0  # seconds after which no worker is assumed to fetch


class FetchFallback:
    """The sweeper's fallback. `send_hint` wakes the workers, `is_broker_away` returns whether hints are lost."""

    def __init__(
        self,
        settings: Settings,
        send_hint: Callable[[], object],
        wake_ingest: Callable[[], object],
        is_broker_away: Callable[[], bool],
        stopping: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._send_hint = send_hint
        self._wake_ingest = wake_ingest
        self._is_broker_away = is_broker_away
        self._stopping = stopping
        self._engine: FetchEngine | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._looked_for_polls_at = float("-inf")

    async def take_turn(self, connection: Connection) -> float:
        """Look for work once. Return the seconds until the next turn, if work waits then."""
        if released := await release_orphaned(connection):
            log.warning("fetches.released", n=released)
        if await has_due(connection) or await self._has_due_poll(connection):
            self._send_hint()
            overdue = self._overdue_seconds()
            if await has_due(connection, overdue=overdue) or await has_due_poll(connection, overdue=overdue):
                (await self._running_engine()).wake()
        return DUE_CHECK_SECONDS

    async def stop(self) -> None:
        """Wait for requests under way, after `stopping` was set."""
        if self._engine is not None and self._fetching is not None:
            self._engine.wake()
            await self._fetching

    async def _running_engine(self) -> FetchEngine:
        """Return the engine. It starts when it is needed first, and outlives broken connections of the watch."""
        if self._engine is None or self._fetching is None or self._fetching.done():
            self._engine = await self._make_engine()
            self._fetching = asyncio.create_task(self._engine.run())
        return self._engine

    async def _has_due_poll(self, connection: Connection) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._looked_for_polls_at < POLL_CHECK_SECONDS:
            return False
        self._looked_for_polls_at = now
        return await has_due_poll(connection)

    def _overdue_seconds(self) -> float:
        return 0.0 if self._is_broker_away() else OVERDUE_AFTER_SECONDS

    async def _make_engine(self) -> FetchEngine:
        cipher = await asyncio.to_thread(Cipher.from_settings, self._settings)  # reading a key takes 50 ms
        resolver = SafeResolver(AddressPolicy.from_text(self._settings.allowed_targets))
        return FetchEngine(
            self._settings.database_url,
            cipher,
            lambda: ProviderClient(self._settings, resolver),
            wake_ingest=self._wake_ingest,
            stopping=self._stopping.is_set,
            overdue_seconds=self._overdue_seconds,
        )
