"""Searches that count up to a bound: the same leads as a model says, in each order and on each page."""

import random
from typing import Any

import pytest

from shared.lead_list import bounded_search
from shared.lead_list.bounded_search import BoundedPage, read_bounded_page
from shared.lead_list.expensive_queries import ExpensiveQuery
from shared.lead_list.resolve_filters import resolve_filters
from shared.lead_list.sorts import LeadSort
from shared.platform.db.connections import Connection, as_json
from tests.integration.test_lead_lists import SORTS, TAGS, fill, rng, rows_of, settle, workspace
from tests.support.leadlist import INSERT, expected

__all__ = ["rng", "workspace"]  # fixtures
pytestmark = pytest.mark.integration

BOUND = 25
SEARCHES: list[dict[str, Any]] = [
    *({"search": term} for term in ("ali", "e", "example", "Ann L", "415", "(415) 555-1", "zoë", "no such lead")),
    {"search": "e", "source": "website"},
    {"search": "example.com", "status": "new", "starred": False},
    {"search": "e", "tag": "vip"},
    {"search": "e", "status": "converted"},
]


@pytest.mark.parametrize("walked_per_match", [0.0, 1e6], ids=["walks", "looks up"])
async def test_a_bounded_search_has_the_leads_of_the_model(
    database: Connection, workspace: int, rng: random.Random, monkeypatch: pytest.MonkeyPatch, walked_per_match: float
) -> None:
    monkeypatch.setattr(bounded_search, "MAX_COUNTED_MATCHES", BOUND)
    monkeypatch.setattr(bounded_search, "WALKED_PER_MATCH", walked_per_match)
    await fill(database, rng, workspace)
    await settle(database)
    rows = await rows_of(database, workspace)
    bounds = 0
    for query in SEARCHES:
        asked = {**query, "sort": rng.choice(SORTS), "direction": rng.choice(["asc", "desc"])}
        wanted = expected(rows, asked, TAGS) if "(" not in query["search"] else None
        found: list[int] = []
        for number in range(1, 99):
            page = await bounded_page(database, workspace, asked, number)
            is_bounded = number * 10 <= BOUND and page.is_lower_bound
            bounds += is_bounded
            found += page.ids
            if wanted is not None:
                assert page.total == (BOUND if is_bounded else len(wanted)), asked
                assert is_bounded == (number * 10 <= BOUND < len(wanted)), asked
            if not page.ids:
                break
        assert wanted is None or found == wanted, asked
    assert bounds > 10


async def test_matches_at_the_far_end_are_met_all_the_same(
    database: Connection, workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The walk is given up. Who has no turn for what is expensive waits for one."""
    monkeypatch.setattr(bounded_search, "MAX_COUNTED_MATCHES", 1_000)
    leads = [
        {"workspace_id": workspace, "id": n, "lead_score": n, "first_name": "Olga" if n <= 1_500 else "Newton"}
        for n in range(1, 24_000)
    ]
    await database.execute(INSERT, (as_json(leads),))
    await settle(database)
    query = {"search": "olg", "sort": "lead_score"}
    page = await bounded_page(database, workspace, query, 1)
    assert page == BoundedPage([*range(1_500, 1_490, -1)], 1_000, is_lower_bound=True)
    with pytest.raises(ExpensiveQuery):
        await bounded_page(database, workspace, query, 1, expensive=False)
    assert (await bounded_page(database, workspace, {"search": "new"}, 1, expensive=False)).is_lower_bound


async def test_companies_are_searched(database: Connection, workspace: int) -> None:
    leads = [
        {"workspace_id": workspace, "id": 1, "first_name": "Ann", "last_name": "Ost", "phone": "+14155550001"},
        {"workspace_id": workspace, "id": 2, "first_name": "Ann"},
    ]
    await database.execute(INSERT, (as_json(leads),))
    await database.execute("UPDATE leads SET company = E'Blue\\tHARBOUR Ltd' WHERE id = 1")
    await database.execute("UPDATE leads SET company = '' WHERE id = 2")
    await settle(database)
    for term in ("blue harb", "blue\tharb", "bour ltd", "415 555 0001", "ann ost"):
        assert (await bounded_page(database, workspace, {"search": term}, 1)).ids == [1], term
    assert (await bounded_page(database, workspace, {"search": "ost blue"}, 1)).ids == []
    assert (await bounded_page(database, workspace, {"search": "ann"}, 1)).ids == [2, 1]


async def bounded_page(
    connection: Connection, workspace: int, query: dict[str, Any], number: int, *, expensive: bool = True
) -> BoundedPage:
    filters = await resolve_filters(connection, workspace, query, {})
    assert filters is not None
    sort = LeadSort(query.get("sort", "created_at"), query.get("direction", "desc") == "desc")
    return await read_bounded_page(connection, filters, sort, 10, (number - 1) * 10, expensive=expensive)
