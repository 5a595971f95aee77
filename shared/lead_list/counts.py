"""Counts the leads that match: exactly, and by counters wherever these can answer.

Counters and the deltas not yet folded into them are read in one statement, which sees a fold whole or not at all.
"""

from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, cast

from shared.lead_list.filters import LeadFilters, where_all
from shared.lead_list.sorts import LeadSort
from shared.lead_list.time_buckets import split_span
from shared.platform.db.connections import Connection

MAX_PROBED_HITS = 2001  # hits that an estimate counts; a longer list is assumed to be a twentieth of all
LONG_SEARCH_DIVISOR = 20


@dataclass(frozen=True)
class LeadTotals:
    """The counts of a list.

    `n` leads match, and the workspace has `workspace_total`. Further counts are those of each single filter by column,
    and of the bounds on each time (`spans`). `likely` is the number that match if times are independent of the other
    filters.
    """

    n: int
    workspace_total: int
    per_filter: dict[str, int] = field(default_factory=dict)
    spans: dict[str, int] = field(default_factory=dict)
    likely: int = 0

    @property
    def is_by_update(self) -> bool:
        """Whether the time of the last update narrows the list most."""
        others = [self.workspace_total, *self.per_filter.values(), *self.spans.values()]
        return self.spans.get("updated_at", self.workspace_total + 1) <= min(others)


def needs_row_count(filters: LeadFilters) -> bool:
    """Return whether leads must be counted row by row, since no counter can answer."""
    return bool(
        filters.lead_id is not None
        or filters.is_searched
        or (filters.bounds and (filters.counted_conditions or len(filters.bounded_columns()) > 1))
    )


def is_expensive_count(filters: LeadFilters) -> bool:
    """Return whether so many leads may be counted row by row that the list waits for its turn."""
    return filters.lead_id is None and needs_row_count(filters)


async def count_leads(connection: Connection, filters: LeadFilters, counts: LeadTotals | None = None) -> LeadTotals:
    """Return the exact total. Pass the counts if they have been read already."""
    total = counts or await read_counts(connection, filters)
    if needs_row_count(filters):
        return replace(total, n=await _count_rows(connection, filters, by_update=total.is_by_update))
    return total


async def count_bounded(connection: Connection, filters: LeadFilters, limit: int, *, by_update: bool) -> int:
    """Return how many leads match, counted up to `limit`."""
    return await _count_rows(connection, filters, by_update=by_update, limit=limit)


async def estimate_count(connection: Connection, filters: LeadFilters) -> LeadTotals:
    """Return an approximate total, for choosing a plan."""
    total = await read_counts(connection, filters)
    if filters.is_searched and filters.lead_id is None:
        probe = f"SELECT count(*) FROM ({filters.search_query} LIMIT {MAX_PROBED_HITS}) hits"
        hits = await _fetch_number(connection, probe, filters.sql_parameters)
        return replace(
            total,
            n=min(
                total.n,
                hits if hits < MAX_PROBED_HITS else max(MAX_PROBED_HITS, total.workspace_total // LONG_SEARCH_DIVISOR),
            ),
        )
    return total


async def read_counts(connection: Connection, filters: LeadFilters) -> LeadTotals:
    """Return the counts: exact for a single filter, otherwise an upper bound. The search is ignored."""
    if filters.lead_id is not None:
        return LeadTotals(1, 1, likely=1)
    total = await _count_by_fields(connection, filters)
    spans = {column: await _count_time_span(connection, filters, column) for column in filters.bounded_columns()}
    likely = total.n * prod(n / max(total.workspace_total, 1) for n in spans.values())
    return replace(total, n=min([total.n, *spans.values()]), spans=spans, likely=round(likely))


async def _count_by_fields(connection: Connection, filters: LeadFilters) -> LeadTotals:
    """Count by the counters of leads with equal fields. Times and the search are ignored."""
    wanted = [_marginal_sql("''", "''", where_all())]
    wanted += [
        _marginal_sql(f"'{column}'", f"%({column})s::text", where_all(condition))
        for column, condition in filters.counted_conditions.items()
    ]
    if len(filters.counted_conditions) > 1:
        wanted.append(_combined_sql(filters))
    statement = f"SELECT {', '.join(wanted)}"
    row = await (await connection.execute(statement, filters.sql_parameters, prepare=True)).fetchone()
    whole, *others = cast("tuple[int, ...]", row)
    return LeadTotals(
        others[-1] if others else whole, whole, dict(zip(filters.counted_conditions, others, strict=False))
    )


def _marginal_sql(field: str, value: str, changed: str) -> str:
    """Return SQL for the number of leads that match one filter."""
    told = f"SELECT n FROM lead_counts_by_field WHERE {where_all(f'field = {field}', f'value = {value}')}"
    return _counter_sum_sql(told, changed)


def _combined_sql(filters: LeadFilters) -> str:
    """Return SQL for the number of leads that match several filters together."""
    exact = [condition for column, condition in filters.counted_conditions.items() if column != "tag_ids"]
    tag = "tag_id = 0" if filters.tag_id is None else "tag_id = %(tag_ids)s"
    told = f"SELECT n FROM lead_counts WHERE {where_all(tag, *exact)}"
    return _counter_sum_sql(told, where_all(*filters.counted_conditions.values()))


def _counter_sum_sql(counted_rows: str, changed: str) -> str:
    """Return SQL for the sum of a counter and its deltas."""
    deltas = f"SELECT n FROM lead_count_deltas WHERE {changed}"
    return f"(SELECT coalesce(sum(n), 0)::bigint FROM ({counted_rows} UNION ALL {deltas}) counts)"


async def _count_time_span(connection: Connection, filters: LeadFilters, column: str) -> int:
    """Count by the counters of five minutes, hours and days, and the leads at both ends."""
    table = LeadSort(column, descending=False).table
    runs, ragged = split_span(*filters.bounds_of(column))
    parameters: dict[str, Any] = {"workspace": filters.workspace_id, "kind": column}
    parts = []
    for number, run in enumerate(runs):
        parameters |= {f"{name}_{number}": value for name, value in run._asdict().items()}
        within = (f"grain = %(grain_{number})s", f"at >= %(start_{number})s", f"at < %(end_{number})s")
        parts.append(f"SELECT n FROM lead_counts_by_time WHERE {where_all('kind = %(kind)s', *within)}")
    if runs:
        parameters |= {"first": runs[0].start, "last": runs[-1].end}
        unfolded = ("kind = %(kind)s", "at >= %(first)s", "at < %(last)s")
        parts.append(f"SELECT n FROM lead_time_deltas WHERE {where_all(*unfolded)}")
    for number, (start, end) in enumerate(ragged):
        parameters |= {f"from_{number}": start, f"until_{number}": end}
        left = (f"{column} >= %(from_{number})s", f"{column} < %(until_{number})s")
        parts.append(f"SELECT count(*) FROM {table} WHERE {where_all(*left)}")
    if not parts:
        return 0
    summed = f"SELECT coalesce(sum(n), 0)::bigint FROM ({' UNION ALL '.join(parts)}) AS counts (n)"
    return await _fetch_number(connection, summed, parameters, prepare=None)


async def _count_rows(
    connection: Connection, filters: LeadFilters, *, by_update: bool, limit: int | None = None
) -> int:
    conditions = filters.lead_conditions(by_update=by_update)
    if conditions:
        conditions += [f"id IN ({filters.search_query})"] if filters.is_searched else []
        rows = f"SELECT 1 FROM leads WHERE {where_all(*conditions)}"
    else:
        rows = filters.search_query
    counted = f"SELECT count(*) FROM ({rows} LIMIT {limit or 'ALL'}) matches"
    return await _fetch_number(connection, counted, filters.sql_parameters)


async def _fetch_number(
    connection: Connection, statement: str, parameters: dict[str, Any], *, prepare: bool | None = False
) -> int:
    row = await (await connection.execute(statement, parameters, prepare=prepare)).fetchone()
    return int(row[0]) if row else 0
