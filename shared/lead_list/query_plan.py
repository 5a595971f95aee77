"""Chooses how to read a page, by our own counters: the planner's statistics know no two columns together.

There are three strategies. **Walk** the index of the order and skip what does not match: cheap if much matches.
**Narrow**: walk the index of one filter, which has the default order. **Gather** everything that matches and sort it:
cheap if little matches. Pure.
"""

from dataclasses import dataclass, replace
from enum import Enum

from shared.lead_list.counts import LeadTotals, needs_row_count
from shared.lead_list.filters import LeadFilters
from shared.lead_list.sorts import LEADS_TABLE, LeadSort

# Approximate microseconds per entry: of an index that holds all columns, of a lead, and of a lead with its text.
ENTRY_COST, LEAD_COST, TEXT_COST = 0.15, 1.0, 2.5
WALKED_TEXT_COST = 1.2  # microseconds per entry of a walk that looks its text up
HELD_COST = 0.5  # microseconds to keep a counted lead until the page is cut
COVERING_FILTERS = ("assigned_user_id", "starred")  # filters whose indexes also hold the others
EXPENSIVE_COST = 30_000  # microseconds above which a list is expensive
# A walk stops after the expected entries times a factor plus a constant. The constant is smaller in a small workspace,
# where PostgreSQL would otherwise sort everything.
WINDOW_FACTOR, WINDOW_EXTRA, MAX_WINDOW_SHARE = 8, 10_000, 5
# A walk may go on for an eighth of what gathering would cost. The margin of a bound that is implied (IMPLIED_BOUNDS) is
# a day of leads that do not match: in a large workspace more than the window above.
GATHER_DIVISOR = 8


class ReadStrategy(Enum):
    WALK = "walk"
    NARROW = "narrow"
    GATHER = "gather"


@dataclass(frozen=True)
class ReadPlan:
    """The plan of a read.

    `column` is the filter whose index is walked, `window` the maximum number of entries, `cost` in microseconds. With
    `by_update` matching leads are found by the time of their last update.
    """

    strategy: ReadStrategy
    cost: float
    window: int = 0
    column: str = ""
    by_update: bool = False


def choose_plan(filters: LeadFilters, sort: LeadSort, total: LeadTotals, needed: int) -> ReadPlan:
    """Return the cheapest plan for the first `needed` leads, from the nearer end."""
    if filters.lead_id is not None:
        return gather_plan(filters, total)
    if not filters.is_searched and not filters.counted_conditions and filters.bounded_columns() <= {sort.name}:
        return ReadPlan(ReadStrategy.WALK, needed * ENTRY_COST)
    gathered = gather_plan(filters, total)
    if not total.n:
        return gathered
    walk = choose_walk(filters, sort, total, needed)
    if walk.window:
        walk = replace(walk, window=max(walk.window, int(gathered.cost / LEAD_COST) // GATHER_DIVISOR))
    return min(gathered, walk, key=lambda plan: plan.cost)


def choose_walk(filters: LeadFilters, sort: LeadSort, total: LeadTotals, needed: int) -> ReadPlan:
    """Return the cheapest plan that walks an index, for lists with matches enough."""
    plans = [_walk_plan(filters, sort, total, needed), *_narrow_plans(filters, sort, total, needed)]
    return min(plans, key=lambda plan: plan.cost)


def gather_plan(filters: LeadFilters, total: LeadTotals) -> ReadPlan:
    """Return the plan that gathers everything. Leads are found by the narrowest filter, and the others are checked in
    each lead."""
    if filters.lead_id is not None:
        return ReadPlan(ReadStrategy.GATHER, LEAD_COST)
    if filters.is_searched:
        return ReadPlan(ReadStrategy.GATHER, total.n * TEXT_COST, by_update=total.is_by_update)
    found = min([*total.per_filter.values(), *total.spans.values()])
    return ReadPlan(ReadStrategy.GATHER, found * LEAD_COST, by_update=total.is_by_update)


def counts_in_one_pass(filters: LeadFilters, sort: LeadSort, totals: LeadTotals, needed: int) -> bool:
    """Return whether the total and the first `needed` leads are better read in one query.

    That is so if reading the page alone would cost more than to keep the leads while they are counted, and if there is
    only one lead.
    """
    if filters.lead_id is not None:
        return True
    if filters.is_searched or not needs_row_count(filters):
        return False
    plan = choose_plan(filters, sort, replace(totals, n=totals.likely), min(needed, totals.likely))
    return plan.strategy is ReadStrategy.GATHER or plan.cost > totals.likely * HELD_COST


def _walk_plan(filters: LeadFilters, sort: LeadSort, total: LeadTotals, needed: int) -> ReadPlan:
    expected = needed * total.workspace_total / total.n
    is_held = filters.bounded_columns() <= {sort.name} and sort.table == LEADS_TABLE
    each = WALKED_TEXT_COST if filters.is_searched else ENTRY_COST if is_held else LEAD_COST
    return ReadPlan(ReadStrategy.WALK, expected * each, _walk_window(expected, total.workspace_total))


def _narrow_plans(filters: LeadFilters, sort: LeadSort, total: LeadTotals, needed: int) -> list[ReadPlan]:
    if sort.name != "created_at":
        return []
    plans = []
    for column, n in total.per_filter.items():
        if column == "tag_ids" or filters.exact.get(column) is False:
            continue  # no index in that order
        expected = needed * n / total.n
        is_held = not filters.is_searched and filters.bounded_columns() <= {"created_at"}
        is_alone = is_held and len(filters.counted_conditions) == 1
        each = (
            ENTRY_COST
            if is_alone or (is_held and column in COVERING_FILTERS)
            else WALKED_TEXT_COST
            if filters.is_searched
            else LEAD_COST
        )
        plans.append(
            ReadPlan(
                ReadStrategy.NARROW,
                expected * each,
                0 if is_alone else _walk_window(expected, total.workspace_total),
                column,
            )
        )
    return plans


def _walk_window(expected: float, whole: int) -> int:
    return int(expected * WINDOW_FACTOR) + min(WINDOW_EXTRA, whole // MAX_WINDOW_SHARE) + 1
