"""The row of a web process in the table `processes`: its settings, so that `status` can say where processes differ."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from psycopg.types.json import Jsonb

from shared.db import UNAVAILABLE, connect, within
from shared.fingerprints import fingerprints_of
from shared.loops import kept_up
from shared.settings import Settings

EVERY = 5.0  # seconds between two updates of the row
PATIENCE = 5.0  # seconds for one update
PARTING = 1.0  # seconds for the removal at the end

NOTE = """
INSERT INTO processes AS p (name, kind, host, pid, fingerprints) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET seen_at = now(), fingerprints = excluded.fingerprints
"""
LEAVE = "DELETE FROM processes WHERE name = %s"


def present(settings: Settings, kind: str) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return a cleanup context for aiohttp that keeps the row of this process while the process lives."""
    host, pid = socket.gethostname(), os.getpid()
    name = f"{kind}-{pid}@{host}"  # processes that share a port have no names of their own

    async def write_row() -> None:
        used = await asyncio.to_thread(fingerprints_of(settings))
        async with connect(settings.database_url, "leadhub presence") as connection:
            await connection.execute(NOTE, (name, kind, host, pid, Jsonb(dict(used))))

    async def keep_row_fresh() -> None:
        while True:
            with contextlib.suppress(*UNAVAILABLE):
                await within(PATIENCE, write_row())
            await asyncio.sleep(EVERY)

    async def remove_row() -> None:
        async with connect(settings.database_url, "leadhub presence") as connection:
            await connection.execute(LEAVE, (name,))

    async def context(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(kept_up(keep_row_fresh))
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with contextlib.suppress(*UNAVAILABLE):
            await within(PARTING, remove_row())

    return context
