"""Causes of failures as operators see them: listed with their counts, ignored, marked as fixed, opened again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from shared.operations.fingerprint import FailureKind
from shared.platform.db.connections import Connection

MAX_SOURCE_SAMPLE = 1_000  # failed rows whose sources are looked at
TOP_SOURCES = 3

CAUSE_WHERE_SQL = """
workspace_id = %(workspace_id)s
AND (%(ids)s::bigint[] IS NULL OR id = ANY (%(ids)s))
AND (%(kind)s::text IS NULL OR kind = %(kind)s)
AND (%(state)s::text IS NULL OR state = %(state)s)
AND (%(since)s::timestamptz IS NULL OR last_seen_at >= %(since)s)
"""
COUNT_CAUSES_SQL = f"SELECT count(*) FROM causes WHERE {CAUSE_WHERE_SQL}"
# A failed row counts as long as it is failed. The sources are those of the newest failed rows.
LIST_CAUSES_SQL = f"""
WITH page AS (
    SELECT * FROM causes WHERE {CAUSE_WHERE_SQL}
    AND (%(after_at)s::timestamptz IS NULL OR (last_seen_at, id) < (%(after_at)s, %(after_id)s))
    ORDER BY last_seen_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s
), failed AS (
    SELECT cause_id, count(*) AS n FROM submissions
    WHERE workspace_id = %(workspace_id)s AND state = 'dead'
      AND cause_id = ANY (ARRAY(SELECT id FROM page WHERE kind = 'submission')) GROUP BY 1
    UNION ALL
    SELECT cause_id, count(*) FROM deliveries
    WHERE workspace_id = %(workspace_id)s AND state = 'failed'
      AND cause_id = ANY (ARRAY(SELECT id FROM page WHERE kind = 'delivery')) GROUP BY 1
    UNION ALL
    SELECT cause_id, count(*) FROM automation_runs
    WHERE workspace_id = %(workspace_id)s AND state = 'failed'
      AND cause_id = ANY (ARRAY(SELECT id FROM page WHERE kind = 'automation_run')) GROUP BY 1
)
SELECT p.id, p.kind, p.error_type, p.title, p.place, coalesce(failed.n, 0) AS count, recent.last_hour, recent.last_day,
       recent.last_week, recent.hours, p.first_seen_at, p.last_seen_at, touched.sources, p.state, p.ignored_until,
       p.reopened_at, p.note, p.changed_by, p.changed_at
FROM page p
LEFT JOIN failed ON failed.cause_id = p.id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(n) FILTER (WHERE hour < 1), 0)::bigint AS last_hour,
           coalesce(sum(n) FILTER (WHERE hour < 24), 0)::bigint AS last_day,
           coalesce(sum(n), 0)::bigint AS last_week,
           ARRAY(SELECT coalesce(sum(n) FILTER (WHERE ago = hour), 0)::bigint
                 FROM generate_series(23, 0, -1) ago LEFT JOIN LATERAL (
                     SELECT n, floor(extract(epoch FROM now() - at) / 3600)::int AS hour FROM cause_counts k
                     WHERE k.workspace_id = p.workspace_id AND k.cause_id = p.id
                       AND k.at > now() - interval '24 hours') one ON ago = hour
                 GROUP BY ago ORDER BY ago DESC) AS hours
    FROM (SELECT n, floor(extract(epoch FROM now() - at) / 3600)::int AS hour FROM cause_counts k
          WHERE k.workspace_id = p.workspace_id AND k.cause_id = p.id AND k.at > now() - interval '7 days') counts
) recent
CROSS JOIN LATERAL (
    SELECT ARRAY(
        SELECT source FROM (
            (SELECT coalesce(f.source, f.channel) AS source FROM submissions f
             WHERE p.kind = 'submission' AND f.workspace_id = p.workspace_id AND f.state = 'dead' AND f.cause_id = p.id
             ORDER BY f.received_at DESC LIMIT {MAX_SOURCE_SAMPLE})
            UNION ALL
            (SELECT f.endpoint FROM deliveries f
             WHERE p.kind = 'delivery' AND f.workspace_id = p.workspace_id AND f.state = 'failed' AND f.cause_id = p.id
             ORDER BY f.id DESC LIMIT {MAX_SOURCE_SAMPLE})
            UNION ALL
            (SELECT 'automation:' || f.automation_id FROM automation_runs f
             WHERE p.kind = 'automation_run' AND f.workspace_id = p.workspace_id AND f.state = 'failed'
               AND f.cause_id = p.id
             ORDER BY f.id DESC LIMIT {MAX_SOURCE_SAMPLE})) sample
        GROUP BY source ORDER BY count(*) DESC, source LIMIT {TOP_SOURCES}) AS sources
) touched
ORDER BY p.last_seen_at DESC, p.id DESC
"""
# Those that are not known and, if `known_at` is given, began or came back since.
COUNT_NEW_CAUSES_SQL = f"""
SELECT count(*) FROM causes WHERE {CAUSE_WHERE_SQL} AND id <> ALL (%(known)s)
AND (%(known_at)s::timestamptz IS NULL OR greatest(first_seen_at, reopened_at) > %(known_at)s)
"""
LOCK_CAUSE_SQL = """
SELECT state, ignored_until, note FROM causes WHERE workspace_id = %(workspace_id)s AND id = %(id)s FOR UPDATE
"""
# A failure after this moment opens a cause again that is said to be fixed: the clock is read under the row's lock.
CHANGE_CAUSE_SQL = """
UPDATE causes SET state = %(state)s, ignored_until = %(ignored_until)s, note = %(note)s, changed_by = %(changed_by)s,
       changed_at = clock_timestamp(), reopened_at = NULL
WHERE workspace_id = %(workspace_id)s AND id = %(id)s
"""

CauseDict = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CauseFilter:
    """The causes that meet all given criteria. `since`: seen at that time or later."""

    ids: list[int] | None = None
    kind: FailureKind | None = None
    state: str | None = None
    since: datetime | None = None


async def count_causes(connection: Connection, workspace_id: int, which: CauseFilter) -> int:
    """Return the number of causes of a workspace."""
    row = await (await connection.execute(COUNT_CAUSES_SQL, {"workspace_id": workspace_id, **asdict(which)})).fetchone()
    return int(row[0]) if row else 0


async def list_causes(
    connection: Connection,
    workspace_id: int,
    which: CauseFilter,
    *,
    limit: int,
    offset: int = 0,
    after: tuple[str, int] | None = None,
) -> list[CauseDict]:
    """Return causes of a workspace, the last seen first. `after` is the time and id of the last one before these."""
    arguments = {
        "workspace_id": workspace_id,
        **asdict(which),
        "limit": limit,
        "offset": offset,
        "after_at": after and after[0],
        "after_id": after and after[1],
    }
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(LIST_CAUSES_SQL, arguments)
        return await cursor.fetchall()


async def count_new_causes(
    connection: Connection, workspace_id: int, which: CauseFilter, known: Sequence[int], known_at: datetime | None
) -> int:
    """Return how many causes there are besides the known ones; with a time, how many began or came back after it."""
    arguments = {"workspace_id": workspace_id, **asdict(which), "known": list(known), "known_at": known_at}
    row = await (await connection.execute(COUNT_NEW_CAUSES_SQL, arguments)).fetchone()
    return int(row[0]) if row else 0


async def find_cause(connection: Connection, workspace_id: int, cause_id: int) -> CauseDict | None:
    """Return one cause, or None if the workspace has no such cause."""
    found = await list_causes(connection, workspace_id, CauseFilter(ids=[cause_id]), limit=1)
    return found[0] if found else None


async def change_cause(
    connection: Connection, workspace_id: int, cause_id: int, changes: Mapping[str, Any], actor: str
) -> tuple[CauseDict, CauseDict] | None:
    """Change `state`, `ignored_until` and `note`, those that are given, in the caller's transaction.

    A state other than `ignored` clears `ignored_until`. `actor` is who does it, as `key:7`. Returns these fields
    before and after, or None if the workspace has no such cause.
    """
    key = {"workspace_id": workspace_id, "id": cause_id}
    async with connection.cursor(row_factory=dict_row) as cursor:
        before = await (await cursor.execute(LOCK_CAUSE_SQL, key)).fetchone()
    if before is None:
        return None
    after = {**before, **changes}
    if after["state"] != "ignored":
        after["ignored_until"] = None
    await connection.execute(CHANGE_CAUSE_SQL, {**key, **after, "changed_by": actor})
    return before, after
