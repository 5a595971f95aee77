"""The rules of pipelines: a workspace has one default pipeline, and a pipeline's stages have positions 1 to n.

Each function works in its caller's transaction and first locks the workspace's pipelines. Writers therefore never see
stale positions or collide in a unique index.
"""

from collections.abc import Sequence

from sqlalchemy import exists, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import driver_connection
from services.api.crud import RecordDict, Resource
from services.api.schemas.pipelines import WON_AND_LOST_MESSAGE, PipelineRecord, StageRecord
from shared.forms.placement_references import clear_placement
from shared.leads import reference_locks
from shared.models import Lead, Pipeline, PipelineStage, Workspace
from shared.platform.errors import Conflict, FieldErrors, NotFound, ValidationFailed

PIPELINE_RESOURCE = Resource(Pipeline, PipelineRecord)
STAGE_RESOURCE = Resource(PipelineStage, StageRecord)

UPDATE_POSITIONS_SQL = text("""
UPDATE pipeline_stages s SET position = placed.nr
FROM unnest(CAST(:ids AS bigint[])) WITH ORDINALITY AS placed(id, nr)
WHERE s.workspace_id = :workspace AND s.id = placed.id AND s.position <> placed.nr
""")


def moved_to(order: Sequence[int], item: int, position: int | None) -> list[int]:
    """Return the order with the item moved to a position from 1, or to the end without one or beyond it."""
    rest = [other for other in order if other != item]
    at = len(rest) if position is None else position - 1
    return [*rest[:at], item, *rest[at:]]


async def lock_board(connection: AsyncConnection, workspace_id: int) -> None:
    """Lock the workspace's pipelines against other writers. Leads can be written meanwhile."""
    query = select(Workspace.id).where(Workspace.id == workspace_id).with_for_update(key_share=True)
    await connection.execute(query)


async def with_stages(connection: AsyncConnection, workspace_id: int, pipelines: list[RecordDict]) -> list[RecordDict]:
    """Return the pipelines with their stages, by position."""
    ids = [pipeline["id"] for pipeline in pipelines]
    query = STAGE_RESOURCE.select(workspace_id, PipelineStage.pipeline_id.in_(ids)).order_by(PipelineStage.position)
    stages: dict[int, list[RecordDict]] = {id_: [] for id_ in ids}
    for row in (await connection.execute(query)).mappings():
        stages[row["pipeline_id"]].append(dict(row))
    return [{**pipeline, "stages": stages[pipeline["id"]]} for pipeline in pipelines]


async def find_pipeline(connection: AsyncConnection, workspace_id: int, id_: int) -> RecordDict:
    """Return a pipeline with its stages. Raises NotFound."""
    return (await with_stages(connection, workspace_id, [await PIPELINE_RESOURCE.find(connection, workspace_id, id_)]))[
        0
    ]


async def create_pipeline(connection: AsyncConnection, workspace_id: int, fields: RecordDict) -> RecordDict:
    """Create a pipeline, with the stages that were sent along."""
    await lock_board(connection, workspace_id)
    own = {name: value for name, value in fields.items() if name != "stages"}
    if own.get("is_default"):
        await _unset_default(connection, workspace_id)
    pipeline = await PIPELINE_RESOURCE.insert(connection, workspace_id, own)
    if stages := fields.get("stages"):
        belonging = {"workspace_id": workspace_id, "pipeline_id": pipeline["id"]}
        await connection.execute(insert(PipelineStage), [{**belonging, **stage} for stage in _with_positions(stages)])
    return await find_pipeline(connection, workspace_id, pipeline["id"])


async def update_pipeline(connection: AsyncConnection, workspace_id: int, id_: int, fields: RecordDict) -> RecordDict:
    """Update a pipeline. Raises NotFound, and Conflict if no default pipeline would be left."""
    await lock_board(connection, workspace_id)
    pipeline = await PIPELINE_RESOURCE.find(connection, workspace_id, id_)
    if pipeline["is_default"] and fields.get("is_default") is False:
        raise Conflict("A workspace needs a default pipeline: make another one the default instead.")
    if fields.get("is_default") and not pipeline["is_default"]:
        await _unset_default(connection, workspace_id)
    await PIPELINE_RESOURCE.update(connection, workspace_id, id_, fields)
    return await find_pipeline(connection, workspace_id, id_)


async def delete_pipeline(connection: AsyncConnection, workspace_id: int, id_: int) -> None:
    """Delete a pipeline with its stages. Raises NotFound, and Conflict for the default and for one with leads."""
    await lock_board(connection, workspace_id)
    if (await PIPELINE_RESOURCE.find(connection, workspace_id, id_))["is_default"]:
        raise Conflict("The default pipeline cannot be deleted: make another one the default first.")
    await reference_locks.lock_exclusive(await driver_connection(connection), workspace_id)
    borne = select(exists().where(Lead.workspace_id == workspace_id, Lead.pipeline_id == id_))
    if (await connection.execute(borne)).scalar_one():
        raise Conflict("The pipeline has leads: move them to another one first.")
    await PIPELINE_RESOURCE.delete(connection, workspace_id, id_)
    await clear_placement(await driver_connection(connection), workspace_id, "pipeline_id", id_)


async def find_stage(connection: AsyncConnection, workspace_id: int, pipeline_id: int, id_: int) -> RecordDict:
    """Return a stage of that pipeline. Raises NotFound."""
    query = STAGE_RESOURCE.select(workspace_id, PipelineStage.pipeline_id == pipeline_id, PipelineStage.id == id_)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFound
    return dict(row)


def outcome_errors(stage: RecordDict, fields: RecordDict) -> FieldErrors:
    """Return errors for a change that would make a stage both won and lost."""
    changed = {**stage, **fields}
    if not (changed["is_won"] and changed["is_lost"]):
        return {}
    field, other = ("is_lost", "is_won") if fields.get("is_lost") else ("is_won", "is_lost")
    return {field: [WON_AND_LOST_MESSAGE.format(field=field, other=other)]}


async def create_stage(
    connection: AsyncConnection, workspace_id: int, pipeline_id: int, fields: RecordDict
) -> RecordDict:
    """Create a stage. Raises NotFound if there is no such pipeline."""
    await lock_board(connection, workspace_id)
    await PIPELINE_RESOURCE.find(connection, workspace_id, pipeline_id)
    order = await _stage_order(connection, workspace_id, pipeline_id)
    row = {**fields, "pipeline_id": pipeline_id, "position": len(order) + 1}
    made = await STAGE_RESOURCE.insert(connection, workspace_id, row)
    await _store_positions(connection, workspace_id, moved_to(order, made["id"], fields.get("position")))
    return await STAGE_RESOURCE.find(connection, workspace_id, made["id"])


async def update_stage(
    connection: AsyncConnection, workspace_id: int, pipeline_id: int, id_: int, fields: RecordDict
) -> RecordDict:
    """Update a stage. Raises NotFound, and ValidationFailed if it would be both won and lost."""
    await lock_board(connection, workspace_id)
    stage = await find_stage(connection, workspace_id, pipeline_id, id_)
    if errors := outcome_errors(stage, fields):
        raise ValidationFailed(errors)
    await STAGE_RESOURCE.update(connection, workspace_id, id_, {**fields, "position": stage["position"]})
    if "position" in fields:
        order = await _stage_order(connection, workspace_id, pipeline_id)
        await _store_positions(connection, workspace_id, moved_to(order, id_, fields["position"]))
    return await STAGE_RESOURCE.find(connection, workspace_id, id_)


async def delete_stage(connection: AsyncConnection, workspace_id: int, pipeline_id: int, id_: int) -> None:
    """Delete a stage; its leads stay in the pipeline. Raises NotFound."""
    await lock_board(connection, workspace_id)
    await find_stage(connection, workspace_id, pipeline_id, id_)
    await reference_locks.lock_exclusive(await driver_connection(connection), workspace_id)
    await STAGE_RESOURCE.delete(connection, workspace_id, id_)
    await _store_positions(connection, workspace_id, await _stage_order(connection, workspace_id, pipeline_id))
    await reference_locks.clear_reference(await driver_connection(connection), workspace_id, "stage", id_)
    await clear_placement(await driver_connection(connection), workspace_id, "pipeline_stage_id", id_)


def _with_positions(stages: Sequence[RecordDict]) -> list[RecordDict]:
    """Return new stages in the order that results from inserting one after the other at its position."""
    order: list[int] = []
    for number, stage in enumerate(stages):
        order = moved_to(order, number, stage.get("position"))
    plain = {"color": None, "is_won": False, "is_lost": False}
    return [{**plain, **stages[number], "position": position} for position, number in enumerate(order, 1)]


async def _unset_default(connection: AsyncConnection, workspace_id: int) -> None:
    where = (Pipeline.workspace_id == workspace_id, Pipeline.is_default)
    await connection.execute(update(Pipeline).where(*where).values(is_default=False, updated_at=func.now()))


async def _stage_order(connection: AsyncConnection, workspace_id: int, pipeline_id: int) -> list[int]:
    of_pipeline = (PipelineStage.workspace_id == workspace_id, PipelineStage.pipeline_id == pipeline_id)
    query = select(PipelineStage.id).where(*of_pipeline).order_by(PipelineStage.position, PipelineStage.id)
    return list((await connection.execute(query)).scalars())


async def _store_positions(connection: AsyncConnection, workspace_id: int, order: list[int]) -> None:
    await connection.execute(UPDATE_POSITIONS_SQL, {"ids": order, "workspace": workspace_id})
