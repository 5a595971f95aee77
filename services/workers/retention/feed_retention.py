"""Delete old events of the feeds, in chunks, and end feeds that nobody reads any more."""

from shared.platform.db.connections import Connection
from shared.platform.observability import logging

log = logging.get_logger()

CHUNK_EVENTS = 2_000
# Its position rises, so that a cursor from before the end counts as too old when the feed begins again.
END_UNREAD_SQL = """
UPDATE event_feeds SET is_recording = false, last_position = last_position + 1, expired_position = last_position + 1
WHERE is_recording AND used_at < now() - make_interval(days => %s)
RETURNING workspace_id
"""
# A workspace that keeps messages for fewer days keeps these no longer either.
FEEDS_SQL = """
SELECT f.workspace_id, CASE WHEN f.is_recording THEN least(%s, r.attempts_days) ELSE 0 END
FROM event_feeds f LEFT JOIN retention_settings r USING (workspace_id)
"""
# The feed notes how far its events are gone, and cursors below are refused. The feed is locked first, as by who writes.
EXPIRE_EVENTS_SQL = f"""
WITH feed AS MATERIALIZED (
    SELECT workspace_id FROM event_feeds WHERE workspace_id = %(w)s FOR UPDATE
), oldest AS MATERIALIZED (
    SELECT e.position, e.created_at FROM feed f JOIN feed_events e USING (workspace_id)
    WHERE e.workspace_id = %(w)s ORDER BY e.position LIMIT {CHUNK_EVENTS}
), gone AS (
    DELETE FROM feed_events e USING oldest o
    WHERE e.workspace_id = %(w)s AND e.position = o.position AND o.created_at <= now() - make_interval(days => %(days)s)
    RETURNING e.position
)
UPDATE event_feeds f SET expired_position = greatest(f.expired_position, g.last)
FROM (SELECT max(position) AS last FROM gone) g WHERE f.workspace_id = %(w)s AND g.last IS NOT NULL
"""


async def expire_feeds(connection: Connection, keep_days: int) -> None:
    """Delete events that are more than `keep_days` days old, or more than a workspace keeps messages."""
    for (workspace_id,) in await (await connection.execute(END_UNREAD_SQL, (keep_days,))).fetchall():
        log.info("feed.ended", workspace_id=workspace_id)
    for workspace_id, days in await (await connection.execute(FEEDS_SQL, (keep_days,))).fetchall():
        while (await connection.execute(EXPIRE_EVENTS_SQL, {"w": workspace_id, "days": days})).rowcount:
            pass
