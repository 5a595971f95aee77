"""What a write must know of its workspaces: their settings, and which pipelines, stages and users there are."""

from collections.abc import Iterable

from shared.db import Connection
from shared.leads import references
from shared.leads.places import Places, Stage, Workspace

SELECT = """
SELECT w.id, w.country, w.fold_gmail, w.merge_policy, p.id,
       (SELECT s.id FROM pipeline_stages s WHERE s.workspace_id = w.id AND s.pipeline_id = p.id
        ORDER BY s.position, s.id LIMIT 1)
FROM workspaces w LEFT JOIN pipelines p ON p.workspace_id = w.id AND p.is_default
WHERE w.id = ANY(%s)
"""
STAGES = """
SELECT p.workspace_id, p.id, s.id, s.is_won, s.is_lost
FROM pipelines p LEFT JOIN pipeline_stages s ON s.workspace_id = p.workspace_id AND s.pipeline_id = p.id
WHERE p.workspace_id = ANY(%s) ORDER BY s.position, s.id
"""
USERS = "SELECT workspace_id, id FROM users WHERE workspace_id = ANY(%s)"


async def load_workspaces(connection: Connection, ids: Iterable[int]) -> dict[int, Workspace]:
    """Those workspaces, by id. What leads may refer to there is kept until the transaction ends."""
    wanted = list(set(ids))
    await references.hold(connection, wanted)
    rows = await (await connection.execute(SELECT, (wanted,))).fetchall()
    return {row[0]: Workspace(*row) for row in rows}


async def load_places(connection: Connection, ids: Iterable[int]) -> Places:
    """All pipelines, stages and users of those workspaces."""
    places = Places({}, {}, set())
    wanted = list(set(ids))
    if not wanted:
        return places
    for workspace, pipeline, stage, won, lost in await (await connection.execute(STAGES, (wanted,))).fetchall():
        places.first_stages.setdefault((workspace, pipeline), stage)
        if stage is not None:
            status = "converted" if won else "lost" if lost else None
            places.stages[workspace, stage] = Stage(pipeline, status)
    places.users = set(await (await connection.execute(USERS, (wanted,))).fetchall())
    return places
