"""Which way to read a page: chosen by the totals, not by the planner's statistics, which know no two columns together.

Three ways. **Walk** an order's index and pass over what does not fit: cheap where much fits. **Narrow**: walk a
filter's own index, which is in the default order. **Gather** all that fits and sort it: cheap where little fits. Pure.
"""

from dataclasses import dataclass, replace
from enum import Enum

from services.api.leadlist.filters import Filters
from services.api.leadlist.sorts import LEADS, Sort
from services.api.leadlist.totals import Total, is_read

# What it costs to look at one entry: of an index that holds all that is asked, or at a lead, or at a lead's text too.
# In microseconds, about.
ENTRY, LEAD, TEXT = 0.15, 1.0, 2.5
HELD = 0.5  # to keep one lead that was counted, until the page is taken from them
CARRYING = ("assigned_user_id", "starred")  # filters whose indexes hold the others
DEAR = 30_000  # microseconds beyond which a list is dear
# How far a walk goes before it is given up: so many times what was expected, and so many more; in a small workspace
# less, or PostgreSQL would rather sort it all.
SLACK, MORE, PART = 8, 10_000, 5


class Way(Enum):
    WALK = "walk"
    NARROW = "narrow"
    GATHER = "gather"


@dataclass(frozen=True)
class Plan:
    """`column` is the filter whose index is walked; `window` how many entries at most; `cost` in microseconds.

    `by_update`: what is gathered is found by when it was updated.
    """

    way: Way
    cost: float
    window: int = 0
    column: str = ""
    by_update: bool = False


def choose(filters: Filters, sort: Sort, total: Total, needed: int) -> Plan:
    """The cheapest way to the first `needed` leads, from the nearer end."""
    if not filters.patterns and not filters.alike and filters.bounded() <= {sort.name}:
        return Plan(Way.WALK, needed * ENTRY)
    plans = [all_gathered(filters, total)]
    if total.n:
        plans += [_walk(filters, sort, total, needed), *_narrow(filters, sort, total, needed)]
    return min(plans, key=lambda plan: plan.cost)


def all_gathered(filters: Filters, total: Total) -> Plan:
    """To gather whatever fits. It is found by what narrows the list most; the rest is looked up in each lead."""
    if filters.patterns:
        return Plan(Way.GATHER, total.n * TEXT, by_update=total.is_by_update)
    found = min([*total.alone.values(), *total.spans.values()])
    return Plan(Way.GATHER, found * LEAD, by_update=total.is_by_update)


def in_one_pass(filters: Filters, sort: Sort, told: Total, needed: int) -> bool:
    """Whether the total and the first `needed` leads are better read at once, since a page of its own would cost more
    than to keep what is counted."""
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
            continue  # these have no index in that order
        expected = needed * n / total.n
        is_held = not filters.patterns and filters.bounded() <= {"created_at"}
        is_alone = is_held and len(filters.alike) == 1
        each = ENTRY if is_alone or (is_held and column in CARRYING) else TEXT if filters.patterns else LEAD
        plans.append(Plan(Way.NARROW, expected * each, 0 if is_alone else _window(expected, total.whole), column))
    return plans


def _window(expected: float, whole: int) -> int:
    return int(expected * SLACK) + min(MORE, whole // PART) + 1
