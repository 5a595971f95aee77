"""Rows of too many leads: one that took its worker down twice is split into rows of one, one that takes too long at
once into rows of fewer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson

from services.workers.ingest.batch import SUSPECT
from services.workers.ingest.poison import ATTEMPTS, bury
from shared.db import Connection
from shared.journal import Lane
from shared.leads import submission

SELECT = """
SELECT id, n, attempts, stored_at, payload FROM journal
WHERE lane = %s AND id = ANY(%s) AND attempts >= %s ORDER BY id FOR UPDATE SKIP LOCKED
"""
# They wait as long as the row they were in: for the alarm, and for whoever takes what was left lying.
INSERT = """
INSERT INTO journal (lane, n, ids, attempts, stored_at, payload)
VALUES (%b, %b, string_to_array(%b, ',')::uuid[], %b, %b, %b)
"""
DELETE = "DELETE FROM journal WHERE lane = %s AND id = ANY(%s)"


class WorkerLost(Exception):
    """What stands as the error of a submission whose workers died with it in hand."""


async def split_suspects(connection: Connection, lane: Lane, row_ids: Sequence[int]) -> bool:
    """Splits suspect rows of many and buries those of one that are past trying. Whether anything changed."""
    changed = []
    async with connection.transaction():
        rows = await (await connection.execute(SELECT, (int(lane), list(row_ids), SUSPECT))).fetchall()
        for row_id, n, attempts, stored_at, payload in rows:
            document = orjson.loads(payload)
            if n == 1 and attempts < ATTEMPTS:
                continue
            changed.append(row_id)
            if n > 1:
                await _put_back(connection, (lane, attempts, stored_at), document, 1)
            else:
                lost = submission.read(document["items"][0], document["gateway"], attempts)
                await bury(connection, lost, WorkerLost(f"{attempts} workers died with it in hand"))
        await connection.execute(DELETE, (int(lane), changed))
    return bool(changed)


async def split(connection: Connection, lane: Lane, row_id: int, most: int) -> bool:
    """Splits a row into rows of at most so many leads, unless another worker has it in hand. Whether it did."""
    async with connection.transaction():
        rows = await (await connection.execute(SELECT, (int(lane), [row_id], 0))).fetchall()
        for _, _, attempts, stored_at, payload in rows:
            await _put_back(connection, (lane, attempts, stored_at), orjson.loads(payload), most)
        await connection.execute(DELETE, (int(lane), [row_id] if rows else []))
    return bool(rows)


async def _put_back(
    connection: Connection, row: tuple[Lane, int, datetime], document: dict[str, Any], most: int
) -> None:
    """As rows of at most so many leads, in all else like `row`."""
    lane, attempts, stored_at = row
    for start in range(0, len(document["items"]), most):
        items = document["items"][start : start + most]
        part = orjson.dumps({**document, "items": items})
        ids = ",".join([item["id"] for item in items])
        await connection.execute(INSERT, (int(lane), len(items), ids, attempts, stored_at, part))
