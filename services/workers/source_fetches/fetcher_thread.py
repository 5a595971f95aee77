"""A worker's fetcher thread. It has its own event loop, so a slow provider never delays ingest in the main thread."""

import threading

import uvloop

from services.workers.deliveries.http_client import SafeResolver
from services.workers.source_fetches.fetch_engine import FetchEngine
from services.workers.source_fetches.provider_client import ProviderClient
from shared.intake.hints import HintPublisher, HintSender
from shared.outbound.address_policy import AddressPolicy
from shared.platform.crypto.encryption import Cipher
from shared.platform.settings import Settings

STOP_TIMEOUT_SECONDS = 25.0  # seconds: longer than a request takes


class FetcherThread:
    """Fetches leads in the background from the first `wake` on. All methods are called from one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = False
        self._loop = uvloop.new_event_loop()
        self._engine: FetchEngine | None = None
        self._ingest_hints: HintPublisher | None = None
        self._thread = threading.Thread(target=self._run_engine, name="fetches", daemon=True)

    def wake(self) -> None:
        """Look for leads that are due. The first call starts the thread."""
        if self._engine is None:
            self._ingest_hints = HintPublisher(HintSender(self._settings.broker_url))
            resolver = SafeResolver(AddressPolicy.from_text(self._settings.allowed_targets))
            self._engine = FetchEngine(
                self._settings.database_url,
                Cipher.from_settings(self._settings),
                lambda: ProviderClient(self._settings, resolver),
                wake_ingest=self._ingest_hints.request_hint,
                stopping=lambda: self._stopping,
            )
            self._thread.start()
        self._loop.call_soon_threadsafe(self._engine.wake)

    def stop(self) -> None:
        """Stop claiming, and wait for requests under way."""
        self._stopping = True
        if self._engine is not None:
            self._loop.call_soon_threadsafe(self._engine.wake)
            self._thread.join(STOP_TIMEOUT_SECONDS)
        if self._ingest_hints is not None:
            self._ingest_hints.stop()

    def _run_engine(self) -> None:
        assert self._engine is not None  # noqa: S101
        self._loop.run_until_complete(self._engine.run())
