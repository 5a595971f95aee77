"""What the pipeline board reads: its stages, and for each column the exact number of leads and the first of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from services.console.leads.reads import LeadPage, PagePlace, position_of, read_lead_page, read_records
from services.console.leads.related_records import RowDict, read_rows
from shared.lead_list.counts import count_leads
from shared.lead_list.filters import LeadFilters, where_all
from shared.lead_list.sorts import LeadSort
from shared.leads.lead_records import LeadJson
from shared.platform.cursors import CursorPosition
from shared.platform.db.connections import Connection

COLUMN_SIZE = 25  # cards that a column shows at first, and that it fetches at a time
MAX_STAGES = 60
STAGE_FILTER, PIPELINE_FILTER = "pipeline_stage_id", "pipeline_id"
NEWEST_FIRST = LeadSort("created_at", descending=True)

PIPELINES_SQL = """
SELECT id, name, is_default FROM pipelines WHERE workspace_id = %(workspace)s
ORDER BY is_default DESC, lower(name), id LIMIT 500
"""
STAGES_SQL = f"""
SELECT id, name, color, position, is_won, is_lost, pipeline_id FROM pipeline_stages
WHERE workspace_id = %(workspace)s AND pipeline_id = %(pipeline)s ORDER BY position, id LIMIT {MAX_STAGES}
"""


@dataclass(frozen=True)
class BoardColumn:
    """A stage with its first cards and its exact number of leads. `stage` is None for leads that have no stage.

    `older` is the place behind the last card, None at the end.
    """

    stage: RowDict | None
    total: int
    cards: list[LeadJson]
    older: CursorPosition | None = None


@dataclass(frozen=True)
class PipelineBoard:
    """A pipeline, its columns, and the other pipelines. Without any pipeline there are no columns."""

    pipelines: Sequence[RowDict] = ()
    pipeline: RowDict | None = None
    columns: Sequence[BoardColumn] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The number of leads on the board."""
        return sum(column.total for column in self.columns)


async def read_pipelines(connection: Connection, workspace_id: int) -> list[RowDict]:
    """Return the pipelines, the default one first."""
    return await read_rows(connection, PIPELINES_SQL, {"workspace": workspace_id})


async def read_stages(connection: Connection, workspace_id: int, pipeline_id: int) -> list[RowDict]:
    """Return the stages of a pipeline in their order."""
    return await read_rows(connection, STAGES_SQL, {"workspace": workspace_id, "pipeline": pipeline_id})


async def read_columns_of(
    connection: Connection, filters: LeadFilters, sort: LeadSort, stages: Sequence[RowDict], *, expensive: bool
) -> list[BoardColumn]:
    """Return the columns of the pipeline that the filters name. Raises ExpensiveQuery if that is not allowed.

    Leads without a stage have a column, the first, only if there are any.
    """
    columns = [
        await read_column(connection, filters, sort, stage, PagePlace(), expensive=expensive) for stage in stages
    ]
    whole = (await count_leads(connection, filters)).n
    stray = whole - sum(column.total for column in columns)
    if stray > 0 and len(stages) < MAX_STAGES:
        columns.insert(0, await read_stray_column(connection, filters, stray))
    return columns


async def read_column(
    connection: Connection,
    filters: LeadFilters,
    sort: LeadSort,
    stage: RowDict,
    place: PagePlace,
    *,
    expensive: bool,
) -> BoardColumn:
    """Return a stage's cards behind a place. The pipeline is left out of the filters: the stage implies it."""
    within = replace(filters, exact=_stage_filters(filters.exact, stage["id"]))
    page = await read_lead_page(connection, within, sort, place, expensive=expensive, is_exact=True, size=COLUMN_SIZE)
    return BoardColumn(stage, page.total, page.rows, _behind(page, sort))


async def read_stray_column(
    connection: Connection, filters: LeadFilters, total: int, after: CursorPosition | None = None
) -> BoardColumn:
    """Return the leads of the pipeline that have no stage, newest first: those of a stage that was deleted."""
    conditions = [*filters.lead_conditions(by_update=False), f"{STAGE_FILTER} IS NULL"]
    if filters.is_searched:
        conditions.append(f"id IN ({filters.search_query})")
    if after:
        conditions.append("(created_at, id) < (%(after)s, %(after_id)s)")
    statement = f"SELECT id FROM leads WHERE {where_all(*conditions)} ORDER BY created_at DESC, id DESC LIMIT %(size)s"
    values = {**filters.sql_parameters, "size": COLUMN_SIZE + 1}
    if after:
        values |= {"after": after.value, "after_id": after.id}
    ids = [row[0] for row in await (await connection.execute(statement.encode(), values, prepare=False)).fetchall()]
    cards = await read_records(connection, filters.workspace_id, ids[:COLUMN_SIZE])
    older = position_of(NEWEST_FIRST, cards[-1]) if cards and len(ids) > COLUMN_SIZE else None
    return BoardColumn(None, total, cards, older)


def _stage_filters(exact: Mapping[str, Any], stage_id: int) -> dict[str, Any]:
    return {name: value for name, value in exact.items() if name != PIPELINE_FILTER} | {STAGE_FILTER: stage_id}


def _behind(page: LeadPage, sort: LeadSort) -> CursorPosition | None:
    return position_of(sort, page.rows[-1]) if page.has_older and page.rows else None
