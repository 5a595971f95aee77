"""Load the records that steps refer to, in one query for a whole batch."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.automations.action_handlers import TargetStage, WorkspaceContext
from shared.automations.definition import find_references
from shared.platform.db.connections import Connection, as_json

LOAD_CONTEXTS_SQL = """
SELECT w.id, w.timezone, clock_timestamp(),
       (SELECT coalesce(json_agg(json_build_array(s.id, s.pipeline_id, s.is_won, s.is_lost)), '[]')
        FROM pipeline_stages s WHERE s.workspace_id = w.id AND s.id = ANY (k.stage)),
       ARRAY(SELECT u.id FROM users u WHERE u.workspace_id = w.id AND u.id = ANY (k."user") AND u.is_active),
       ARRAY(SELECT i.id FROM integrations i
             WHERE i.workspace_id = w.id AND i.id = ANY (k.integration) AND i.is_active)
FROM json_to_recordset(%s::json) AS k(workspace_id bigint, stage bigint[], "user" bigint[], integration bigint[])
JOIN workspaces w ON w.id = k.workspace_id
"""

PlannedRun = tuple[int, Sequence[Mapping[str, Any]], Mapping[str, Any]]  # workspace, steps, lead


async def load_contexts(connection: Connection, planned: Iterable[PlannedRun]) -> dict[int, WorkspaceContext]:
    """Return the contexts of steps and leads, by workspace. Lock the references first if leads will be written."""
    wanted: dict[int, dict[str, set[int]]] = {}
    seen: set[int] = set()  # most runs of a batch share their steps
    for workspace_id, steps, lead in planned:
        ids = wanted.setdefault(workspace_id, {"stage": set(), "user": set(), "integration": set()})
        for reference in () if id(steps) in seen else find_references(None, steps):
            ids[reference.kind].add(reference.id)
        seen.add(id(steps))
        if lead["assigned_user_id"]:
            ids["user"].add(lead["assigned_user_id"])
    rows = [
        {"workspace_id": workspace_id, **{kind: list(found) for kind, found in ids.items()}}
        for workspace_id, ids in wanted.items()
    ]
    return {
        row[0]: _context_from_row(*row[1:])
        for row in await (await connection.execute(LOAD_CONTEXTS_SQL, (as_json(rows),))).fetchall()
    }


def _context_from_row(
    zone: str, now: Any, stages: list[list[Any]], users: list[int], integrations: list[int]
) -> WorkspaceContext:
    known = {
        id_: TargetStage(pipeline, "converted" if won else "lost" if lost else None)
        for id_, pipeline, won, lost in stages
    }
    return WorkspaceContext(now, zone, known, set(users), set(integrations))
