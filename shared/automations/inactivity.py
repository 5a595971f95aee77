"""Inactivity timers: one row for each automation and lead, due if the lead has no activity until then.

Changes by automations do not count as activity, since they would restart the timers forever. A timer is deleted when
its run is created, and comes back with the next activity, so that each period of inactivity starts one run.
"""

from typing import Any

from shared.platform.db.connections import Connection

TIMERS_PER_CHUNK = 10_000  # timers started by a request itself, which takes 0.2 s, and by the sweeper at a time

DELETE_PENDING_CHUNKS_SQL = """
DELETE FROM background_cleanups
WHERE workspace_id = %(w)s AND kind = 'inactivity_timers' AND ref_id = %(automation)s
"""
DELETE_TIMERS_SQL = "DELETE FROM inactivity_timers WHERE workspace_id = %(w)s AND automation_id = %(automation)s"
# Leads in the order of their last update, after a moment in microseconds since the epoch. A lead that is updated
# meanwhile is found once more. All leads with the same time as the last one are included, such as those of one batch.
CHUNK_SPAN_SQL = """
SELECT count(*), (extract(epoch FROM max(updated_at)) * 1000000)::bigint FROM (
    SELECT updated_at FROM lead_updates
    WHERE workspace_id = %(w)s AND updated_at > now() - %(minutes)s * interval '1 minute'
      AND updated_at > 'epoch'::timestamptz + %(after)s * interval '1 microsecond'
    ORDER BY updated_at LIMIT %(most)s) few
"""
# Existing leads get a timer only if it is not due yet, since an automation acts on what happens later. The order is the
# one in which engines restart timers. An engine with the previous definition may have added a timer since the old ones
# were deleted; it stays if it belongs to a newer activity.
START_TIMERS_SQL = """
INSERT INTO inactivity_timers (workspace_id, automation_id, lead_id, activity_id, due_at)
SELECT u.workspace_id, %(automation)s, u.id, last.id, last.created_at + %(minutes)s * interval '1 minute'
FROM lead_updates u CROSS JOIN LATERAL (
    SELECT a.id, a.created_at FROM activities a
    WHERE a.workspace_id = u.workspace_id AND a.lead_id = u.id AND a.type NOT LIKE 'delivery.%%'
      AND coalesce(a.data->'by'->>'kind', '') NOT IN ('automation', 'scoring')
    ORDER BY a.id DESC LIMIT 1) last
WHERE u.workspace_id = %(w)s AND u.updated_at > now() - %(minutes)s * interval '1 minute'
  AND u.updated_at > 'epoch'::timestamptz + %(after)s * interval '1 microsecond'
  AND u.updated_at <= 'epoch'::timestamptz + %(last)s * interval '1 microsecond'
  AND last.created_at > now() - %(minutes)s * interval '1 minute'
ORDER BY u.id
ON CONFLICT (workspace_id, automation_id, lead_id)
DO UPDATE SET activity_id = excluded.activity_id, due_at = excluded.due_at
WHERE inactivity_timers.activity_id <= excluded.activity_id
"""
QUEUE_CHUNK_SQL = """
INSERT INTO background_cleanups (workspace_id, kind, ref_id, after_id)
VALUES (%(w)s, 'inactivity_timers', %(automation)s, %(after)s)
"""
NEXT_CHUNK_SQL = """
SELECT c.id, c.workspace_id, c.ref_id, (a.trigger->>'minutes')::int, c.after_id
FROM background_cleanups c JOIN automations a ON a.workspace_id = c.workspace_id AND a.id = c.ref_id
WHERE c.kind = 'inactivity_timers' ORDER BY c.id LIMIT 1 FOR UPDATE OF c SKIP LOCKED
"""


async def restart_timers_of(connection: Connection, workspace_id: int, automation_id: int, minutes: int | None) -> None:
    """Delete the timers of an automation and start new ones, or none if `minutes` is None.

    Runs in the caller's transaction, which has locked the automation. If there are more leads than one chunk, the
    sweeper starts the timers of the others. These leads were updated last, so their timers are due last.
    """
    named = {"w": workspace_id, "automation": automation_id, "minutes": minutes, "after": 0}
    # Before the timers, since the sweeper may be adding some right now.
    await connection.execute(DELETE_PENDING_CHUNKS_SQL, named)
    await connection.execute(DELETE_TIMERS_SQL, named)
    if minutes is not None and (last := await _start_timers(connection, named)):
        await connection.execute(QUEUE_CHUNK_SQL, {**named, "after": last})


async def start_chunk(connection: Connection) -> bool:
    """Start the timers of the next chunk. Return False if no chunk is left. A crash repeats at most one chunk."""
    async with connection.transaction():
        row = await (await connection.execute(NEXT_CHUNK_SQL)).fetchone()
        if row is None:
            return False
        cleanup, *rest = row
        if last := await _start_timers(
            connection, dict(zip(("w", "automation", "minutes", "after"), rest, strict=True))
        ):
            await connection.execute("UPDATE background_cleanups SET after_id = %s WHERE id = %s", (last, cleanup))
        else:
            await connection.execute("DELETE FROM background_cleanups WHERE id = %s", (cleanup,))
    return True


async def _start_timers(connection: Connection, named: dict[str, Any]) -> int | None:
    """Start the timers of one chunk. Return the position of the next chunk, or None if this was the last one."""
    [(n, last)] = await (await connection.execute(CHUNK_SPAN_SQL, {**named, "most": TIMERS_PER_CHUNK})).fetchall()
    if n:
        await connection.execute(START_TIMERS_SQL, {**named, "last": last})
    return last if n == TIMERS_PER_CHUNK else None
