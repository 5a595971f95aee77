"""What names a stage: forms and sources that place leads in it, and automations."""

from typing import NamedTuple

import orjson

from shared.platform.db.connections import Connection

MAX_MENTIONS = 20  # that are named

MENTIONS_SQL = f"""
SELECT 'form', name FROM forms WHERE workspace_id = %(workspace)s AND settings @> %(placed)s::jsonb
UNION ALL
SELECT 'source', name FROM integrations WHERE workspace_id = %(workspace)s AND settings @> %(placed)s::jsonb
UNION ALL
SELECT 'automation', name FROM automations WHERE workspace_id = %(workspace)s AND (
    trigger @> %(to)s::jsonb OR trigger @> %(from)s::jsonb
    OR jsonb_path_exists(steps, '$.** ? (@.stage_id == $id)', %(vars)s::jsonb)
    OR jsonb_path_exists(steps, '$.** ? (@.field == "pipeline_stage_id" && @.value == $id)', %(vars)s::jsonb))
ORDER BY 1, 2 LIMIT {MAX_MENTIONS}
"""


class Mention(NamedTuple):
    """A record that names something: `form`, `source`, `automation` or `scoring_rule`, and what it is called."""

    kind: str
    name: str


async def find_stage_mentions(connection: Connection, workspace_id: int, stage_id: int) -> list[Mention]:
    """Return what names a stage, at most `MAX_MENTIONS`."""
    documents = {
        "placed": {"pipeline_stage_id": stage_id},
        "to": {"to_stage_id": stage_id},
        "from": {"from_stage_id": stage_id},
        "vars": {"id": stage_id},
    }
    values = {name: orjson.dumps(document).decode() for name, document in documents.items()}
    rows = await (await connection.execute(MENTIONS_SQL, {"workspace": workspace_id, **values})).fetchall()
    return [Mention(*row) for row in rows]
