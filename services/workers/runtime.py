"""What a worker process keeps between messages: one event loop, one connection, one heartbeat.

Use cases are async and run on this loop, so that there are no sync twins of the data layer.
"""

import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from services.workers.heartbeat import Heartbeat
from services.workers.ingest.drain import Drainer
from shared import logging
from shared.db import UNAVAILABLE, Connection, is_unavailable, open_connection
from shared.settings import Settings

log = logging.get()


class Worker:
    """A worker process. Every method blocks: it is called from Celery's own thread, one message at a time.

    `pass_on` sends a hint to another worker; `stopping` says whether the process was asked to end.
    """

    def __init__(self, settings: Settings, pass_on: Callable[[], object], stopping: Callable[[], bool]) -> None:
        self._url = settings.database_url
        self._loop = uvloop.new_event_loop()
        self._heartbeat = Heartbeat("worker", settings.process_name or "worker", self._url)
        self._drainer = Drainer(self._heartbeat, pass_on, stopping, one_batch=settings.hints == "credits")
        self._connection: Connection | None = None

    def start(self) -> None:
        """Reports for work, if the database is there; else with the first message."""
        self._run(self._connected())

    def ingest(self) -> None:
        """Drains the journal. While the database is away it does nothing: the rows wait."""
        self._run(self._ingest())

    def stop(self) -> None:
        """Gives everything back."""
        self._run(self._stop())
        self._loop.close()

    async def _ingest(self) -> None:
        await self._drainer.drain(await self._connected())

    async def _stop(self) -> None:
        if self._connection is not None:
            await self._heartbeat.stop(self._connection)
            await self._connection.close()

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = await open_connection(self._url, "leadhub worker")
            await self._heartbeat.start(self._connection)
        return self._connection

    def _run(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            self._loop.run_until_complete(work)
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("worker.database_away", error=type(error).__name__)
            self._loop.run_until_complete(self._disconnect())

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*UNAVAILABLE):
                await connection.close()
