"""What a search asks the index for, where there are many texts."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
import pytest_asyncio

from shared.lead_list.filters import LeadFilters
from shared.lead_list.resolve_filters import resolve_filters
from shared.platform.db.connections import Connection, connect
from tests.support.database import Databases
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

MANY, FEW = 60_000, 300  # texts of two workspaces
OTHER = 77
NAMES = ("ann", "bob", "okafor", "zoë", "o'brien", "50%_off", "back\\slash", "李雷")
FILL = """
INSERT INTO lead_search (workspace_id, lead_id, text)
SELECT %(workspace)s, n, name || ' ' || n %% 1000 || E'\\n' || name || '.' || n || '@example.com' || E'\\n'
       || 14150000000 + n * 7919 %% 10000000
FROM generate_series(%(first)s::int, %(last)s::int) n, LATERAL (
    SELECT (%(names)s::text[])[1 + n %% cardinality(%(names)s::text[])] AS name) named
"""
MARGINAL = "INSERT INTO lead_counts_by_field (workspace_id, field, value, n) VALUES (%s, '', '', %s)"
PLAIN = "SELECT lead_id FROM lead_search WHERE workspace_id = %s AND ({})"


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    with databases.clone() as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def filled(url: str) -> int:
    """The database full of texts; the id of the workspace that has most of them."""
    async with connect(url, "tests") as connection:
        workspace = await workspace_id(connection)
        for id_, first, last in ((workspace, 1, MANY), (OTHER, MANY + 1, MANY + FEW)):
            values = {"workspace": id_, "first": first, "last": last, "names": list(NAMES)}
            await connection.execute(FILL, values)
            await connection.execute(MARGINAL, (id_, last - first + 1))
        await connection.execute("SELECT gin_clean_pending_list('ix_lead_search_text')")
        await connection.execute("ANALYZE lead_search")
    return workspace


@pytest_asyncio.fixture
async def texts(url: str, filled: int) -> Any:
    async with connect(url, "tests") as connection:
        yield connection


async def test_common_parts_are_not_asked_for(texts: Connection, filled: int) -> None:
    asked = await index_condition(texts, filled, ".4321@example")
    assert "432" in asked
    assert "exa" not in asked
    assert "xam" not in asked
    assert await hits(texts, filled, ".4321@example") == {4321}


async def test_common_search_term_is_queried_unchanged(texts: Connection, filled: int) -> None:
    filters = await resolve_filters(texts, filled, {"search": "okafor"}, {})
    assert filters is not None
    assert list(filters.patterns.values()) == [[]]
    assert len(await hits(texts, filled, "okafor")) == MANY // len(NAMES)


async def test_a_small_workspace_is_asked_for_too(texts: Connection, filled: int) -> None:
    assert "workspace_id" in await index_condition(texts, OTHER, "@example")
    assert "workspace_id" not in await index_condition(texts, filled, ".4321@example")
    assert len(await hits(texts, OTHER, "@example")) == FEW
    assert await hits(texts, OTHER, f".{MANY + 5}@ex") == {MANY + 5}


async def test_rare_fragment_search_finds_the_same_leads_as_a_full_search(texts: Connection, filled: int) -> None:
    """Against the same search that asks the index for all of the pattern."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    rows = await (
        await texts.execute("SELECT workspace_id, text FROM lead_search TABLESAMPLE SYSTEM (20) LIMIT 5000")
    ).fetchall()
    are_rare = 0
    for workspace, text in rng.sample(rows, 60):
        start = rng.randrange(len(text) - 2)
        term = text[start : start + rng.randrange(2, 20)].upper()
        if not term.strip():
            continue
        filters = await resolve_filters(texts, workspace, {"search": term}, {})
        assert filters is not None
        are_rare += any(filters.patterns.values())
        either = " OR ".join(["text LIKE lower(upper(%s))"] * len(filters.patterns))
        plain = await texts.execute(PLAIN.format(either), (workspace, *filters.patterns))
        assert {id_ for (id_,) in await plain.fetchall()} == await hits(texts, workspace, term), term
    assert are_rare > 10


async def hits(connection: Connection, workspace: int, term: str) -> set[int]:
    filters = await asked_for(connection, workspace, term)
    rows = await (await connection.execute(filters.search_query, filters.sql_parameters, prepare=False)).fetchall()
    return {id_ for (id_,) in rows}


async def index_condition(connection: Connection, workspace: int, term: str) -> str:
    """All that the index is asked for."""
    filters = await asked_for(connection, workspace, term)
    await connection.execute("SET enable_seqscan = off")
    explained = await connection.execute(f"EXPLAIN {filters.search_query}", filters.sql_parameters, prepare=False)
    lines = [line for (line,) in await explained.fetchall() if "Index Cond" in line]
    assert lines
    return " ".join(lines)


async def asked_for(connection: Connection, workspace: int, term: str) -> LeadFilters:
    filters = await resolve_filters(connection, workspace, {"search": term}, {})
    assert filters is not None
    return filters
