"""A worker's sending: a thread with an event loop of its own, so that a receiver that dawdles never holds up ingest,
which has the worker's main thread to itself."""

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
    """Sends in the background from the first `wake` on. Called from one thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stopping = False
        self._loop = uvloop.new_event_loop()
        self._sender: Sender | None = None
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)

    def wake(self) -> None:
        """Something may be due."""
        if self._sender is None:
            preparer = Preparer(self._settings, Vault.from_settings(self._settings))
            gate = Gate(Policy.read(self._settings.allowed_targets))
            self._sender = Sender(self._settings.database_url, preparer, gate, stopping=lambda: self._stopping)
            self._thread.start()
        self._loop.call_soon_threadsafe(self._sender.wake)

    def stop(self) -> None:
        """Claims no more, and waits for what is under way."""
        self._stopping = True
        if self._sender is not None:
            self._loop.call_soon_threadsafe(self._sender.wake)
            self._thread.join(STOP)

    def _run(self) -> None:
        assert self._sender is not None  # noqa: S101
        self._loop.run_until_complete(self._sender.run())
