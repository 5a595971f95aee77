"""Reads a page of leads that contain a text. Their total is counted up to a bound: to count on costs up to 200 ms.

Up to the bound one statement finds the matches, counts them and sorts them. Where there are more, the order's index is
walked: among so many matches the first come soon.
"""

from dataclasses import replace
from math import isqrt
from typing import NamedTuple

from shared.lead_list.counts import LeadTotals, count_bounded, count_leads, is_expensive_count, read_counts
from shared.lead_list.expensive_queries import ExpensiveQuery
from shared.lead_list.filters import LeadFilters, where_all
from shared.lead_list.query_plan import choose_walk, gather_plan
from shared.lead_list.read_page import ListSlice, order_and_limit, read_counted_page, read_page, read_rows
from shared.lead_list.sorts import LeadSort
from shared.platform.db.connections import Connection

MAX_COUNTED_MATCHES = 5_000
WALKED_PER_MATCH = 0.6  # how many entries can be walked in the time in which one match is looked up and sorted

# The matches are looked up one by one: OFFSET 0 keeps the planner from reading all leads instead.
SEARCH_SQL = """
WITH hits AS MATERIALIZED (SELECT lead_id FROM ({search}) found LIMIT {limit}),
matches AS MATERIALIZED (
    SELECT lead.* FROM hits CROSS JOIN LATERAL (
        SELECT id, {column} FROM leads WHERE {conditions} AND id = hits.lead_id OFFSET 0) AS lead
)
SELECT n, CASE WHEN n <= {few} THEN (SELECT count(*) FROM matches) END,
       CASE WHEN n <= {few} THEN ARRAY(SELECT id FROM matches {order}) END
FROM (SELECT count(*) AS n FROM hits) AS counted
"""


class BoundedPage(NamedTuple):
    """The ids of a page. With `is_lower_bound` more leads match than `total` says."""

    ids: list[int]
    total: int
    is_lower_bound: bool = False


async def read_bounded_page(
    connection: Connection,
    filters: LeadFilters,
    sort: LeadSort,
    size: int,
    offset: int,
    *,
    expensive: bool,
    is_exact: bool = False,
) -> BoundedPage:
    """Return a page and its total: exact up to MAX_COUNTED_MATCHES, without a text, on pages beyond, and if asked.

    Raises ExpensiveQuery if that is expensive and not allowed.
    """
    if is_exact or not _is_bounded(filters, offset + size):
        if is_expensive_count(filters) and not expensive:
            raise ExpensiveQuery
        return BoundedPage(*await read_counted_page(connection, filters, sort, size, offset, expensive=expensive))
    if not (expensive or filters.is_indexed):
        raise ExpensiveQuery
    wanted = ListSlice(size, expensive, offset)
    few = _few_matches(filters, offset + size)
    statement = _search_sql(filters, sort, wanted, few)
    row = await (await connection.execute(statement.encode(), filters.sql_parameters, prepare=False)).fetchone()
    hits, total, ids = row or (0, 0, [])
    if total is not None:
        return BoundedPage(ids, total)
    return await _read_many_matches(connection, filters, sort, wanted, hits)


async def count_bounded_leads(
    connection: Connection, filters: LeadFilters, *, expensive: bool, is_exact: bool = False
) -> tuple[LeadTotals, bool]:
    """Return the total, and whether it is a lower bound. Raises ExpensiveQuery if it is expensive and not allowed."""
    if is_exact or not _is_bounded(filters):
        if is_expensive_count(filters) and not expensive:
            raise ExpensiveQuery
        return await count_leads(connection, filters), False
    if not (expensive or _is_cheap(filters)):
        raise ExpensiveQuery
    totals = await read_counts(connection, filters)
    n = await count_bounded(connection, filters, MAX_COUNTED_MATCHES + 1, by_update=totals.is_by_update)
    return replace(totals, n=min(n, MAX_COUNTED_MATCHES)), n > MAX_COUNTED_MATCHES


def _is_cheap(filters: LeadFilters) -> bool:
    """Return whether the index finds the first matches, however many there are."""
    return filters.is_indexed and not filters.lead_conditions(by_update=False)


def _is_bounded(filters: LeadFilters, needed: int = 0) -> bool:
    """Return whether a list that shows its first `needed` leads is counted up to a bound only."""
    return bool(filters.patterns) and filters.lead_id is None and needed <= MAX_COUNTED_MATCHES


def _few_matches(filters: LeadFilters, needed: int) -> int:
    """Return up to how many leads with the text are looked up: with other filters, as many as are counted."""
    if filters.lead_conditions(by_update=False):
        return MAX_COUNTED_MATCHES
    balance = isqrt(int(WALKED_PER_MATCH * needed * filters.likely_leads))  # the walk needs needed * leads / matches
    return min(balance, MAX_COUNTED_MATCHES)


def _search_sql(filters: LeadFilters, sort: LeadSort, wanted: ListSlice, few: int) -> str:
    return SEARCH_SQL.format(
        search=filters.search_query,
        limit=MAX_COUNTED_MATCHES + 1,
        few=few,
        column=sort.column,
        conditions=where_all(*filters.lead_conditions(by_update=False)),
        order=order_and_limit(sort, wanted),
    )


async def _read_many_matches(
    connection: Connection, filters: LeadFilters, sort: LeadSort, wanted: ListSlice, hits: int
) -> BoundedPage:
    """Return the page where too many leads have the text to look up each of them."""
    totals = await read_counts(connection, filters)
    if filters.lead_conditions(by_update=False):
        if not wanted.expensive:
            raise ExpensiveQuery
        n = await count_bounded(connection, filters, MAX_COUNTED_MATCHES + 1, by_update=totals.is_by_update)
        if n <= MAX_COUNTED_MATCHES:
            counted, expensive = replace(totals, n=n), wanted.expensive
            ids = await read_page(connection, filters, sort, counted, wanted.size, wanted.skip, expensive=expensive)
            return BoundedPage(ids, n)
        hits = n
    counted = replace(totals, n=min(hits, MAX_COUNTED_MATCHES))
    ids = await _walk(connection, filters, sort, counted, wanted)
    return BoundedPage(ids, counted.n, is_lower_bound=hits > counted.n)


async def _walk(
    connection: Connection, filters: LeadFilters, sort: LeadSort, counted: LeadTotals, wanted: ListSlice
) -> list[int]:
    """Return the wanted ids. If too many matches are far from the start of the order, all of them are gathered."""
    plan = choose_walk(filters, sort, counted, wanted.skip + wanted.size)
    rows = await read_rows(connection, filters, sort, wanted, plan)
    if len(rows) < min(wanted.size, counted.n - wanted.skip):
        everything = replace(counted, n=counted.workspace_total)
        rows = await read_rows(connection, filters, sort, wanted, gather_plan(filters, everything))
    return [row[0] for row in rows]
