"""Move what belongs to a lead to another one, and back: set by set, each by the ids that the merge notes.

Deliveries go first. Their senders add entries to the timeline of the lead that the delivery names, under the lock of
the delivery alone. After the deliveries moved, no entry comes to the lead that goes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.platform.db.connections import Connection

# Rows that an engine holds are skipped: it waits for the lead that this transaction has. It finds the lead merged then,
# and goes on with the winner. A conversion that the winner has sent as well stays behind: a platform is told once.
TAKE_ROWS_SQL: dict[str, str] = {
    "delivery_ids": """
        UPDATE deliveries SET lead_id = %(winner)s WHERE workspace_id = %(w)s AND id IN (
            SELECT id FROM deliveries WHERE workspace_id = %(w)s AND lead_id = %(loser)s ORDER BY id FOR UPDATE)
        RETURNING id""",
    "run_ids": """
        WITH free AS (
            SELECT id FROM automation_runs WHERE workspace_id = %(w)s AND lead_id = %(loser)s FOR UPDATE SKIP LOCKED
        ), moved AS (
            UPDATE automation_runs SET lead_id = %(winner)s
            WHERE workspace_id = %(w)s AND id IN (SELECT id FROM free)
        )
        SELECT id FROM automation_runs WHERE workspace_id = %(w)s AND lead_id = %(loser)s""",
    "task_ids": """
        UPDATE tasks SET lead_id = %(winner)s WHERE workspace_id = %(w)s AND lead_id = %(loser)s RETURNING id""",
    "conversion_ids": """
        UPDATE conversions c SET lead_id = %(winner)s WHERE workspace_id = %(w)s AND lead_id = %(loser)s
        AND NOT EXISTS (SELECT FROM conversions t WHERE t.workspace_id = %(w)s AND t.lead_id = %(winner)s
                        AND t.integration_id = c.integration_id AND t.event = c.event)
        RETURNING id""",
    "activity_ids": """
        UPDATE activities SET lead_id = %(winner)s WHERE workspace_id = %(w)s AND lead_id = %(loser)s RETURNING id""",
    # Submissions have no index by lead. The entries of the timeline name them.
    "submission_ids": """
        UPDATE submissions SET lead_id = %(winner)s
        WHERE workspace_id = %(w)s AND lead_id = %(loser)s AND id = ANY(ARRAY(
            SELECT (data->>'submission_id')::uuid FROM activities
            WHERE workspace_id = %(w)s AND lead_id = %(winner)s AND id = ANY(%(activity_ids)s)
              AND type IN ('lead.created', 'lead.duplicate') AND data ? 'submission_id'))
        RETURNING id""",
}
GIVE_BACK_SQL: dict[str, str] = {
    "delivery_ids": """
        UPDATE deliveries SET lead_id = %(loser)s WHERE workspace_id = %(w)s AND id IN (
            SELECT id FROM deliveries WHERE workspace_id = %(w)s AND lead_id = %(winner)s AND id = ANY(%(ids)s)
            ORDER BY id FOR UPDATE)""",
    "run_ids": """
        UPDATE automation_runs SET lead_id = %(loser)s WHERE workspace_id = %(w)s AND id IN (
            SELECT id FROM automation_runs WHERE workspace_id = %(w)s AND lead_id = %(winner)s AND id = ANY(%(ids)s)
            FOR UPDATE SKIP LOCKED)""",
    "task_ids": """
        UPDATE tasks SET lead_id = %(loser)s
        WHERE workspace_id = %(w)s AND lead_id = %(winner)s AND id = ANY(%(ids)s)""",
    "conversion_ids": """
        UPDATE conversions SET lead_id = %(loser)s
        WHERE workspace_id = %(w)s AND lead_id = %(winner)s AND id = ANY(%(ids)s)""",
    "activity_ids": """
        UPDATE activities SET lead_id = %(loser)s
        WHERE workspace_id = %(w)s AND lead_id = %(winner)s AND id = ANY(%(ids)s)""",
    "submission_ids": """
        UPDATE submissions SET lead_id = %(loser)s
        WHERE workspace_id = %(w)s AND lead_id = %(winner)s AND id = ANY(%(ids)s)""",
}

# The time and the cause of a merge are told on the restored lead as well, in the order of what happened to it.
ADD_ENTRY_SQL = """
INSERT INTO activities (workspace_id, lead_id, type, data, created_at)
VALUES (%(w)s, %(lead)s, %(type)s, %(data)s, %(at)s)
"""


async def take_rows(connection: Connection, workspace_id: int, winner: int, loser: int) -> dict[str, list[Any]]:
    """Move all rows of the loser to the winner. Return the ids of those that moved, by kind."""
    values: dict[str, Any] = {"w": workspace_id, "winner": winner, "loser": loser}
    moved: dict[str, list[Any]] = {}
    for kind, statement in TAKE_ROWS_SQL.items():
        rows = await (await connection.execute(statement, values | moved)).fetchall()
        moved[kind] = [row[0] for row in rows]
    return moved


async def give_back_rows(
    connection: Connection, workspace_id: int, winner: int, loser: int, moved: Mapping[str, Sequence[Any]]
) -> None:
    """Move rows that a merge moved back to the lead that they belonged to. Rows that are gone are left out."""
    values = {"w": workspace_id, "winner": winner, "loser": loser}
    for kind, statement in GIVE_BACK_SQL.items():
        if moved[kind]:
            await connection.execute(statement, values | {"ids": list(moved[kind])})
