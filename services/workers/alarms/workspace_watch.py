"""The alarms of workspaces: submissions that fail, and work that waits. Each tells once, until it is well again.

The state is a row of the workspace's, so that several watchers tell once. One that comes and goes tells once an hour.
"""

from collections.abc import Mapping
from typing import Any

from psycopg.rows import dict_row

from shared.operations.alarm_thresholds import DEAD_LETTERS_PERCENT, LEAST_DEAD_LETTERS, WAITING_MINUTES
from shared.operations.lane_pauses import IS_ACTIVE_SQL
from shared.outbound.deliveries import NewDelivery, enqueue_deliveries, notification_to_user
from shared.outbound.mail_readers import MailReader, read_alarm_readers
from shared.outbound.mail_setup import can_send_mail
from shared.outbound.staff_texts import staff_texts
from shared.platform.db.connections import Connection
from shared.platform.observability import logging
from shared.platform.settings import Settings

log = logging.get_logger()

ALARM_INTERVAL_SECONDS = 30.0

# Each finds the workspaces that are not well: the value, and what it is of.
DEAD_LETTERS_SQL = f"""
SELECT s.workspace_id, sum(s.dead)::bigint AS value, sum(s.done + s.dead + s.quarantined)::bigint AS of
FROM minute_statistics s JOIN workspaces w ON w.id = s.workspace_id
WHERE s.step = 60 AND s.at > clock_timestamp() - interval '1 hour'
GROUP BY s.workspace_id, w.alarms
HAVING sum(s.dead) >= {LEAST_DEAD_LETTERS}
   AND 100 * sum(s.dead) >= sum(s.done + s.dead + s.quarantined)
                            * coalesce((w.alarms->'dead_letters'->>'percent')::int, {DEAD_LETTERS_PERCENT})
"""
# Of the lanes that each workspace has for itself, unless they are paused. The newest sample is a few seconds old.
WAITING_SQL = f"""
SELECT s.workspace_id, (max(s.oldest_s) / 60)::bigint AS value, 0::bigint AS of
FROM (SELECT DISTINCT ON (workspace_id, lane) workspace_id, lane, oldest_s FROM lane_statistics
      WHERE step = 60 AND at > clock_timestamp() - interval '2 minutes' AND workspace_id <> 0
        AND lane IN ('automations', 'deliveries') AND sampled_at IS NOT NULL
      ORDER BY workspace_id, lane, at DESC) s
JOIN workspaces w ON w.id = s.workspace_id
WHERE s.oldest_s >= 60 * coalesce((w.alarms->'waiting'->>'minutes')::int, {WAITING_MINUTES})
  AND NOT EXISTS (SELECT FROM lane_pauses p
                  WHERE p.workspace_id = s.workspace_id AND p.lane = s.lane AND {IS_ACTIVE_SQL})
GROUP BY s.workspace_id
"""
_RAISE_SQL = """
WITH bad AS ({bad}), raised AS (
    INSERT INTO workspace_alarms AS a (workspace_id, code, raised_at)
    SELECT workspace_id, %(code)s, now() FROM bad
    ON CONFLICT (workspace_id, code) DO UPDATE SET raised_at = now(), cleared_at = NULL
    WHERE a.cleared_at IS NOT NULL AND a.raised_at < now() - interval '1 hour'
    RETURNING a.workspace_id
)
SELECT w.id AS workspace_id, w.name AS workspace, w.slug, b.value, b.of
FROM raised r JOIN bad b USING (workspace_id) JOIN workspaces w ON w.id = r.workspace_id ORDER BY 1
"""
_CLEAR_SQL = """
UPDATE workspace_alarms a SET cleared_at = now()
WHERE a.code = %(code)s AND a.cleared_at IS NULL
  AND NOT EXISTS (SELECT FROM ({bad}) bad WHERE bad.workspace_id = a.workspace_id)
"""
WATCHED_ALARMS = {"dead_letters": DEAD_LETTERS_SQL, "waiting": WAITING_SQL}
RAISE_STATEMENTS = {code: _RAISE_SQL.format(bad=bad) for code, bad in WATCHED_ALARMS.items()}
CLEAR_STATEMENTS = {code: _CLEAR_SQL.format(bad=bad) for code, bad in WATCHED_ALARMS.items()}


async def watch_workspaces(connection: Connection, settings: Settings) -> int:
    """Look once. Return how many alarms were raised."""
    count = 0
    for code in WATCHED_ALARMS:
        async with connection.transaction():
            count += await _watch_one(connection, settings, code)
    return count


async def _watch_one(connection: Connection, settings: Settings, code: str) -> int:
    await connection.execute(CLEAR_STATEMENTS[code].encode(), {"code": code})
    async with connection.cursor(row_factory=dict_row) as cursor:
        raised = await (await cursor.execute(RAISE_STATEMENTS[code].encode(), {"code": code})).fetchall()
    readers = await read_alarm_readers(connection, code, [alarm["workspace_id"] for alarm in raised])
    for alarm in raised:
        log.warning("workspace_alarm.raised", workspace_id=alarm["workspace_id"], alarm=code, n=alarm["value"])
        if await can_send_mail(connection, settings, alarm["workspace_id"]):
            recipients = [reader for reader in readers if reader.workspace_id == alarm["workspace_id"]]
            await enqueue_deliveries(connection, [_message(settings, code, alarm, reader) for reader in recipients])
    return len(raised)


def _message(settings: Settings, code: str, alarm: Mapping[str, Any], reader: MailReader) -> NewDelivery:
    texts, value, of = staff_texts(reader.language), alarm["value"], alarm["of"]
    page = {"dead_letters": "dead-letters", "waiting": "queues"}[code]
    subject, body = texts.mail(
        code,
        workspace=alarm["workspace"],
        dead=texts.counted("submissions", value),
        decided=of,
        percent=100 * value // of if of else 0,
        minutes=texts.counted("minutes", value),
        link=f"{settings.configured_base_url}/console/{alarm['slug']}/{page}",
    )
    return notification_to_user(alarm["workspace_id"], reader.user_id, subject, body)
