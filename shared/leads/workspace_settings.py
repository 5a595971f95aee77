"""Load what a write of leads needs of workspaces: settings, pipelines, stages, users and tags."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg.rows import TupleRow

from shared.leads import reference_locks
from shared.leads.never_join import NeverJoin
from shared.leads.placement import Board, BoardStage, WorkspaceSettings
from shared.platform.db.connections import StatementExecutor, as_json

_SETTINGS_COLUMNS = """
w.id, w.country, w.fold_gmail, w.merge_policy, p.id,
(SELECT s.id FROM pipeline_stages s WHERE s.workspace_id = w.id AND s.pipeline_id = p.id
 ORDER BY s.position, s.id LIMIT 1), w.never_join
"""
_JOIN_DEFAULT_PIPELINE = "LEFT JOIN pipelines p ON p.workspace_id = w.id AND p.is_default"
WORKSPACE_SETTINGS_SQL = f"SELECT {_SETTINGS_COLUMNS} FROM workspaces w {_JOIN_DEFAULT_PIPELINE} WHERE w.id = ANY(%s)"
WORKSPACE_SNAPSHOTS_SQL = f"""
SELECT {_SETTINGS_COLUMNS}, workspace_version(w.id),
       EXISTS (SELECT FROM rule_versions v WHERE v.workspace_id = w.id AND v.is_watched),
       (SELECT json_build_array(
            json_object_agg(n.name, coalesce(t.alias_of, t.id)),
            json_object_agg(n.name, (SELECT a.name FROM tags a WHERE a.workspace_id = w.id AND a.id = t.alias_of))
                FILTER (WHERE t.alias_of IS NOT NULL))
        FROM json_array_elements_text(named.names) n (name)
        JOIN tags t ON t.workspace_id = w.id AND lower(upper(t.name)) = lower(upper(n.name)))
FROM json_to_recordset(%s::json) AS named(w bigint, names json)
JOIN workspaces w ON w.id = named.w {_JOIN_DEFAULT_PIPELINE}
"""
WORKSPACE_STAGES_SQL = """
SELECT p.workspace_id, p.id, s.id, s.is_won, s.is_lost
FROM pipelines p LEFT JOIN pipeline_stages s ON s.workspace_id = p.workspace_id AND s.pipeline_id = p.id
WHERE p.workspace_id = ANY(%s) ORDER BY s.position, s.id
"""
WORKSPACE_USERS_SQL = "SELECT workspace_id, id FROM users WHERE workspace_id = ANY(%s)"


async def load_workspace_settings(connection: StatementExecutor, ids: Iterable[int]) -> dict[int, WorkspaceSettings]:
    """Return the settings of workspaces by id. Locks their references (shared) until the transaction ends."""
    wanted = list(set(ids))
    await reference_locks.lock_shared(connection, wanted)
    rows = await (await connection.execute(WORKSPACE_SETTINGS_SQL, (wanted,))).fetchall()
    return {row[0]: _settings_of(row) for row in rows}


def _settings_of(row: Sequence[Any]) -> WorkspaceSettings:
    id_, country, fold_gmail, policy, pipeline_id, stage_id, entries = row
    never_join = NeverJoin.from_entries(entries, fold_gmail=fold_gmail)
    return WorkspaceSettings(id_, country, fold_gmail, policy, pipeline_id, stage_id, never_join)


class WorkspaceSnapshot(NamedTuple):
    """A workspace at one `version`. Every change of this data raises the version, except new tags.

    `is_watched` is true if something consumes its events. `tags` are ids by name, of the requested tags that exist.
    `aliases` are those of the names that are another name of a tag, with its own name.
    """

    settings: WorkspaceSettings
    version: int
    is_watched: bool
    tags: dict[str, int]
    aliases: dict[str, str]


async def load_snapshots(
    connection: StatementExecutor, names: Mapping[int, Iterable[str]]
) -> dict[int, WorkspaceSnapshot]:
    """Return snapshots of workspaces by id, each with those of the named tags that exist. Takes no lock."""
    document = as_json([{"w": id_, "names": list(of)} for id_, of in names.items()])
    rows = await (await connection.execute(WORKSPACE_SNAPSHOTS_SQL, (document,))).fetchall()
    return {row[0]: _snapshot_of(row) for row in rows}


def _snapshot_of(row: TupleRow) -> WorkspaceSnapshot:
    *settings, version, is_watched, (tags, aliases) = row
    return WorkspaceSnapshot(_settings_of(tuple(settings)), version, is_watched, tags or {}, aliases or {})


async def load_board(connection: StatementExecutor, ids: Iterable[int]) -> Board:
    """Return all pipelines, stages and users of those workspaces."""
    board = Board({}, {}, set())
    wanted = list(set(ids))
    if not wanted:
        return board
    for workspace, pipeline, stage, won, lost in await (
        await connection.execute(WORKSPACE_STAGES_SQL, (wanted,))
    ).fetchall():
        board.first_stages.setdefault((workspace, pipeline), stage)
        if stage is not None:
            status = "converted" if won else "lost" if lost else None
            board.stages[workspace, stage] = BoardStage(pipeline, status)
    board.users = set(await (await connection.execute(WORKSPACE_USERS_SQL, (wanted,))).fetchall())
    return board
