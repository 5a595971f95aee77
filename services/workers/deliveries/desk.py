"""A worker's sender thread. It has its own event loop, so a slow receiver never delays ingest in the main thread."""

import threading

import uvloop

from services.workers.deliveries.http import Gate
from services.workers.deliveries.prepare import Preparer
from services.workers.deliveries.sender import Sender
from shared.guard import Policy
from shared.settings import Settings
from shared.vault import Vault

STOP = 25.0  # seconds: longer than an attempt takes


class Desk:
    """Sends deliveries in the background from the first `wake` on. All methods are called from one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = False
        self._loop = uvloop.new_event_loop()
        self._sender: Sender | None = None
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)

    def wake(self) -> None:
        """Look for due deliveries. The first call starts the thread."""
        if self._sender is None:
            preparer = Preparer(self._settings, Vault.from_settings(self._settings))
            gate = Gate(Policy.read(self._settings.allowed_targets))
            self._sender = Sender(self._settings.database_url, preparer, gate, stopping=lambda: self._stopping)
            self._thread.start()
        self._loop.call_soon_threadsafe(self._sender.wake)

    def stop(self) -> None:
        """Stop claiming, and wait for deliveries in flight."""
        self._stopping = True
        if self._sender is not None:
            self._loop.call_soon_threadsafe(self._sender.wake)
            self._thread.join(STOP)

    def _run(self) -> None:
        assert self._sender is not None  # noqa: S101
        self._loop.run_until_complete(self._sender.run())
