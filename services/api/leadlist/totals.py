"""Counts the leads that match: exactly, and by counters wherever these can answer.

Counters and the deltas not yet folded into them are read in one statement, which sees a fold whole or not at all.
"""

from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, cast

from services.api.leadlist.filters import Filters, all_of
from services.api.leadlist.sorts import Sort
from services.api.leadlist.spans import span
from shared.db import Connection

PROBED = 2001  # hits that an estimate counts; a longer list is assumed to be a twentieth of all
SHARE = 20


@dataclass(frozen=True)
class Total:
    """The counts of a list.

    `n` leads match, and the workspace has `whole`. Further counts are those of each single filter by column, and of the
    bounds on each time (`spans`). `likely` is the number that match if times are independent of the other filters.
    """

    n: int
    whole: int
    alone: dict[str, int] = field(default_factory=dict)
    spans: dict[str, int] = field(default_factory=dict)
    likely: int = 0

    @property
    def is_by_update(self) -> bool:
        """Whether the time of the last update narrows the list most."""
        others = [self.whole, *self.alone.values(), *self.spans.values()]
        return self.spans.get("updated_at", self.whole + 1) <= min(others)


def is_read(filters: Filters) -> bool:
    """Return whether leads must be counted row by row, since no counter can answer."""
    return bool(filters.patterns or (filters.bounds and (filters.alike or len(filters.bounded()) > 1)))


async def count(connection: Connection, filters: Filters, told: Total | None = None) -> Total:
    """Return the exact total. Pass the counts if they have been read already."""
    total = told or await tell(connection, filters)
    if is_read(filters):
        return replace(total, n=await _count_read(connection, filters, by_update=total.is_by_update))
    return total


async def estimate(connection: Connection, filters: Filters) -> Total:
    """Return an approximate total, for choosing a plan."""
    total = await tell(connection, filters)
    if filters.patterns:
        probe = f"SELECT count(*) FROM ({filters.hits} LIMIT {PROBED}) hits"  # noqa: S608
        hits = await _number(connection, probe, filters.parameters)
        return replace(total, n=min(total.n, hits if hits < PROBED else max(PROBED, total.whole // SHARE)))
    return total


async def tell(connection: Connection, filters: Filters) -> Total:
    """Return the counts: exact for a single filter, otherwise an upper bound. The search is ignored."""
    total = await _count_alike(connection, filters)
    spans = {column: await _count_span(connection, filters, column) for column in filters.bounded()}
    likely = total.n * prod(n / max(total.whole, 1) for n in spans.values())
    return replace(total, n=min([total.n, *spans.values()]), spans=spans, likely=round(likely))


async def _count_alike(connection: Connection, filters: Filters) -> Total:
    """Count by the counters of leads with equal fields. Times and the search are ignored."""
    wanted = [_marginal("''", "''", all_of())]
    wanted += [
        _marginal(f"'{column}'", f"%({column})s::text", all_of(condition))
        for column, condition in filters.alike.items()
    ]
    if len(filters.alike) > 1:
        wanted.append(_cells(filters))
    statement = f"SELECT {', '.join(wanted)}"
    row = await (await connection.execute(statement, filters.parameters, prepare=True)).fetchone()
    whole, *others = cast("tuple[int, ...]", row)
    return Total(others[-1] if others else whole, whole, dict(zip(filters.alike, others, strict=False)))


def _marginal(field: str, value: str, changed: str) -> str:
    """Return SQL for the number of leads that match one filter."""
    told = f"SELECT n FROM lead_marginals WHERE {all_of(f'field = {field}', f'value = {value}')}"  # noqa: S608
    return _sum(told, changed)


def _cells(filters: Filters) -> str:
    """Return SQL for the number of leads that match several filters together."""
    exact = [condition for column, condition in filters.alike.items() if column != "tag_ids"]
    tag = "tag_id = 0" if filters.tag_id is None else "tag_id = %(tag_ids)s"
    told = f"SELECT n FROM lead_counts WHERE {all_of(tag, *exact)}"  # noqa: S608
    return _sum(told, all_of(*filters.alike.values()))


def _sum(told: str, changed: str) -> str:
    """Return SQL for the sum of a counter and its deltas."""
    deltas = f"SELECT n FROM lead_count_deltas WHERE {changed}"  # noqa: S608
    return f"(SELECT coalesce(sum(n), 0)::bigint FROM ({told} UNION ALL {deltas}) counts)"  # noqa: S608


async def _count_span(connection: Connection, filters: Filters, column: str) -> int:
    """Count by the counters of five minutes, hours and days, and the leads at both ends."""
    table = Sort(column, descending=False).table
    runs, ragged = span(*filters.bounds_of(column))
    parameters: dict[str, Any] = {"workspace": filters.workspace_id, "kind": column}
    parts = []
    for number, run in enumerate(runs):
        parameters |= {f"{name}_{number}": value for name, value in run._asdict().items()}
        within = (f"grain = %(grain_{number})s", f"at >= %(start_{number})s", f"at < %(end_{number})s")
        parts.append(f"SELECT n FROM lead_times WHERE {all_of('kind = %(kind)s', *within)}")  # noqa: S608
    if runs:
        parameters |= {"first": runs[0].start, "last": runs[-1].end}
        unfolded = ("kind = %(kind)s", "at >= %(first)s", "at < %(last)s")
        parts.append(f"SELECT n FROM lead_time_deltas WHERE {all_of(*unfolded)}")  # noqa: S608
    for number, (start, end) in enumerate(ragged):
        parameters |= {f"from_{number}": start, f"until_{number}": end}
        left = (f"{column} >= %(from_{number})s", f"{column} < %(until_{number})s")
        parts.append(f"SELECT count(*) FROM {table} WHERE {all_of(*left)}")  # noqa: S608
    if not parts:
        return 0
    summed = f"SELECT coalesce(sum(n), 0)::bigint FROM ({' UNION ALL '.join(parts)}) AS counts (n)"  # noqa: S608
    return await _number(connection, summed, parameters, prepare=None)


async def _count_read(connection: Connection, filters: Filters, *, by_update: bool) -> int:
    if not filters.alike and not filters.bounds:
        return await _number(connection, f"SELECT count(*) FROM ({filters.hits}) hits", filters.parameters)  # noqa: S608
    conditions = [*filters.on_leads(by_update=by_update), *([f"id IN ({filters.hits})"] if filters.patterns else [])]
    return await _number(connection, f"SELECT count(*) FROM leads WHERE {all_of(*conditions)}", filters.parameters)  # noqa: S608


async def _number(
    connection: Connection, statement: str, parameters: dict[str, Any], *, prepare: bool | None = False
) -> int:
    row = await (await connection.execute(statement, parameters, prepare=prepare)).fetchone()
    return int(row[0]) if row else 0
