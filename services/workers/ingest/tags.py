"""Tags by name: made when missing, whatever their case."""

from collections.abc import Sequence

from services.workers.ingest.submission import Submission
from shared.db import Connection, as_json

# Sorted like every unique key that two transactions may want at once; after the leads are locked.
INSERT = """
INSERT INTO tags (workspace_id, name)
SELECT (t->>0)::bigint, t->>1 FROM json_array_elements(%s::json) t ORDER BY 1, lower(t->>1)
ON CONFLICT DO NOTHING
"""
SELECT = """
SELECT t.workspace_id, n.name, t.id
FROM (SELECT (t->>0)::bigint AS w, t->>1 AS name FROM json_array_elements(%s::json) t) n
JOIN tags t ON t.workspace_id = n.w AND lower(t.name) = lower(n.name)
"""

Tags = dict[tuple[int, str], int]  # (workspace, name as sent) → id


async def load_tags(connection: Connection, submissions: Sequence[Submission]) -> Tags:
    """The ids of all tags that the submissions name. Missing ones are made."""
    wanted = {(s.workspace_id, name) for s in submissions for name in s.tags}
    if not wanted:
        return {}
    tags = await _select(connection, wanted)
    missing = wanted - tags.keys()
    if missing:
        await connection.execute(INSERT, (as_json(list(missing)),))
        tags |= await _select(connection, missing)
    return tags


async def _select(connection: Connection, names: set[tuple[int, str]]) -> Tags:
    rows = await (await connection.execute(SELECT, (as_json(list(names)),))).fetchall()
    return {(row[0], row[1]): row[2] for row in rows}
