"""Pipelines and stages as they are stored, and the number of leads in each."""

from collections.abc import Collection, Mapping
from typing import Any, LiteralString

from psycopg.rows import dict_row

from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound

PipelineRow = dict[str, Any]
StageRow = dict[str, Any]

MAX_PIPELINES, MAX_STAGES = 200, 200  # pipelines of a workspace, stages of a pipeline; those there are stay

PIPELINES_SQL = """
SELECT id, name, description, is_default, created_at, updated_at FROM pipelines WHERE workspace_id = %(workspace)s
"""
STAGES_SQL = """
SELECT id, pipeline_id, name, color, position, is_won, is_lost, created_at, updated_at FROM pipeline_stages
WHERE workspace_id = %(workspace)s
"""
FIND_PIPELINE_SQL = f"{PIPELINES_SQL} AND id = %(id)s"
ALL_PIPELINES_SQL = f"{PIPELINES_SQL} ORDER BY is_default DESC, lower(name), id LIMIT 500"
FIND_STAGE_SQL = f"{STAGES_SQL} AND id = %(id)s AND (%(pipeline)s::bigint IS NULL OR pipeline_id = %(pipeline)s)"
STAGES_OF_SQL = f"{STAGES_SQL} AND pipeline_id = ANY(%(pipelines)s) ORDER BY position, id"
# Exact at any moment: the counters, and the deltas that are not folded into them.
COUNTS_SQL = """
SELECT value::bigint, sum(n)::bigint FROM (
    SELECT value, n FROM lead_counts_by_field
    WHERE workspace_id = %(workspace)s AND field = %(field)s AND value = ANY(%(ids)s::bigint[]::text[])
    UNION ALL
    SELECT {column}::text, n FROM lead_count_deltas
    WHERE workspace_id = %(workspace)s AND {column} = ANY(%(ids)s::bigint[])
) counted GROUP BY value
"""


async def read_pipelines(connection: Connection, workspace_id: int) -> list[PipelineRow]:
    """Return all pipelines with their stages, the default one first."""
    pipelines = await _fetch_rows(connection, ALL_PIPELINES_SQL, {"workspace": workspace_id})
    return await with_stages(connection, workspace_id, pipelines)


async def with_stages(connection: Connection, workspace_id: int, pipelines: list[PipelineRow]) -> list[PipelineRow]:
    """Return the pipelines with their stages, by position."""
    stages: dict[int, list[StageRow]] = {pipeline["id"]: [] for pipeline in pipelines}
    for row in await _fetch_rows(connection, STAGES_OF_SQL, {"workspace": workspace_id, "pipelines": list(stages)}):
        stages[row["pipeline_id"]].append(row)
    return [{**pipeline, "stages": stages[pipeline["id"]]} for pipeline in pipelines]


async def find_pipeline(connection: Connection, workspace_id: int, id_: int) -> PipelineRow:
    """Return a pipeline with its stages. Raises NotFound."""
    rows = await _fetch_rows(connection, FIND_PIPELINE_SQL, {"workspace": workspace_id, "id": id_})
    if not rows:
        raise NotFound
    return (await with_stages(connection, workspace_id, rows))[0]


async def find_stage(connection: Connection, workspace_id: int, pipeline_id: int | None, id_: int) -> StageRow:
    """Return a stage, of that pipeline if one is named. Raises NotFound."""
    values = {"workspace": workspace_id, "id": id_, "pipeline": pipeline_id}
    rows = await _fetch_rows(connection, FIND_STAGE_SQL, values)
    if not rows:
        raise NotFound
    return dict(rows[0])


async def count_leads_in_stages(connection: Connection, workspace_id: int, ids: Collection[int]) -> dict[int, int]:
    """Return the number of leads in each of the stages, without those that have none."""
    return await _count_leads(connection, "pipeline_stage_id", workspace_id, ids)


async def count_leads_in_pipelines(connection: Connection, workspace_id: int, ids: Collection[int]) -> dict[int, int]:
    """Return the number of leads in each of the pipelines, without those that have none."""
    return await _count_leads(connection, "pipeline_id", workspace_id, ids)


async def _count_leads(
    connection: Connection, column: LiteralString, workspace_id: int, ids: Collection[int]
) -> dict[int, int]:
    values = {"workspace": workspace_id, "field": column, "ids": list(ids)}
    rows = await (await connection.execute(COUNTS_SQL.format(column=column).encode(), values)).fetchall()
    return {row[0]: row[1] for row in rows if row[1]}


async def _fetch_rows(connection: Connection, statement: LiteralString, values: Mapping[str, Any]) -> list[Any]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()
