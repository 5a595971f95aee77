"""The rules of pipelines: a workspace has one default pipeline, and a pipeline's stages have positions 1 to n.

Each function works in its caller's transaction and first locks the workspace's pipelines. Writers therefore never see
stale positions or collide in a unique index. How a stage is removed is in `stage_removal.py`.
"""

from collections.abc import Sequence
from typing import Any

from shared.forms.placement_references import clear_placement
from shared.leads import reference_locks
from shared.pipelines.pipeline_fields import outcome_errors
from shared.pipelines.pipeline_reads import (
    MAX_PIPELINES,
    MAX_STAGES,
    PipelineRow,
    StageRow,
    find_pipeline,
    find_stage,
)
from shared.pipelines.stage_order import moved_to, with_positions
from shared.platform.db.connections import Connection, as_json
from shared.platform.errors import Conflict, ValidationFailed

TOO_MANY_MESSAGE = "There are {most} {noun} already: delete some first."

LOCK_BOARD_SQL = "SELECT FROM workspaces WHERE id = %s FOR NO KEY UPDATE"
COUNT_PIPELINES_SQL = "SELECT count(*) FROM pipelines WHERE workspace_id = %s"
ADD_PIPELINE_SQL = """
INSERT INTO pipelines (workspace_id, name, description, is_default)
VALUES (%(workspace)s, %(name)s, %(description)s, %(is_default)s) RETURNING id
"""
# Only a change of the default concerns workers, who are told of each update that names the column.
CHANGE_PIPELINE_SQL = """
UPDATE pipelines SET name = %(name)s, description = %(description)s, updated_at = now()
WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
UNSET_DEFAULT_SQL = "UPDATE pipelines SET is_default = false, updated_at = now() WHERE workspace_id = %s AND is_default"
SET_DEFAULT_SQL = "UPDATE pipelines SET is_default = true, updated_at = now() WHERE workspace_id = %s AND id = %s"
DELETE_PIPELINE_SQL = "DELETE FROM pipelines WHERE workspace_id = %s AND id = %s"
HAS_LEADS_SQL = "SELECT EXISTS (SELECT FROM leads WHERE workspace_id = %s AND pipeline_id = %s)"

ADD_STAGES_SQL = """
INSERT INTO pipeline_stages (workspace_id, pipeline_id, name, color, position, is_won, is_lost)
SELECT %s, %s, name, color, position, is_won, is_lost
FROM json_to_recordset(%s::json) AS s(name text, color text, position int, is_won boolean, is_lost boolean)
ORDER BY position RETURNING id
"""
# Workers are told of each update that names the position: a new name tells them nothing.
CHANGE_STAGE_SQL = """
UPDATE pipeline_stages SET name = %(name)s, color = %(color)s, is_won = %(is_won)s, is_lost = %(is_lost)s,
    updated_at = now()
WHERE workspace_id = %(workspace)s AND id = %(id)s
"""
STAGE_ORDER_SQL = """
SELECT id FROM pipeline_stages WHERE workspace_id = %s AND pipeline_id = %s ORDER BY position, id
"""
STORE_POSITIONS_SQL = """
UPDATE pipeline_stages s SET position = placed.nr
FROM unnest(%s::bigint[]) WITH ORDINALITY AS placed(id, nr)
WHERE s.workspace_id = %s AND s.id = placed.id AND s.position <> placed.nr
"""


async def lock_board(connection: Connection, workspace_id: int) -> None:
    """Lock the workspace's pipelines against other writers. Leads can be written meanwhile."""
    await connection.execute(LOCK_BOARD_SQL, (workspace_id,))


async def create_pipeline(connection: Connection, workspace_id: int, fields: dict[str, Any]) -> PipelineRow:
    """Create a pipeline, with the stages that were sent along. Raises Conflict if there are too many."""
    await lock_board(connection, workspace_id)
    [(count,)] = await (await connection.execute(COUNT_PIPELINES_SQL, (workspace_id,))).fetchall()
    if count >= MAX_PIPELINES:
        raise Conflict(TOO_MANY_MESSAGE.format(most=MAX_PIPELINES, noun="pipelines"))
    if fields.get("is_default"):
        await connection.execute(UNSET_DEFAULT_SQL, (workspace_id,))
    plain = {"workspace": workspace_id, "description": None, "is_default": False}
    [(pipeline_id,)] = await (await connection.execute(ADD_PIPELINE_SQL, {**plain, **fields})).fetchall()
    if stages := fields.get("stages"):
        await _add_stages(connection, workspace_id, pipeline_id, with_positions(stages))
    return await find_pipeline(connection, workspace_id, pipeline_id)


async def update_pipeline(connection: Connection, workspace_id: int, id_: int, fields: dict[str, Any]) -> PipelineRow:
    """Update a pipeline. Raises NotFound, and Conflict if no default pipeline would be left."""
    await lock_board(connection, workspace_id)
    pipeline = await find_pipeline(connection, workspace_id, id_)
    if pipeline["is_default"] and fields.get("is_default") is False:
        raise Conflict("A workspace needs a default pipeline: make another one the default instead.")
    if fields.get("is_default") and not pipeline["is_default"]:
        await connection.execute(UNSET_DEFAULT_SQL, (workspace_id,))
        await connection.execute(SET_DEFAULT_SQL, (workspace_id, id_))
    await connection.execute(CHANGE_PIPELINE_SQL, {**pipeline, **fields, "workspace": workspace_id})
    return await find_pipeline(connection, workspace_id, id_)


async def delete_pipeline(connection: Connection, workspace_id: int, id_: int) -> None:
    """Delete a pipeline with its stages. Raises NotFound, and Conflict for the default and for one with leads."""
    await lock_board(connection, workspace_id)
    if (await find_pipeline(connection, workspace_id, id_))["is_default"]:
        raise Conflict("The default pipeline cannot be deleted: make another one the default first.")
    await reference_locks.lock_exclusive(connection, workspace_id)
    [(has_leads,)] = await (await connection.execute(HAS_LEADS_SQL, (workspace_id, id_))).fetchall()
    if has_leads:
        raise Conflict("The pipeline has leads: move them to another one first.")
    await connection.execute(DELETE_PIPELINE_SQL, (workspace_id, id_))
    await clear_placement(connection, workspace_id, "pipeline_id", id_)


async def create_stage(connection: Connection, workspace_id: int, pipeline_id: int, fields: dict[str, Any]) -> StageRow:
    """Create a stage. Raises NotFound if there is no such pipeline, and Conflict if it has too many stages."""
    await lock_board(connection, workspace_id)
    await find_pipeline(connection, workspace_id, pipeline_id)
    order = await _stage_order(connection, workspace_id, pipeline_id)
    if len(order) >= MAX_STAGES:
        raise Conflict(TOO_MANY_MESSAGE.format(most=MAX_STAGES, noun="stages"))
    stage = {**fields, "position": None}
    [id_] = await _add_stages(
        connection, workspace_id, pipeline_id, [{**with_positions([stage])[0], "position": len(order) + 1}]
    )
    await store_positions(connection, workspace_id, moved_to(order, id_, fields.get("position")))
    return await find_stage(connection, workspace_id, pipeline_id, id_)


async def update_stage(
    connection: Connection, workspace_id: int, pipeline_id: int, id_: int, fields: dict[str, Any]
) -> StageRow:
    """Update a stage. Raises NotFound, and ValidationFailed if it would be both won and lost."""
    await lock_board(connection, workspace_id)
    stage = await find_stage(connection, workspace_id, pipeline_id, id_)
    if errors := outcome_errors(stage, fields):
        raise ValidationFailed(errors)
    await connection.execute(CHANGE_STAGE_SQL, {**stage, **fields, "workspace": workspace_id})
    if "position" in fields:
        order = await _stage_order(connection, workspace_id, pipeline_id)
        await store_positions(connection, workspace_id, moved_to(order, id_, fields["position"]))
    return await find_stage(connection, workspace_id, pipeline_id, id_)


async def close_gaps(connection: Connection, workspace_id: int, pipeline_id: int) -> None:
    """Give the stages of a pipeline positions 1 to n."""
    await store_positions(connection, workspace_id, await _stage_order(connection, workspace_id, pipeline_id))


async def store_positions(connection: Connection, workspace_id: int, order: Sequence[int]) -> None:
    """Store an order of stages."""
    await connection.execute(STORE_POSITIONS_SQL, (list(order), workspace_id))


async def _add_stages(
    connection: Connection, workspace_id: int, pipeline_id: int, stages: Sequence[dict[str, Any]]
) -> list[int]:
    rows = await connection.execute(ADD_STAGES_SQL, (workspace_id, pipeline_id, as_json(stages)))
    return [row[0] for row in await rows.fetchall()]


async def _stage_order(connection: Connection, workspace_id: int, pipeline_id: int) -> list[int]:
    rows = await connection.execute(STAGE_ORDER_SQL, (workspace_id, pipeline_id))
    return [row[0] for row in await rows.fetchall()]
