"""A worker's sender thread. It has its own event loop, so a slow receiver never delays ingest in the main thread."""

import threading

import uvloop

from services.workers.deliveries.http_client import SafeResolver
from services.workers.deliveries.prepare import DeliveryPreparer
from services.workers.deliveries.sender import DeliverySender
from services.workers.processes.pause_watch import PauseWatch
from services.workers.processes.work_statistics import WorkStatistics
from shared.outbound.address_policy import AddressPolicy
from shared.platform.crypto.encryption import Cipher
from shared.platform.settings import Settings

STOP_TIMEOUT_SECONDS = 25.0  # seconds: longer than an attempt takes


class SenderThread:
    """Sends deliveries in the background from the first `wake` on. All methods are called from one thread."""

    def __init__(
        self, settings: Settings, pauses: PauseWatch | None = None, statistics: WorkStatistics | None = None
    ) -> None:
        self._settings = settings
        self._pauses = pauses or PauseWatch()
        self._statistics = statistics or WorkStatistics()
        self._stopping = False
        self._loop = uvloop.new_event_loop()
        self._sender: DeliverySender | None = None
        self._thread = threading.Thread(target=self._run_sender, name="deliveries", daemon=True)

    def wake(self) -> None:
        """Look for due deliveries. The first call starts the thread."""
        if self._sender is None:
            preparer = DeliveryPreparer(self._settings, Cipher.from_settings(self._settings))
            gate = SafeResolver(AddressPolicy.from_text(self._settings.allowed_targets))
            self._sender = DeliverySender(
                self._settings.database_url,
                preparer,
                gate,
                stopping=lambda: self._stopping,
                pauses=self._pauses,
                statistics=self._statistics,
            )
            self._thread.start()
        self._loop.call_soon_threadsafe(self._sender.wake)

    def stop(self) -> None:
        """Stop claiming, and wait for deliveries in flight."""
        self._stopping = True
        if self._sender is not None:
            self._loop.call_soon_threadsafe(self._sender.wake)
            self._thread.join(STOP_TIMEOUT_SECONDS)

    def _run_sender(self) -> None:
        assert self._sender is not None  # noqa: S101
        self._loop.run_until_complete(self._sender.run())
