"""Submissions in the journal and those whose leads wait to be fetched: accepted, and not decided yet.

A journal row is one flush of many workspaces, so that lists have to decode rows. The journal is almost always empty.
For a backlog only the newest rows are decoded.
"""

from collections.abc import Iterable, Mapping
from typing import Any, LiteralString

import orjson
from psycopg.rows import TupleRow

from shared.intake.submission_filters import matches_search
from shared.intake.submission_lookup import KEY_ID_FIELD, fetching_record, pending_record, workspace_items
from shared.platform.db.connections import Connection

RecordDict = dict[str, Any]

# Limits of a list: journal rows, submissions, bytes of bodies.
MAX_JOURNAL_ROWS, MAX_PENDING_SUBMISSIONS, MAX_JOURNAL_BYTES = 1000, 5000, 8 * 2**20
EQUALITY_FILTERS = ("state", "channel", "source")
DECIDED_FILTERS = ("lead_id", "is_duplicate", "rejected", "cause")  # filters that no pending submission matches

NEWEST_ROWS_SQL = f"""
WITH newest AS MATERIALIZED (
    SELECT found.* FROM (VALUES (0), (1), (2)) lanes(lane), LATERAL (
        SELECT j.lane, j.id, j.n, octet_length(j.payload) AS size FROM journal j
        WHERE j.lane = lanes.lane ORDER BY j.id DESC LIMIT {MAX_JOURNAL_ROWS}) found
), summed AS (
    SELECT lane, id, sum(n) OVER newest_first AS n, sum(size) OVER newest_first AS size FROM newest
    WINDOW newest_first AS (ORDER BY id DESC)
)
SELECT j.payload, j.attempts FROM summed s JOIN journal j USING (lane, id)
WHERE s.n <= {MAX_PENDING_SUBMISSIONS} AND s.size <= {MAX_JOURNAL_BYTES} ORDER BY j.id
"""
FETCHES_SQL = f"""
SELECT item, attempts, last_error FROM source_fetches WHERE workspace_id = %s
ORDER BY created_at DESC LIMIT {MAX_PENDING_SUBMISSIONS}
"""
# A repeat or a redelivery in the journal may be decided already.
DECIDED_IDS_SQL = """
SELECT w.id FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS w(id, at)
WHERE EXISTS (SELECT FROM submissions s WHERE s.workspace_id = %(w)s AND s.id = w.id AND s.received_at = w.at)
   OR EXISTS (SELECT FROM submission_keys k JOIN submissions s USING (workspace_id, id, received_at)
              WHERE k.workspace_id = %(w)s AND k.id = w.id)
"""


async def read_pending(connection: Connection, workspace_id: int, filters: Mapping[str, Any]) -> list[RecordDict]:
    """Return the matching ones of the newest submissions, unordered.

    Read it in one snapshot with the decided ones, so that none is missed.
    """
    if filters.get("state", "accepted") != "accepted" or any(name in filters for name in DECIDED_FILTERS):
        return []
    records: dict[str, RecordDict] = {}
    for payload, attempts in await _fetch(connection, NEWEST_ROWS_SQL):
        for item in workspace_items(payload, workspace_id):
            records.setdefault(item["id"], pending_record(item, attempts))
    for item, attempts, problem in await _fetch(connection, FETCHES_SQL, (workspace_id,)):
        records.setdefault(item["id"], fetching_record(item, attempts, problem))
    fitting = {id_: record for id_, record in records.items() if _matches_filters(record, filters)}
    for id_ in await _decided_ids(connection, workspace_id, fitting.values()) if fitting else ():
        del fitting[id_]
    for record in fitting.values():
        del record[KEY_ID_FIELD]
    return list(fitting.values())


def _matches_filters(record: RecordDict, filters: Mapping[str, Any]) -> bool:
    at = record["received_at"]
    return (
        all(record[name] == filters[name] for name in EQUALITY_FILTERS if name in filters)
        and ("received_after" not in filters or at > filters["received_after"])
        and ("received_before" not in filters or at < filters["received_before"])
        and (
            "search" not in filters or matches_search(filters["search"], record["id"], orjson.dumps(record["payload"]))
        )
    )


async def _decided_ids(connection: Connection, workspace_id: int, records: Iterable[RecordDict]) -> list[str]:
    ids, times = zip(*[(record["id"], record["received_at"]) for record in records], strict=True)
    rows = await _fetch(connection, DECIDED_IDS_SQL, {"w": workspace_id, "ids": list(ids), "times": list(times)})
    return [str(id_) for (id_,) in rows]


async def _fetch(connection: Connection, statement: LiteralString, values: Any = None) -> list[TupleRow]:
    return await (await connection.execute(statement, values)).fetchall()
