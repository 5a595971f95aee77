"""Reads the ids of a page of leads, in order. A page and its total come from one snapshot."""

from typing import Any, NamedTuple

from services.api.cursors import Position
from services.api.leadlist.filters import IMPLIED, TAGGED, TAGGED_AS_WALKED, Filters, all_of
from services.api.leadlist.limits import Dear
from services.api.leadlist.plans import DEAR, Plan, Way, all_gathered, choose, in_one_pass
from services.api.leadlist.sorts import LEADS, TIMES, Sort
from services.api.leadlist.totals import Total, count, tell
from shared.db import Connection

# One lead at a time, in the order of the walk: OFFSET 0 keeps the planner from another join order.
LOOKED_UP = """
CROSS JOIN LATERAL (
    SELECT {columns} FROM leads l WHERE l.workspace_id = walked.workspace_id AND l.id = walked.id OFFSET 0) AS lead
"""
BEYOND = "({column}, id) {beyond} (%(value)s{cast}, %(after_id)s)"  # a cursor holds a time as text


class Slice(NamedTuple):
    """The wanted part of a list: `size` leads after the first `skip`, or after a position. `dear` allows any cost."""

    size: int
    dear: bool
    skip: int = 0
    after: Position | None = None
    backwards: bool = False


async def read_counted(
    connection: Connection, filters: Filters, sort: Sort, size: int, offset: int, *, dear: bool
) -> tuple[list[int], int]:
    """Return the ids of a page and the exact total. Raises the same error as `read_page`."""
    told = await tell(connection, filters)
    if not in_one_pass(filters, sort, told, offset + size):
        total = await count(connection, filters, told)
        return await read_page(connection, filters, sort, total, size, offset, dear=dear), total.n
    wanted = Slice(size, dear, offset)
    statement = _counted(filters, sort, wanted, by_update=told.is_by_update)
    row = await (await connection.execute(statement, _parameters(filters, wanted), prepare=False)).fetchone()
    n, ids = row or (0, [])
    return ids, n


async def read_page(
    connection: Connection, filters: Filters, sort: Sort, total: Total, size: int, offset: int, *, dear: bool
) -> list[int]:
    """Return the ids of a page, counted from the nearer end. Raises an error if that is expensive and not allowed."""
    size = min(size, total.n - offset)
    if size <= 0:
        return []
    rest = total.n - offset - size
    wanted = Slice(size, dear, rest, backwards=True) if rest < offset else Slice(size, dear, offset)
    plan = choose(filters, sort, total, wanted.skip + size)
    rows = await _read(connection, filters, sort, wanted, plan)
    if len(rows) < size and plan.window:
        rows = await _read(connection, filters, sort, wanted, all_gathered(filters, total))
    ids = [row[0] for row in rows]
    return ids[::-1] if wanted.backwards else ids


async def read_step(
    connection: Connection, filters: Filters, sort: Sort, total: Total, size: int, after: Position | None, *, dear: bool
) -> tuple[list[int], Position | None]:
    """Return the ids of the next `size` leads, and the position after them, or None at the end.

    Raises the same error as `read_page`.
    """
    wanted = Slice(size + 1, dear, after=after)
    plan = choose(filters, sort, total, wanted.size)
    rows = await _read(connection, filters, sort, wanted, plan)
    if len(rows) < wanted.size and plan.window and await _goes_on(connection, filters, sort, wanted, plan):
        rows = await _read(connection, filters, sort, wanted, all_gathered(filters, total))
    last = Position(rows[size - 1][1], rows[size - 1][0]) if len(rows) > size else None
    return [row[0] for row in rows[:size]], last


async def _read(
    connection: Connection, filters: Filters, sort: Sort, wanted: Slice, plan: Plan
) -> list[tuple[Any, ...]]:
    """Return (id, value) of the wanted leads; fewer if an index walk was stopped early."""
    if plan.cost > DEAR and not wanted.dear:
        raise Dear
    if plan.way is Way.GATHER:
        statement = _gathered(filters, sort, wanted, by_update=plan.by_update)
    else:
        statement = _walked(filters, sort, wanted, plan)
    prepare = None if _is_steady(filters, plan) else False
    return await (await connection.execute(statement, _parameters(filters, wanted), prepare=prepare)).fetchall()


def _is_steady(filters: Filters, plan: Plan) -> bool:
    """Return whether the plan is the same for all values, so that PostgreSQL may reuse it."""
    return plan.way is not Way.GATHER and not filters.patterns


def _gathered(filters: Filters, sort: Sort, wanted: Slice, *, by_update: bool) -> str:
    hits = _hits(filters, sort, wanted, by_update=by_update)
    return f"{hits} SELECT id, {sort.column} FROM hits {_cut(sort, wanted)}"  # noqa: S608


def _counted(filters: Filters, sort: Sort, wanted: Slice, *, by_update: bool) -> str:
    """Return SQL for the number of matching leads and the wanted ids."""
    hits = _hits(filters, sort, wanted, by_update=by_update)
    return f"{hits} SELECT (SELECT count(*) FROM hits), ARRAY(SELECT id FROM hits {_cut(sort, wanted)})"  # noqa: S608


def _hits(filters: Filters, sort: Sort, wanted: Slice, *, by_update: bool) -> str:
    """Return a CTE of the matching leads, materialised so that the planner uses no index of the order."""
    conditions = all_of(*filters.on_leads(by_update=by_update), *_searched(filters), *_beyond(sort, wanted))
    return f"WITH hits AS MATERIALIZED (SELECT id, {sort.column} FROM leads WHERE {conditions})"  # noqa: S608


def _walked(filters: Filters, sort: Sort, wanted: Slice, plan: Plan) -> str:
    """Return SQL that walks an index. Conditions that the index can answer are inside, the rest outside, so that no
    other index is used."""
    within, outside = _sides(filters, sort, wanted, plan)
    if not outside:
        return f"SELECT id, {sort.column} FROM {sort.table} WHERE {within} {_cut(sort, wanted)}"  # noqa: S608
    held, asked = ["workspace_id", "id", sort.column], _columns(filters) - {sort.column}
    if sort.table == LEADS:
        held, looked_up = [*held, *sorted(asked - {"tag_ids"}), *(["few_tags"] if "tag_ids" in asked else [])], ""
        outside = [TAGGED_AS_WALKED if condition == TAGGED else condition for condition in outside]
    else:
        looked_up = LOOKED_UP.format(columns=", ".join(sorted(asked)) or "1")
    order = sort.order(backwards=wanted.backwards)
    return (
        f"SELECT id, {sort.column} FROM (SELECT {', '.join(held)} FROM {sort.table} WHERE {within} "  # noqa: S608
        f"ORDER BY {order} LIMIT {_window(plan)}) AS walked{looked_up} "
        f"WHERE {' AND '.join(outside)} {_cut(sort, wanted)}"
    )


def _sides(filters: Filters, sort: Sort, wanted: Slice, plan: Plan) -> tuple[str, list[str]]:
    """Return the conditions of a walk: those inside the index, and those outside."""
    kind = f"{sort.name.removesuffix('_at')}_"
    bounds = [condition for name, condition in filters.timed.items() if name.startswith(kind)]
    bounds += [
        condition for (name, column), condition in IMPLIED.items() if name in filters.bounds and column == sort.name
    ]
    other = [condition for name, condition in filters.timed.items() if not name.startswith(kind)]
    narrowed = [filters.alike[plan.column]] if plan.column else []
    outside = [condition for column, condition in filters.alike.items() if column != plan.column]
    if filters.patterns:
        fits = f"s.workspace_id = walked.workspace_id AND s.lead_id = walked.id AND {filters.found}"
        outside.append(f"EXISTS (SELECT 1 FROM lead_search s WHERE {fits})")  # noqa: S608
    return all_of(*narrowed, *bounds, *_beyond(sort, wanted)), [*outside, *other]


async def _goes_on(connection: Connection, filters: Filters, sort: Sort, wanted: Slice, plan: Plan) -> bool:
    """Return whether the walk was stopped before the end of the index."""
    within, _ = _sides(filters, sort, wanted, plan)
    order = sort.order(backwards=wanted.backwards)
    skipped = f"ORDER BY {order} LIMIT 1 OFFSET {_window(plan)}"
    statement = f"SELECT id FROM {sort.table} WHERE {within} {skipped}"  # noqa: S608
    parameters = _parameters(filters, wanted)
    return await (await connection.execute(statement, parameters, prepare=False)).fetchone() is not None


def _window(plan: Plan) -> int:
    """Round the window up to a power of two, so that a small change of the totals does not change the statement."""
    return 1 << max(plan.window - 1, 0).bit_length()


def _columns(filters: Filters) -> set[str]:
    return {*filters.alike, *filters.bounded()}


def _searched(filters: Filters) -> list[str]:
    return [f"id IN ({filters.hits})"] if filters.patterns else []


def _beyond(sort: Sort, wanted: Slice) -> list[str]:
    cast = "::timestamptz" if sort.name in TIMES else ""
    return [BEYOND.format(column=sort.column, beyond=sort.beyond, cast=cast)] if wanted.after else []


def _cut(sort: Sort, wanted: Slice) -> str:
    """Return ORDER BY, LIMIT and OFFSET. The numbers are literals: a generic plan assumes a tenth of all rows for a
    parameter."""
    return f"ORDER BY {sort.order(backwards=wanted.backwards)} LIMIT {wanted.size:d} OFFSET {wanted.skip:d}"


def _parameters(filters: Filters, wanted: Slice) -> dict[str, Any]:
    after = {"value": wanted.after.value, "after_id": wanted.after.id} if wanted.after else {}
    return {**filters.parameters, **after}
