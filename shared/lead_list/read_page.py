"""Reads the ids of a page of leads, in order. A page and its total come from one snapshot."""

from typing import Any, NamedTuple

from shared.lead_list.counts import LeadTotals, count_leads, read_counts
from shared.lead_list.expensive_queries import ExpensiveQuery
from shared.lead_list.filters import IMPLIED_BOUNDS, TAG_CONDITION, TAG_CONDITION_ON_INDEX, LeadFilters, where_all
from shared.lead_list.query_plan import (
    EXPENSIVE_COST,
    ReadPlan,
    ReadStrategy,
    choose_plan,
    counts_in_one_pass,
    gather_plan,
)
from shared.lead_list.sorts import LEADS_TABLE, TIME_SORTS, LeadSort
from shared.platform.cursors import CursorPosition
from shared.platform.db.connections import Connection

# One lead at a time, in the order of the walk: OFFSET 0 keeps the planner from another join order.
LEAD_LOOKUP_SQL = """
CROSS JOIN LATERAL (
    SELECT {columns} FROM leads l WHERE l.workspace_id = walked.workspace_id AND l.id = walked.id OFFSET 0) AS lead
"""
AFTER_CONDITION = "({column}, id) {beyond} (%(value)s{cast}, %(after_id)s)"  # a cursor holds a time as text


class ListSlice(NamedTuple):
    """The wanted part of a list: `size` leads after the first `skip`, or after a position.

    `expensive` allows any cost.
    """

    size: int
    expensive: bool
    skip: int = 0
    after: CursorPosition | None = None
    backwards: bool = False


async def read_counted_page(
    connection: Connection, filters: LeadFilters, sort: LeadSort, size: int, offset: int, *, expensive: bool
) -> tuple[list[int], int]:
    """Return the ids of a page and the exact total. Raises the same error as `read_page`."""
    totals = await read_counts(connection, filters)
    if not counts_in_one_pass(filters, sort, totals, offset + size):
        total = await count_leads(connection, filters, totals)
        return await read_page(connection, filters, sort, total, size, offset, expensive=expensive), total.n
    wanted = ListSlice(size, expensive, offset)
    statement = _gather_and_count_sql(filters, sort, wanted, by_update=totals.is_by_update)
    row = await (await connection.execute(statement, _query_parameters(filters, wanted), prepare=False)).fetchone()
    n, ids = row or (0, [])
    return ids, n


async def read_page(
    connection: Connection,
    filters: LeadFilters,
    sort: LeadSort,
    total: LeadTotals,
    size: int,
    offset: int,
    *,
    expensive: bool,
) -> list[int]:
    """Return the ids of a page, counted from the nearer end. Raises an error if that is expensive and not allowed."""
    size = min(size, total.n - offset)
    if size <= 0:
        return []
    rest = total.n - offset - size
    wanted = ListSlice(size, expensive, rest, backwards=True) if rest < offset else ListSlice(size, expensive, offset)
    plan = choose_plan(filters, sort, total, wanted.skip + size)
    rows = await read_rows(connection, filters, sort, wanted, plan)
    if len(rows) < size and plan.window:
        rows = await read_rows(connection, filters, sort, wanted, gather_plan(filters, total))
    ids = [row[0] for row in rows]
    return ids[::-1] if wanted.backwards else ids


async def read_cursor_page(
    connection: Connection,
    filters: LeadFilters,
    sort: LeadSort,
    total: LeadTotals,
    size: int,
    after: CursorPosition | None,
    *,
    expensive: bool,
) -> tuple[list[int], CursorPosition | None]:
    """Return the ids of the next `size` leads, and the position after them, or None at the end.

    Raises the same error as `read_page`.
    """
    wanted = ListSlice(size + 1, expensive, after=after)
    plan = choose_plan(filters, sort, total, wanted.size)
    rows = await read_rows(connection, filters, sort, wanted, plan)
    if len(rows) < wanted.size and plan.window and await _has_more_entries(connection, filters, sort, wanted, plan):
        rows = await read_rows(connection, filters, sort, wanted, gather_plan(filters, total))
    last = CursorPosition(rows[size - 1][1], rows[size - 1][0]) if len(rows) > size else None
    return [row[0] for row in rows[:size]], last


async def read_rows(
    connection: Connection, filters: LeadFilters, sort: LeadSort, wanted: ListSlice, plan: ReadPlan
) -> list[tuple[Any, ...]]:
    """Return (id, value) of the wanted leads; fewer if an index walk was stopped early.

    Raises ExpensiveQuery if that is expensive and not allowed.
    """
    if plan.cost > EXPENSIVE_COST and not wanted.expensive:
        raise ExpensiveQuery
    if plan.strategy is ReadStrategy.GATHER:
        statement = _gather_sql(filters, sort, wanted, by_update=plan.by_update)
    else:
        statement = _walk_sql(filters, sort, wanted, plan)
    prepare = None if _has_stable_plan(filters, plan) else False
    return await (await connection.execute(statement, _query_parameters(filters, wanted), prepare=prepare)).fetchall()


def _has_stable_plan(filters: LeadFilters, plan: ReadPlan) -> bool:
    """Return whether the plan is the same for all values, so that PostgreSQL may reuse it."""
    return plan.strategy is not ReadStrategy.GATHER and not filters.is_searched


def _gather_sql(filters: LeadFilters, sort: LeadSort, wanted: ListSlice, *, by_update: bool) -> str:
    hits = _hits_cte(filters, sort, wanted, by_update=by_update)
    return f"{hits} SELECT id, {sort.column} FROM hits {order_and_limit(sort, wanted)}"


def _gather_and_count_sql(filters: LeadFilters, sort: LeadSort, wanted: ListSlice, *, by_update: bool) -> str:
    """Return SQL for the number of matching leads and the wanted ids."""
    hits = _hits_cte(filters, sort, wanted, by_update=by_update)
    return f"{hits} SELECT (SELECT count(*) FROM hits), ARRAY(SELECT id FROM hits {order_and_limit(sort, wanted)})"


def _hits_cte(filters: LeadFilters, sort: LeadSort, wanted: ListSlice, *, by_update: bool) -> str:
    """Return a CTE of the matching leads, materialised so that the planner uses no index of the order."""
    conditions = where_all(
        *filters.lead_conditions(by_update=by_update), *_search_conditions(filters), *_after_conditions(sort, wanted)
    )
    return f"WITH hits AS MATERIALIZED (SELECT id, {sort.column} FROM leads WHERE {conditions})"


def _walk_sql(filters: LeadFilters, sort: LeadSort, wanted: ListSlice, plan: ReadPlan) -> str:
    """Return SQL that walks an index. Conditions that the index can answer are inside, the rest outside, so that no
    other index is used."""
    within, outside = _split_conditions(filters, sort, wanted, plan)
    if not outside:
        return f"SELECT id, {sort.column} FROM {sort.table} WHERE {within} {order_and_limit(sort, wanted)}"
    held, filter_columns = ["workspace_id", "id", sort.column], _filtered_columns(filters) - {sort.column}
    if sort.table == LEADS_TABLE:
        held += [*sorted(filter_columns - {"tag_ids"}), *(["few_tags"] if "tag_ids" in filter_columns else [])]
        looked_up = ""
        outside = [TAG_CONDITION_ON_INDEX if condition == TAG_CONDITION else condition for condition in outside]
    else:
        looked_up = LEAD_LOOKUP_SQL.format(columns=", ".join(sorted(filter_columns)) or "1")
    order = sort.order_by(backwards=wanted.backwards)
    return (
        f"SELECT id, {sort.column} FROM (SELECT {', '.join(held)} FROM {sort.table} WHERE {within} "
        f"ORDER BY {order} LIMIT {_rounded_window(plan)}) AS walked{looked_up} "
        f"WHERE {' AND '.join(outside)} {order_and_limit(sort, wanted)}"
    )


def _split_conditions(filters: LeadFilters, sort: LeadSort, wanted: ListSlice, plan: ReadPlan) -> tuple[str, list[str]]:
    """Return the conditions of a walk: those inside the index, and those outside."""
    kind = f"{sort.name.removesuffix('_at')}_"
    bounds = [condition for name, condition in filters.time_conditions.items() if name.startswith(kind)]
    bounds += [
        condition
        for (name, column), condition in IMPLIED_BOUNDS.items()
        if name in filters.bounds and column == sort.name
    ]
    other = [condition for name, condition in filters.time_conditions.items() if not name.startswith(kind)]
    narrowed = [filters.counted_conditions[plan.column]] if plan.column else []
    outside = [condition for column, condition in filters.counted_conditions.items() if column != plan.column]
    outside += filters.walked_conditions
    return where_all(*narrowed, *bounds, *_after_conditions(sort, wanted)), [*outside, *other]


async def _has_more_entries(
    connection: Connection, filters: LeadFilters, sort: LeadSort, wanted: ListSlice, plan: ReadPlan
) -> bool:
    """Return whether the walk was stopped before the end of the index."""
    within, _ = _split_conditions(filters, sort, wanted, plan)
    order = sort.order_by(backwards=wanted.backwards)
    skipped = f"ORDER BY {order} LIMIT 1 OFFSET {_rounded_window(plan)}"
    statement = f"SELECT id FROM {sort.table} WHERE {within} {skipped}"
    parameters = _query_parameters(filters, wanted)
    return await (await connection.execute(statement, parameters, prepare=False)).fetchone() is not None


def _rounded_window(plan: ReadPlan) -> int:
    """Round the window up to a power of two, so that a small change of the totals does not change the statement."""
    return 1 << max(plan.window - 1, 0).bit_length()


def _filtered_columns(filters: LeadFilters) -> set[str]:
    return {*filters.counted_conditions, *filters.bounded_columns()}


def _search_conditions(filters: LeadFilters) -> list[str]:
    return [f"id IN ({filters.search_query})"] if filters.is_searched else []


def _after_conditions(sort: LeadSort, wanted: ListSlice) -> list[str]:
    cast = "::timestamptz" if sort.name in TIME_SORTS else ""
    return [AFTER_CONDITION.format(column=sort.column, beyond=sort.comparison, cast=cast)] if wanted.after else []


def order_and_limit(sort: LeadSort, wanted: ListSlice) -> str:
    """Return ORDER BY, LIMIT and OFFSET. The numbers are literals: a generic plan assumes a tenth of all rows for a
    parameter."""
    return f"ORDER BY {sort.order_by(backwards=wanted.backwards)} LIMIT {wanted.size:d} OFFSET {wanted.skip:d}"


def _query_parameters(filters: LeadFilters, wanted: ListSlice) -> dict[str, Any]:
    after = {"value": wanted.after.value, "after_id": wanted.after.id} if wanted.after else {}
    return {**filters.sql_parameters, **after}
