"""Reading a page, or a step of a walk: the ids of its leads, in order. A page and its total are of one snapshot."""

from typing import Any, NamedTuple

from services.api.cursors import Position
from services.api.leadlist.filters import IMPLIED, TAGGED, TAGGED_AS_WALKED, Filters, all_of
from services.api.leadlist.limits import Dear
from services.api.leadlist.plans import DEAR, Plan, Way, all_gathered, choose, in_one_pass
from services.api.leadlist.sorts import LEADS, TIMES, Sort
from services.api.leadlist.totals import Total, count, tell
from shared.db import Connection

# Lead by lead, in the order of the walk: OFFSET 0 keeps the planner from joining them in another.
LOOKED_UP = """
CROSS JOIN LATERAL (
    SELECT {columns} FROM leads l WHERE l.workspace_id = walked.workspace_id AND l.id = walked.id OFFSET 0) AS lead
"""
BEYOND = "({column}, id) {beyond} (%(value)s{cast}, %(after_id)s)"  # a cursor holds a time as text


class Slice(NamedTuple):
    """What is wanted: `size` leads after the first `skip`, or after a position; at any price where `dear`."""

    size: int
    dear: bool
    skip: int = 0
    after: Position | None = None
    backwards: bool = False


async def read_counted(
    connection: Connection, filters: Filters, sort: Sort, size: int, offset: int, *, dear: bool
) -> tuple[list[int], int]:
    """The ids of a page, and the exact total. Raises Dear as `read_page`."""
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
    """The ids of a page, counted from the nearer end. Raises Dear where that costs much, unless it may."""
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
    """The ids of the next `size` leads, and the position to go on from; None at the end. Raises Dear as `read_page`."""
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
    """(id, value) of the leads that are wanted; fewer where a walk was given up."""
    if plan.cost > DEAR and not wanted.dear:
        raise Dear
    if plan.way is Way.GATHER:
        statement = _gathered(filters, sort, wanted, by_update=plan.by_update)
    else:
        statement = _walked(filters, sort, wanted, plan)
    prepare = None if _is_steady(filters, plan) else False
    return await (await connection.execute(statement, _parameters(filters, wanted), prepare=prepare)).fetchall()


def _is_steady(filters: Filters, plan: Plan) -> bool:
    """Whether its plan is the same for all values, and may be kept once it was asked for a few times."""
    return plan.way is not Way.GATHER and not filters.patterns


def _gathered(filters: Filters, sort: Sort, wanted: Slice, *, by_update: bool) -> str:
    hits = _hits(filters, sort, wanted, by_update=by_update)
    return f"{hits} SELECT id, {sort.column} FROM hits {_cut(sort, wanted)}"  # noqa: S608


def _counted(filters: Filters, sort: Sort, wanted: Slice, *, by_update: bool) -> str:
    """How many there are to gather, and the ids that are wanted."""
    hits = _hits(filters, sort, wanted, by_update=by_update)
    return f"{hits} SELECT (SELECT count(*) FROM hits), ARRAY(SELECT id FROM hits {_cut(sort, wanted)})"  # noqa: S608


def _hits(filters: Filters, sort: Sort, wanted: Slice, *, by_update: bool) -> str:
    """Materialised, so that no index of the order can tempt the planner."""
    conditions = all_of(*filters.on_leads(by_update=by_update), *_searched(filters), *_beyond(sort, wanted))
    return f"WITH hits AS MATERIALIZED (SELECT id, {sort.column} FROM leads WHERE {conditions})"  # noqa: S608


def _walked(filters: Filters, sort: Sort, wanted: Slice, plan: Plan) -> str:
    """What the walked index can tell stands within; the rest is checked outside, so that no other index is taken."""
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
    """The conditions of a walk: within the index, and outside."""
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
    """Whether the walk was given up before its end."""
    within, _ = _sides(filters, sort, wanted, plan)
    order = sort.order(backwards=wanted.backwards)
    skipped = f"ORDER BY {order} LIMIT 1 OFFSET {_window(plan)}"
    statement = f"SELECT id FROM {sort.table} WHERE {within} {skipped}"  # noqa: S608
    parameters = _parameters(filters, wanted)
    return await (await connection.execute(statement, parameters, prepare=False)).fetchone() is not None


def _window(plan: Plan) -> int:
    """Rounded up to a power of two, so that totals that change a little leave the statement as it is."""
    return 1 << max(plan.window - 1, 0).bit_length()


def _columns(filters: Filters) -> set[str]:
    return {*filters.alike, *filters.bounded()}


def _searched(filters: Filters) -> list[str]:
    return [f"id IN ({filters.hits})"] if filters.patterns else []


def _beyond(sort: Sort, wanted: Slice) -> list[str]:
    cast = "::timestamptz" if sort.name in TIMES else ""
    return [BEYOND.format(column=sort.column, beyond=sort.beyond, cast=cast)] if wanted.after else []


def _cut(sort: Sort, wanted: Slice) -> str:
    """The numbers stand in the text: a plan that is kept takes a parameter there for a tenth of all rows."""
    return f"ORDER BY {sort.order(backwards=wanted.backwards)} LIMIT {wanted.size:d} OFFSET {wanted.skip:d}"


def _parameters(filters: Filters, wanted: Slice) -> dict[str, Any]:
    after = {"value": wanted.after.value, "after_id": wanted.after.id} if wanted.after else {}
    return {**filters.parameters, **after}
