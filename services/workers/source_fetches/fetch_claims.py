"""Claim leads that are due to be fetched, by a lease. One is due again as soon as its worker's connection is gone."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.workers.processes.reconnect_grace import IS_LONG_WRITABLE_SQL, RECONNECT_GRACE_SECONDS
from services.workers.source_fetches.fetching_integrations import IntegrationKey
from shared.platform.db.connections import Connection, as_json

LEASE_SECONDS = 60  # seconds: longer than the requests for one lead take
MAX_PARALLEL_FETCHES = 4  # fetches of one integration at once, in one process
MAX_FETCHES_IN_FLIGHT = 64  # in one process
FETCHER_APPLICATION = "leadhub fetches"  # the name of the connection that claims

# The recursion steps from one integration to the next along the index, so that the leads of a large one are not read.
# Chance decides whose turn it is where not all find room.
CLAIM_FETCHES_SQL = f"""
WITH RECURSIVE places AS (
    (SELECT workspace_id, integration_id FROM source_fetches ORDER BY workspace_id, integration_id LIMIT 1)
    UNION ALL
    SELECT following.* FROM places p, LATERAL (
        SELECT f.workspace_id, f.integration_id FROM source_fetches f
        WHERE (f.workspace_id, f.integration_id) > (p.workspace_id, p.integration_id)
        ORDER BY f.workspace_id, f.integration_id LIMIT 1) following
), busy AS (
    SELECT * FROM json_to_recordset(%(busy)s::json) AS b(w bigint, i bigint, n bigint)
), chosen AS MATERIALIZED (
    SELECT due.workspace_id, due.id
    FROM (SELECT * FROM places ORDER BY random()) p
    LEFT JOIN busy b ON b.w = p.workspace_id AND b.i = p.integration_id, LATERAL (
        SELECT f.workspace_id, f.id FROM source_fetches f
        WHERE f.workspace_id = p.workspace_id AND f.integration_id = p.integration_id
          AND f.due_at <= now() - make_interval(secs => %(overdue)s)
        ORDER BY f.due_at LIMIT greatest({MAX_PARALLEL_FETCHES} - coalesce(b.n, 0), 0) FOR UPDATE SKIP LOCKED) due
    LIMIT %(most)s
)
UPDATE source_fetches f SET due_at = clock_timestamp() + interval '{LEASE_SECONDS} s', fetcher = pg_backend_pid()
FROM chosen c WHERE f.workspace_id = c.workspace_id AND f.id = c.id
RETURNING f.workspace_id, f.id::text, f.integration_id, f.object_id, f.item, f.attempts,
          extract(epoch FROM clock_timestamp() - f.created_at)::float8
"""
IS_ORPHANED_SQL = f"""
f.fetcher IS NOT NULL AND NOT EXISTS (
    SELECT FROM pg_stat_activity a WHERE a.pid = f.fetcher AND a.application_name = '{FETCHER_APPLICATION}')
"""
# Not right after a crash of the database, or the promotion of another: a worker that only lost its connection fetches
# on, and keeps its claims as soon as it has another one. If that is later, a lead is asked for twice and recorded once.
RELEASE_FETCHES_SQL = f"""
UPDATE source_fetches f SET due_at = now(), fetcher = NULL WHERE {IS_ORPHANED_SQL} AND {IS_LONG_WRITABLE_SQL}
"""
KEEP_CLAIMS_SQL = f"""
UPDATE source_fetches f SET fetcher = pg_backend_pid()
FROM json_to_recordset(%s::json) AS mine(w bigint, id uuid)
WHERE f.workspace_id = mine.w AND f.id = mine.id AND f.due_at > clock_timestamp() AND {IS_ORPHANED_SQL}
"""
HAS_DUE_SQL = """
SELECT EXISTS (SELECT FROM source_fetches WHERE due_at <= now() - make_interval(secs => %(overdue)s))
    OR EXISTS (SELECT FROM jobs WHERE kind = 'backfill' AND state = ANY (ARRAY['queued', 'running'])
               AND due_at <= now() - make_interval(secs => %(overdue)s))
"""


class ClaimedFetch(NamedTuple):
    """A lead to be fetched, which belongs to this process until the lease ends. `attempts` have failed."""

    workspace_id: int
    id: str
    integration_id: int
    object_id: str
    item: dict[str, Any]
    attempts: int
    age_seconds: float

    @property
    def integration_key(self) -> IntegrationKey:
        return self.workspace_id, self.integration_id


async def claim_fetches(
    connection: Connection, *, in_flight: Mapping[IntegrationKey, int], overdue: float = 0.0
) -> list[ClaimedFetch]:
    """Claim leads that have been due for `overdue` seconds. `in_flight` are those of this process, by integration."""
    most = MAX_FETCHES_IN_FLIGHT - sum(in_flight.values())
    if most <= 0:
        return []
    busy = as_json([{"w": workspace_id, "i": id_, "n": n} for (workspace_id, id_), n in in_flight.items()])
    asked = {"busy": busy, "most": most, "overdue": overdue}
    rows = await (await connection.execute(CLAIM_FETCHES_SQL, asked)).fetchall()
    return [ClaimedFetch(*row) for row in rows]


async def keep_claims(connection: Connection, claimed: Sequence[ClaimedFetch]) -> None:
    """Keep leads that this process has in hand and claimed by a connection that is gone."""
    if claimed:
        await connection.execute(
            KEEP_CLAIMS_SQL, (as_json([{"w": one.workspace_id, "id": one.id} for one in claimed]),)
        )


async def release_orphaned(connection: Connection, *, grace: float = RECONNECT_GRACE_SECONDS) -> int:
    """Release leads that workers had in hand whose connection is gone. Return how many.

    None in the first `grace` seconds of a server that takes writes.
    """
    return (await connection.execute(RELEASE_FETCHES_SQL, {"grace": grace})).rowcount


async def has_due(connection: Connection, *, overdue: float = 0.0) -> bool:
    """Return whether a lead is due to be fetched, or a page of a backfill, for over `overdue` seconds."""
    row = await (await connection.execute(HAS_DUE_SQL, {"overdue": overdue})).fetchone()
    return bool(row and row[0])
