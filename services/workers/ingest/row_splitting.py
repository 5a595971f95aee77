"""Split journal rows that hold too many leads.

A row that was in hand at two deaths is split into rows of one lead, a row that takes too long into smaller rows.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from services.workers.ingest.dead_letters import MAX_INGEST_ATTEMPTS, mark_dead
from services.workers.processes.heartbeat import SUSPECT_ATTEMPTS
from shared.intake.journal import Lane
from shared.leads import submission
from shared.platform.db.connections import Connection

LOCK_ROWS_SQL = """
SELECT id, n, attempts, stored_at, payload FROM journal
WHERE lane = %s AND id = ANY(%s) AND attempts >= %s ORDER BY id FOR UPDATE SKIP LOCKED
"""
# The parts keep the age of the original row, which the alarm and the sweeper use.
INSERT_PART_SQL = """
INSERT INTO journal (lane, n, ids, attempts, stored_at, payload)
VALUES (%b, %b, string_to_array(%b, ',')::uuid[], %b, %b, %b)
"""
DELETE_ROWS_SQL = "DELETE FROM journal WHERE lane = %s AND id = ANY(%s)"


class WorkerLost(Exception):
    """The error stored for a submission whose workers died while they ingested it."""


async def split_suspects(connection: Connection, lane: Lane, row_ids: Sequence[int]) -> bool:
    """Split suspect rows and mark submissions dead that have no attempts left. Return whether anything changed."""
    changed = []
    async with connection.transaction():
        rows = await (await connection.execute(LOCK_ROWS_SQL, (int(lane), list(row_ids), SUSPECT_ATTEMPTS))).fetchall()
        for row_id, n, attempts, stored_at, payload in rows:
            document = orjson.loads(payload)
            if n == 1 and attempts < MAX_INGEST_ATTEMPTS:
                continue
            changed.append(row_id)
            if n > 1:
                await _insert_parts(connection, (lane, attempts, stored_at), document, 1)
            else:
                lost = submission.decode_submission(document["items"][0], document["gateway"], attempts)
                await mark_dead(connection, lost, WorkerLost(f"{attempts} workers died with it in hand"))
        await connection.execute(DELETE_ROWS_SQL, (int(lane), changed))
    return bool(changed)


async def split_row(connection: Connection, lane: Lane, row_id: int, max_leads: int) -> bool:
    """Split a row into rows of at most `max_leads` leads, unless another worker holds it.

    Return whether it was split.
    """
    async with connection.transaction():
        rows = await (await connection.execute(LOCK_ROWS_SQL, (int(lane), [row_id], 0))).fetchall()
        for _, _, attempts, stored_at, payload in rows:
            await _insert_parts(connection, (lane, attempts, stored_at), orjson.loads(payload), max_leads)
        await connection.execute(DELETE_ROWS_SQL, (int(lane), [row_id] if rows else []))
    return bool(rows)


async def _insert_parts(
    connection: Connection, row: tuple[Lane, int, datetime], document: dict[str, Any], max_leads: int
) -> None:
    """Insert rows of at most `max_leads` leads that otherwise equal `row`."""
    lane, attempts, stored_at = row
    for start in range(0, len(document["items"]), max_leads):
        items = document["items"][start : start + max_leads]
        part = orjson.dumps({**document, "items": items})
        ids = ",".join([item["id"] for item in items])
        await connection.execute(INSERT_PART_SQL, (int(lane), len(items), ids, attempts, stored_at, part))
