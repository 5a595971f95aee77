"""Leads that an automation waits for to be silent: a row a lead, due when nothing happens until then.

What automations do is no activity: they would keep the silence from ever being noticed. A row is gone once its run
is there, and comes back with the next thing that happens, so that each silence is noticed once.
"""

from typing import Any

from shared.db import Connection

FEW = 10_000  # leads that a change begins to wait for itself, 0.2 s of it, and the sweeper at a time

FORGET_REST = "DELETE FROM cleanups WHERE workspace_id = %(w)s AND kind = 'silences' AND ref_id = %(automation)s"
FORGET = "DELETE FROM silences WHERE workspace_id = %(w)s AND automation_id = %(automation)s"
# Leads as they were last updated, from a moment on (microseconds since the epoch). One that is updated meanwhile comes
# once more. With the last come all that were updated at the same moment, as those of a batch are.
SPAN = """
SELECT count(*), (extract(epoch FROM max(updated_at)) * 1000000)::bigint FROM (
    SELECT updated_at FROM lead_updates
    WHERE workspace_id = %(w)s AND updated_at > now() - %(minutes)s * interval '1 minute'
      AND updated_at > 'epoch'::timestamptz + %(after)s * interval '1 microsecond'
    ORDER BY updated_at LIMIT %(most)s) few
"""
# Of the leads that are there only those whose silence is not over yet: an automation acts on what happens later. In the
# order in which engines note silences, one of whom may have noted by what it was before since the old ones were
# forgotten; where that was for something newer it stays.
START = """
INSERT INTO silences (workspace_id, automation_id, lead_id, activity_id, due_at)
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
WHERE silences.activity_id <= excluded.activity_id
"""
POSTPONE = """
INSERT INTO cleanups (workspace_id, kind, ref_id, after_id) VALUES (%(w)s, 'silences', %(automation)s, %(after)s)
"""
NEXT = """
SELECT c.id, c.workspace_id, c.ref_id, (a.trigger->>'minutes')::int, c.after_id
FROM cleanups c JOIN automations a ON a.workspace_id = c.workspace_id AND a.id = c.ref_id
WHERE c.kind = 'silences' ORDER BY c.id LIMIT 1 FOR UPDATE OF c SKIP LOCKED
"""


async def restart(connection: Connection, workspace_id: int, automation_id: int, minutes: int | None) -> None:
    """Forgets what the automation waits for, and waits anew; for nothing where `minutes` is None.

    In the caller's transaction, which holds the automation. Of more than `FEW` leads it leaves the rest to the sweeper:
    those that were updated last, whose silence is the longest to come.
    """
    named = {"w": workspace_id, "automation": automation_id, "minutes": minutes, "after": 0}
    await connection.execute(FORGET_REST, named)  # before what it came to by now: it may be at work
    await connection.execute(FORGET, named)
    if minutes is not None and (last := await _start(connection, named)):
        await connection.execute(POSTPONE, {**named, "after": last})


async def start_chunk(connection: Connection) -> bool:
    """Begins to wait for the next leads of what was left; False when nothing is. A crash repeats one chunk at most."""
    async with connection.transaction():
        row = await (await connection.execute(NEXT)).fetchone()
        if row is None:
            return False
        cleanup, *rest = row
        if last := await _start(connection, dict(zip(("w", "automation", "minutes", "after"), rest, strict=True))):
            await connection.execute("UPDATE cleanups SET after_id = %s WHERE id = %s", (last, cleanup))
        else:
            await connection.execute("DELETE FROM cleanups WHERE id = %s", (cleanup,))
    return True


async def _start(connection: Connection, named: dict[str, Any]) -> int | None:
    """Where the leads begin that are left."""
    [(n, last)] = await (await connection.execute(SPAN, {**named, "most": FEW})).fetchall()
    if n:
        await connection.execute(START, {**named, "last": last})
    return last if n == FEW else None
