"""Restart and fire inactivity timers. `shared/automations/inactivity.py` describes the timers."""

from collections.abc import Sequence

from services.workers.outbox.outbox_event import OutboxEvent
from services.workers.outbox.workspace_fairness import (
    LAST_SERVED_SQL,
    WorkspaceCursor,
    due_rows_ctes,
    take_fair_batch,
)
from shared.accounting import counters
from shared.platform.db.connections import Connection, as_json

TIMERS_PER_BATCH = 200

RESTART_TIMERS_SQL = """
INSERT INTO inactivity_timers (workspace_id, automation_id, lead_id, activity_id, due_at)
SELECT DISTINCT ON (1, 2, 3) w, automation, lead, activity, at + minutes * interval '1 minute'
FROM json_to_recordset(%s::json) AS s(
    w bigint, automation bigint, lead bigint, activity bigint, at timestamptz, minutes int)
ORDER BY 1, 2, 3, 4 DESC
ON CONFLICT (workspace_id, automation_id, lead_id)
DO UPDATE SET activity_id = excluded.activity_id, due_at = excluded.due_at
WHERE inactivity_timers.activity_id < excluded.activity_id
"""
# Deliveries do not count as activity: they make no event that would restart the timer. If the lead had activity whose
# event the engine has not handled yet, the timer is deleted without a run, and that event will restart it.
FIRE_DUE_TIMERS_SQL = f"""
WITH RECURSIVE {due_rows_ctes("inactivity_timers", "automation_id", "lead_id")}, ended AS (
    DELETE FROM inactivity_timers WHERE (workspace_id, automation_id, lead_id) IN (
        SELECT workspace_id, automation_id, lead_id
        FROM head h JOIN inactivity_timers n USING (workspace_id, automation_id, lead_id)
        WHERE n.due_at <= clock_timestamp() ORDER BY h.turn, h.due_at LIMIT %(most)s FOR UPDATE OF n SKIP LOCKED)
    RETURNING workspace_id, automation_id, lead_id, activity_id
), begun AS (
    INSERT INTO automation_runs (workspace_id, automation_id, trigger_key, lead_id, state, due_at)
    SELECT e.workspace_id, e.automation_id, format('silence:%%s:%%s', e.lead_id, e.activity_id), e.lead_id, 'waiting',
           clock_timestamp()
    FROM ended e JOIN leads l ON l.workspace_id = e.workspace_id AND l.id = e.lead_id
    WHERE NOT EXISTS (
        SELECT 1 FROM activities a
        WHERE a.workspace_id = e.workspace_id AND a.lead_id = e.lead_id AND a.id > e.activity_id
          AND a.type NOT LIKE 'delivery.%%'
          AND coalesce(a.data->'by'->>'kind', '') NOT IN ('automation', 'scoring'))
    ON CONFLICT DO NOTHING RETURNING workspace_id, automation_id
)
SELECT s.last, b.* FROM {LAST_SERVED_SQL}
LEFT JOIN (SELECT workspace_id, automation_id, count(*) FROM begun GROUP BY 1, 2) b ON true
"""


async def restart_timers(connection: Connection, broken: Sequence[tuple[OutboxEvent, int, int]]) -> None:
    """Restart the timers of leads after events; each event comes with an automation id and its minutes."""
    if broken:
        rows = [
            {
                "w": event.workspace_id,
                "automation": automation_id,
                "lead": event.lead_id,
                "activity": event.activity_id,
                "at": event.occurred_at,
                "minutes": minutes,
            }
            for event, automation_id, minutes in broken
        ]
        await connection.execute(RESTART_TIMERS_SQL, (as_json(rows),))


async def fire_due_timers(connection: Connection, round_: WorkspaceCursor | None = None) -> int:
    """Start the runs of expired timers, once each and fairly between workspaces. Return how many were started."""
    rows = await take_fair_batch(connection, FIRE_DUE_TIMERS_SQL, TIMERS_PER_BATCH, round_ or WorkspaceCursor())
    await counters.add_counts(connection, {(row[0], "automation", row[1]): row[2] for row in rows})
    return sum(row[2] for row in rows)
