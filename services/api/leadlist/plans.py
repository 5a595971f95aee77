"""Chooses how to read a page, by our own counters: the planner's statistics know no two columns together.

There are three strategies. **Walk** the index of the order and skip what does not match: cheap if much matches.
**Narrow**: walk the index of one filter, which has the default order. **Gather** everything that matches and sort it:
cheap if little matches. Pure.
"""

from dataclasses import dataclass, replace
from enum import Enum

from services.api.leadlist.filters import Filters
from services.api.leadlist.sorts import LEADS, Sort
from services.api.leadlist.totals import Total, is_read

# Approximate microseconds per entry: of an index that holds all columns, of a lead, and of a lead with its text.
ENTRY, LEAD, TEXT = 0.15, 1.0, 2.5
HELD = 0.5  # microseconds to keep a counted lead until the page is cut
CARRYING = ("assigned_user_id", "starred")  # filters whose indexes also hold the others
DEAR = 30_000  # microseconds above which a list is expensive
# A walk stops after the expected entries times a factor plus a constant. The constant is smaller in a small workspace,
# where PostgreSQL would otherwise sort everything.
SLACK, MORE, PART = 8, 10_000, 5


class Way(Enum):
    WALK = "walk"
    NARROW = "narrow"
    GATHER = "gather"


@dataclass(frozen=True)
class Plan:
    """The plan of a read.

    `column` is the filter whose index is walked, `window` the maximum number of entries, `cost` in microseconds. With
    `by_update` matching leads are found by the time of their last update.
    """

    way: Way
    cost: float
    window: int = 0
    column: str = ""
    by_update: bool = False


def choose(filters: Filters, sort: Sort, total: Total, needed: int) -> Plan:
    """Return the cheapest plan for the first `needed` leads, from the nearer end."""
    if not filters.patterns and not filters.alike and filters.bounded() <= {sort.name}:
        return Plan(Way.WALK, needed * ENTRY)
    plans = [all_gathered(filters, total)]
    if total.n:
        plans += [_walk(filters, sort, total, needed), *_narrow(filters, sort, total, needed)]
    return min(plans, key=lambda plan: plan.cost)


def all_gathered(filters: Filters, total: Total) -> Plan:
    """Return the plan that gathers everything. Leads are found by the narrowest filter, and the others are checked in
    each lead."""
    if filters.patterns:
        return Plan(Way.GATHER, total.n * TEXT, by_update=total.is_by_update)
    found = min([*total.alone.values(), *total.spans.values()])
    return Plan(Way.GATHER, found * LEAD, by_update=total.is_by_update)


def in_one_pass(filters: Filters, sort: Sort, told: Total, needed: int) -> bool:
    """Return whether the total and the first `needed` leads are better read in one query.

    That is so if reading the page alone would cost more than to keep the leads while they are counted.
    """
    if filters.patterns or not is_read(filters):
        return False
    plan = choose(filters, sort, replace(told, n=told.likely), min(needed, told.likely))
    return plan.way is Way.GATHER or plan.cost > told.likely * HELD


def _walk(filters: Filters, sort: Sort, total: Total, needed: int) -> Plan:
    expected = needed * total.whole / total.n
    is_held = filters.bounded() <= {sort.name} and sort.table == LEADS
    each = TEXT if filters.patterns else ENTRY if is_held else LEAD
    return Plan(Way.WALK, expected * each, _window(expected, total.whole))


def _narrow(filters: Filters, sort: Sort, total: Total, needed: int) -> list[Plan]:
    if sort.name != "created_at":
        return []
    plans = []
    for column, n in total.alone.items():
        if column == "tag_ids" or filters.exact.get(column) is False:
            continue  # no index in that order
        expected = needed * n / total.n
        is_held = not filters.patterns and filters.bounded() <= {"created_at"}
        is_alone = is_held and len(filters.alike) == 1
        each = ENTRY if is_alone or (is_held and column in CARRYING) else TEXT if filters.patterns else LEAD
        plans.append(Plan(Way.NARROW, expected * each, 0 if is_alone else _window(expected, total.whole), column))
    return plans


def _window(expected: float, whole: int) -> int:
    return int(expected * SLACK) + min(MORE, whole // PART) + 1
