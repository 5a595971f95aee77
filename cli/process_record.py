"""The row of a web process in the table `processes`: its settings, so that `status` can say where processes differ."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from psycopg.types.json import Jsonb

from shared.files.folder_id import FolderIdReader
from shared.platform.crypto.settings_fingerprints import fingerprint_reader
from shared.platform.db.connections import connect, with_deadline
from shared.platform.db.database_errors import UNAVAILABLE_ERRORS
from shared.platform.settings import Settings
from shared.platform.supervised_loop import run_forever

PRESENCE_INTERVAL_SECONDS = 15.0  # seconds between two updates of the row, each of which takes a new connection
NOTE_TIMEOUT_SECONDS = 5.0  # seconds for one update
LEAVE_TIMEOUT_SECONDS = 1.0  # seconds for the removal at the end

RECORD_PROCESS_SQL = """
INSERT INTO processes AS p (name, kind, host, pid, fingerprints) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET seen_at = now(), fingerprints = excluded.fingerprints
"""
DELETE_PROCESS_ROW_SQL = "DELETE FROM processes WHERE name = %s"


def keep_process_record(settings: Settings, kind: str) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return a cleanup context for aiohttp that keeps the row of this process while the process lives."""
    host, pid = socket.gethostname(), os.getpid()
    name = f"{kind}-{pid}@{host}"  # processes that share a port have no names of their own

    read_fingerprints = fingerprint_reader(settings, FolderIdReader(settings.files_folder))

    async def write_row() -> None:
        used = await asyncio.to_thread(read_fingerprints)
        async with connect(settings.database_url, "leadhub presence") as connection:
            await connection.execute(RECORD_PROCESS_SQL, (name, kind, host, pid, Jsonb(dict(used))))

    async def keep_row_fresh() -> None:
        while True:
            with contextlib.suppress(*UNAVAILABLE_ERRORS):
                await with_deadline(NOTE_TIMEOUT_SECONDS, write_row())
            await asyncio.sleep(PRESENCE_INTERVAL_SECONDS)

    async def remove_row() -> None:
        async with connect(settings.database_url, "leadhub presence") as connection:
            await connection.execute(DELETE_PROCESS_ROW_SQL, (name,))

    async def context(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(run_forever(keep_row_fresh))
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with contextlib.suppress(*UNAVAILABLE_ERRORS):
            await with_deadline(LEAVE_TIMEOUT_SECONDS, remove_row())

    return context
