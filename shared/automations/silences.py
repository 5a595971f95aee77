"""Leads that an automation waits for to be silent: a row a lead, due when nothing happens until then.

What automations do is no activity: they would keep the silence from ever being noticed. A row is gone once its run
is there, and comes back with the next thing that happens, so that each silence is noticed once.
"""

from shared.db import Connection

FORGET = "DELETE FROM silences WHERE workspace_id = %(w)s AND automation_id = %(automation)s"
# Of the leads that are there only those whose silence is not over yet: an automation acts on what happens later.
START = """
INSERT INTO silences (workspace_id, automation_id, lead_id, activity_id, due_at)
SELECT u.workspace_id, %(automation)s, u.id, last.id, last.created_at + %(minutes)s * interval '1 minute'
FROM lead_updates u CROSS JOIN LATERAL (
    SELECT a.id, a.created_at FROM activities a
    WHERE a.workspace_id = u.workspace_id AND a.lead_id = u.id AND a.type NOT LIKE 'delivery.%%'
      AND coalesce(a.data->'by'->>'kind', '') NOT IN ('automation', 'scoring')
    ORDER BY a.id DESC LIMIT 1) last
WHERE u.workspace_id = %(w)s AND u.updated_at > now() - %(minutes)s * interval '1 minute'
  AND last.created_at > now() - %(minutes)s * interval '1 minute'
"""


async def restart(connection: Connection, workspace_id: int, automation_id: int, minutes: int | None) -> None:
    """Forgets what the automation waits for, and waits anew; for nothing where `minutes` is None."""
    named = {"w": workspace_id, "automation": automation_id, "minutes": minutes}
    await connection.execute(FORGET, named)
    if minutes is not None:
        await connection.execute(START, named)
