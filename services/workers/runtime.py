"""What a worker process keeps between messages: one event loop, one connection, one heartbeat.

Use cases are async and run on this loop, so that there are no sync twins of the data layer.
"""

import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

from services.workers.automations.engine import Engine
from services.workers.deliveries.desk import Desk
from services.workers.heartbeat import Heartbeat
from services.workers.ingest.drain import Drainer
from shared import logging
from shared.db import UNAVAILABLE, Connection, is_unavailable
from shared.fingerprints import fingerprints_of
from shared.pipelined import open_blocking_connection
from shared.settings import Settings

log = logging.get()

TURN = 0.05  # seconds of automations before a worker looks at its other queues again


class Worker:
    """A worker process. Every method blocks: it is called from Celery's own thread, one message at a time.

    `pass_on` sends a hint to another worker, `automate` one to those who run automations; `stopping` says whether the
    process was asked to end.
    """

    def __init__(
        self,
        settings: Settings,
        pass_on: Callable[[], object],
        automate: Callable[[], object],
        stopping: Callable[[], bool],
    ) -> None:
        self._url = settings.database_url
        self._loop = uvloop.new_event_loop()
        uses = fingerprints_of(settings)
        self._heartbeat = Heartbeat("worker", settings.process_name or "worker", self._url, uses)
        self._drainer = Drainer(self._heartbeat, pass_on, stopping, pause=_pause, automate=self._run_round)
        self._desk = Desk(settings)
        self._engine = Engine(settings, self._desk.wake, stopping)
        self._pass_on_automations = automate
        self._connection: Connection | None = None

    def start(self) -> None:
        """Reports for work, if the database is there; else with the first message."""
        self._run(self._connected())

    def ingest(self) -> None:
        """Drains the journal. While the database is away it does nothing: the rows wait."""
        self._run(self._ingest())

    def automate(self) -> None:
        """Acts on what happened and on what is due, for a moment: then ingest has its turn."""
        self._run(self._automate())

    def deliver(self) -> None:
        """Has what is due sent, in the background."""
        self._desk.wake()

    def stop(self) -> None:
        """Gives everything back."""
        self._desk.stop()
        self._run(self._stop())
        self._loop.close()

    async def _ingest(self) -> None:
        await self._drainer.drain(await self._connected())
        if self._drainer.has_events:
            self._drainer.has_events = False
            self._pass_on_automations()

    async def _run_round(self, connection: Connection) -> None:
        """Act on what the last batches wrote. A failure is left to a turn of its own: ingest goes on."""
        try:
            await self._engine.run(connection, seconds=0)
        except Exception as error:
            if is_unavailable(error):
                raise
            log.warning("automations.postponed", error=type(error).__name__)
            self._pass_on_automations()

    async def _automate(self) -> None:
        if not await self._engine.run(await self._connected(), seconds=TURN):
            self._pass_on_automations()

    async def _stop(self) -> None:
        if self._connection is not None:
            await self._heartbeat.stop(self._connection)
            await self._connection.close()

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = await open_blocking_connection(self._url, "leadhub worker")
            await self._heartbeat.start(self._connection)
        return self._connection

    def _run(self, work: Coroutine[Any, Any, Any]) -> None:
        try:
            self._loop.run_until_complete(work)
        except Exception as error:
            self._loop.run_until_complete(self._disconnect())  # whatever it was: the next message reports for work anew
            if not is_unavailable(error):
                raise
            log.warning("worker.database_away", error=type(error).__name__)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*UNAVAILABLE):
                await connection.close()


async def _pause(seconds: float) -> None:
    """Nothing else runs on a worker's loop, whose own timers are up to 2 ms late."""
    time.sleep(seconds)  # noqa: ASYNC251
