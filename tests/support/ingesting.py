"""Ingesting in the test's own process: journal rows in, leads out, by as many workers as wanted."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from services.workers.ingest.drain import JournalDrainer
from services.workers.processes.heartbeat import Heartbeat
from shared.intake import journal
from shared.intake.journal import JournalItem, Lane, NewJournalRow
from shared.platform.db.connections import Connection, connect
from shared.platform.ids import idempotency_uuid, now_ms, uuid7

Lead = dict[str, Any]


async def workspace_id(connection: Connection) -> int:
    """Of the workspace `main`."""
    row = await (await connection.execute("SELECT id FROM workspaces WHERE slug = 'main'")).fetchone()
    assert row is not None
    return int(row[0])


def item(workspace: int, lead: Lead, key: str | None = None) -> JournalItem:
    """A submission as the gateway makes it; `key` is an idempotency key."""
    at, body = now_ms(), json.dumps(lead).encode()
    if key is None:
        return JournalItem(uuid7(at), at, workspace, "inbound", None, body)
    return JournalItem(
        idempotency_uuid(workspace, "inbound", key),
        at,
        workspace,
        "inbound",
        None,
        body,
        None,
        f"{hash(body) % 2**64:032x}",
    )


async def accept(connection: Connection, items: Sequence[JournalItem], lane: Lane = Lane.PROMPT) -> None:
    """One journal row, as of one flush."""
    await journal.append_row(connection, NewJournalRow.from_items(lane, items, "nobody"))


def read_test_key() -> str:
    """Return the secret key with which the tests' workers hash addresses."""
    return "a key for tests that is long enough"


def worker(url: str, name: str, *, careful: bool = False) -> JournalDrainer:
    """A worker's way through the journal, without its process: it has no broker to pass hints on to.

    `careful`: as after a process died, when rows are noted before they are taken in hand.
    """
    heartbeat = Heartbeat("worker", name, url)
    heartbeat.notes_rows = careful
    return JournalDrainer(heartbeat, lambda: None, lambda: False, read_key=read_test_key)


async def drain(url: str, workers: int = 1, *, careful: bool = False) -> int:
    """Ingest all that waits with so many workers at once; how many submissions that were. Raises what they raise."""

    async def one(name: str) -> int:
        async with connect(url, f"tests {name}") as connection:
            return await worker(url, name, careful=careful).drain(connection)

    return sum(await asyncio.gather(*[one(f"w{number}") for number in range(workers)]))
