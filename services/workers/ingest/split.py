"""Rows under suspicion: a row of many leads that took its worker down twice is split into rows of one."""

from collections.abc import Sequence

import orjson

from services.workers.ingest.batch import SUSPECT
from services.workers.ingest.poison import ATTEMPTS, bury
from shared.db import Connection
from shared.journal import Lane
from shared.leads import submission

SELECT = """
SELECT id, n, attempts, payload FROM journal
WHERE lane = %s AND id = ANY(%s) AND attempts >= %s ORDER BY id FOR UPDATE SKIP LOCKED
"""
INSERT = "INSERT INTO journal (lane, n, ids, attempts, payload) VALUES (%b, 1, ARRAY[%b::uuid], %b, %b)"
DELETE = "DELETE FROM journal WHERE lane = %s AND id = ANY(%s)"


class WorkerLost(Exception):
    """What stands as the error of a submission whose workers died with it in hand."""


async def split_suspects(connection: Connection, lane: Lane, row_ids: Sequence[int]) -> bool:
    """Splits suspect rows of many and buries those of one that are past trying. Whether anything changed."""
    changed = []
    async with connection.transaction():
        rows = await (await connection.execute(SELECT, (int(lane), list(row_ids), SUSPECT))).fetchall()
        for row_id, n, attempts, payload in rows:
            document = orjson.loads(payload)
            if n == 1 and attempts < ATTEMPTS:
                continue
            changed.append(row_id)
            for item in document["items"]:
                if n > 1:
                    one = orjson.dumps({**document, "items": [item]})
                    await connection.execute(INSERT, (int(lane), item["id"], attempts, one))
                else:
                    lost = submission.read(item, document["gateway"], attempts)
                    await bury(connection, lost, WorkerLost(f"{attempts} workers died with it in hand"))
        await connection.execute(DELETE, (int(lane), changed))
    return bool(changed)
