"""Lists of leads against a plain model: every filter, every sort, pages, walks and totals, whatever is written."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from psycopg.rows import dict_row

from services.workers.read_models import fold_lead_counts, fold_search_texts, repair_read_models
from shared.platform.db.connections import Connection, as_json, connect
from tests.support.ingesting import workspace_id
from tests.support.leadlist import INSERT, Row, expected, page, walk
from tests.support.timing import processor_seconds

pytestmark = pytest.mark.integration

SORTS = ("created_at", "updated_at", "lead_score", "first_name", "last_name", "email")
NAMES = ["bob", "Alice", "alice", None, "", "Émile", "Zoe", "zoë", "Ann Lee", "50%_off", "back\\slash", "李雷"]
START = datetime(2026, 1, 30, 22, 58, 30, tzinfo=UTC)
TAGS = {"VIP": 1, "newsletter": 2, "Ümlaut": 3}
MANY_TAGS = [*range(1001, 1041)]  # more than an index carries
LEADS = 400


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    return random.Random(seed)


@pytest_asyncio.fixture
async def workspace(database: Connection) -> int:
    """With a board, users and tags, whose ids are 1 to 3."""
    id_ = await workspace_id(database)
    for statement in (
        "INSERT INTO pipelines (id, workspace_id, name) OVERRIDING SYSTEM VALUE "
        "SELECT n, %s, n FROM generate_series(101, 103) n",
        "INSERT INTO pipeline_stages (id, workspace_id, pipeline_id, name, position) OVERRIDING SYSTEM VALUE "
        "SELECT n, %s, n, n, 1 FROM generate_series(101, 103) n",
        "INSERT INTO users (id, workspace_id, name, email) OVERRIDING SYSTEM VALUE "
        "SELECT n, %s, n, n FROM generate_series(101, 103) n",
    ):
        await database.execute(statement, (id_,))
    for name, tag_id in TAGS.items():
        await database.execute(
            "INSERT INTO tags (id, workspace_id, name) OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s)", (tag_id, id_, name)
        )
    return id_


def lead(rng: random.Random, workspace: int) -> Row:
    created = START + timedelta(seconds=rng.choice([0, 30, 90, 3600, 86400]) * rng.randrange(4))
    stage = rng.choice([101, 102, 103, None])
    return {
        "workspace_id": workspace,
        "first_name": rng.choice(NAMES),
        "last_name": rng.choice(NAMES),
        "email": rng.choice([None, f"P{rng.randrange(10**6)}@example.com"]),
        "phone": rng.choice([None, f"+1415555{rng.randrange(10**4):04}", "ask Bob"]),
        "source": rng.choice(["website", "facebook", None, "Website"]),
        "status": rng.choice(["new", "new", "new", "lost"]),
        "lead_score": rng.choice([0, 0, 5, -3]),
        "starred": rng.random() < 0.2,
        "pipeline_id": stage,
        "pipeline_stage_id": stage,
        "assigned_user_id": rng.choice([None, None, 101, 102]),
        "tag_ids": [*rng.choice([[], [], [], MANY_TAGS]), *rng.sample([1, 2, 3], rng.choice([0, 0, 1, 2]))],
        "created_at": created,
        "updated_at": created + timedelta(seconds=rng.choice([0, 45, 7200])),
    }


async def fill(database: Connection, rng: random.Random, workspace: int, n: int = LEADS) -> None:
    await database.execute(INSERT, (as_json([lead(rng, workspace) for _ in range(n)]),))


async def settle(database: Connection) -> None:
    while await fold_lead_counts(database) or await fold_search_texts(database):
        pass


async def rows_of(database: Connection, workspace: int) -> list[Row]:
    async with database.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT * FROM leads WHERE workspace_id = %s", (workspace,))
        return await cursor.fetchall()


def queries(rng: random.Random) -> list[dict[str, Any]]:
    """Every filter alone, and many together."""
    alone: dict[str, list[Any]] = {
        "source": ["website", "Website", "none of these"],
        "status": ["new", "lost", "converted"],
        "pipeline_id": [101],
        "stage_id": [102],
        "assigned_user_id": [101, 103],
        "tag": ["vip", "üMLAUT"],
        "starred": [True, False],
        "search": ["ali", "E E", "ann l", "%", "0%_", "k\\s", "P1", "雷", "z", "ask b"],
        "created_after": [START, START + timedelta(seconds=31), START - timedelta(days=9), START + timedelta(days=9)],
        "created_before": [START, START + timedelta(hours=2), START + timedelta(days=2, microseconds=1)],
        "updated_after": [START + timedelta(seconds=44)],
        "updated_before": [START + timedelta(days=1, minutes=2)],
    }
    single = [{name: value} for name, values in alone.items() for value in values]
    mixed = [
        {name: rng.choice(alone[name]) for name in rng.sample(sorted(alone), rng.choice([2, 3, 4]))} for _ in range(40)
    ]
    return [{}, *single, *mixed]


async def test_every_filter_and_sort_is_that_of_the_model(
    database: Connection, workspace: int, rng: random.Random
) -> None:
    await fill(database, rng, workspace)
    await fill(database, rng, await other_workspace(database), 30)
    await settle(database)
    rows = await rows_of(database, workspace)
    for query in queries(rng):
        asked = {**query, "sort": rng.choice(SORTS), "direction": rng.choice(["asc", "desc"])}
        wanted = expected(rows, asked, TAGS)
        assert await pages(database, workspace, asked) == (wanted, len(wanted)), asked
        assert await walk(database, workspace, asked, size=40) == wanted, asked


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("sort", SORTS)
async def test_every_sort_in_both_directions(
    database: Connection, workspace: int, rng: random.Random, sort: str, direction: str
) -> None:
    await fill(database, rng, workspace, 120)
    await settle(database)
    rows = await rows_of(database, workspace)
    for query in ({}, {"source": "website"}, {"starred": True, "status": "new"}, {"search": "a"}):
        asked = {**query, "sort": sort, "direction": direction}
        wanted = expected(rows, asked, TAGS)
        assert await pages(database, workspace, asked) == (wanted, len(wanted)), asked
        assert await walk(database, workspace, asked, size=7) == wanted, asked


async def pages(database: Connection, workspace: int, query: dict[str, Any]) -> tuple[list[int], int]:
    """All pages of a list, and its total."""
    found: list[int] = []
    number = 1
    while True:
        ids, total = await page(database, workspace, query, size=100, number=number)
        found += ids
        if not ids:
            return found, total
        number += 1


async def other_workspace(database: Connection) -> int:
    made = "INSERT INTO workspaces (slug, name) VALUES ('other', 'Other') RETURNING id"
    row = await (await database.execute(made)).fetchone()
    assert row is not None
    return int(row[0])


COUNTED = """
SELECT tag_id, coalesce(source, ''), status, coalesce(pipeline_id, 0), coalesce(pipeline_stage_id, 0),
       coalesce(assigned_user_id, 0), starred, count(*)
FROM leads, LATERAL (SELECT 0 UNION SELECT unnest(tag_ids)) borne (tag_id) GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
TOLD = """
SELECT tag_id, source, status, pipeline_id, pipeline_stage_id, assigned_user_id, starred, sum(n) FROM (
    SELECT tag_id, source, status, pipeline_id, pipeline_stage_id, assigned_user_id, starred, n FROM lead_counts
    UNION ALL
    SELECT borne.tag_id, source, status, pipeline_id, pipeline_stage_id, assigned_user_id, starred, n
    FROM lead_count_deltas, LATERAL (SELECT 0 UNION SELECT unnest(tag_ids)) borne (tag_id)) c
GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(n) <> 0
"""
TAGGED = "SELECT tag_id::text, count(*) FROM leads, unnest(tag_ids) AS tag_id GROUP BY 1"
TAGS_TOLD = """
SELECT value, sum(n) FROM (
    SELECT value, n FROM lead_counts_by_field WHERE field = 'tag_ids'
    UNION ALL SELECT tag_id::text, n FROM lead_count_deltas, unnest(tag_ids) AS tag_id) t GROUP BY 1 HAVING sum(n) <> 0
"""
TIMED = """
SELECT kind, date_bin('5 minutes', t.at, 'epoch'), count(*)
FROM leads, LATERAL (VALUES ('created_at', created_at), ('updated_at', updated_at)) t (kind, at) GROUP BY 1, 2
"""
TIMES_TOLD = """
SELECT kind, at, sum(n) FROM (SELECT kind, at, n FROM lead_counts_by_time WHERE grain = 300
                              UNION ALL SELECT kind, at, n FROM lead_time_deltas) t
GROUP BY 1, 2 HAVING sum(n) <> 0
"""

UPDATED = "SELECT workspace_id, id, updated_at FROM leads"
UPDATES_TOLD = "SELECT workspace_id, id, updated_at FROM lead_updates"


async def told_as_counted(database: Connection) -> bool:
    """Whether all that is told is what there is."""
    pairs = ((COUNTED, TOLD), (TIMED, TIMES_TOLD), (TAGGED, TAGS_TOLD), (UPDATED, UPDATES_TOLD))
    return all([await _all(database, counted) == await _all(database, told) for counted, told in pairs])


async def _all(database: Connection, statement: str) -> set[Any]:
    return set(await (await database.execute(statement)).fetchall())


UPDATE = """
UPDATE leads SET status = %s, tag_ids = %s, first_name = %s, updated_at = clock_timestamp()
WHERE id IN (SELECT id FROM leads WHERE id %% 7 = %s ORDER BY workspace_id, id FOR UPDATE)
"""
DELETE = "DELETE FROM leads WHERE id IN (SELECT id FROM leads WHERE id %% 31 = %s ORDER BY workspace_id, id FOR UPDATE)"


async def write_at_random(url: str, rng: random.Random, workspace: int) -> None:
    """Inserts, updates and deletes many leads at a time, some of them in vain."""
    async with connect(url, "tests") as connection:
        for _ in range(30):
            async with connection.transaction(force_rollback=rng.random() < 0.2):
                await fill(connection, rng, workspace, rng.randrange(20))
                if rng.random() < 0.7:
                    values = (rng.choice(["new", "lost"]), rng.sample([1, 2, 3], 2), rng.choice(NAMES))
                    await connection.execute(UPDATE, (*values, rng.randrange(7)))
                else:
                    await connection.execute(DELETE, (rng.randrange(31),))


async def test_totals_stay_exact_while_many_write(
    database: Connection, database_url: str, workspace: int, rng: random.Random
) -> None:
    writers = asyncio.gather(*[write_at_random(database_url, random.Random(rng.random()), workspace) for _ in range(3)])

    async def fold(url: str) -> None:
        async with connect(url, "tests") as connection:
            while not writers.done():
                await fold_lead_counts(connection)
                await fold_search_texts(connection)

    async def read() -> None:
        while not writers.done():
            async with database.transaction():
                await database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                assert await told_as_counted(database)

    await asyncio.gather(writers, fold(database_url), fold(database_url), read())
    await settle(database)
    assert await told_as_counted(database)
    assert await _all(database, "SELECT count(*) FROM lead_search") == await _all(
        database, "SELECT count(*) FROM leads"
    )
    assert await strays(database) == 0


async def strays(database: Connection) -> int:
    """Texts that are not their lead's, which `repair_read_models` queues and a fold then mends."""
    await repair_read_models(database)
    row = await (
        await database.execute("SELECT coalesce(sum(cardinality(lead_ids)), 0) FROM lead_search_queue")
    ).fetchone()
    assert row is not None
    await settle(database)
    return int(row[0])


@pytest.mark.parametrize(("rows", "leads", "left"), [(1_500, 1, 500), (5, 9_000, 2)])
async def test_a_fold_takes_many_small_changes_or_a_few_large_ones(
    database: Connection, workspace: int, rows: int, leads: int, left: int
) -> None:
    queue = "INSERT INTO lead_search_queue (workspace_id, lead_ids) SELECT %s, ARRAY(SELECT generate_series(1, %s))"
    await database.execute(f"{queue} FROM generate_series(1, %s)", (workspace, leads, rows))
    assert await fold_search_texts(database)
    assert await _all(database, "SELECT count(*) FROM lead_search_queue") == {(left,)}
    assert not await fold_search_texts(database)
    assert await _all(database, "SELECT count(*) FROM lead_search_queue") == {(0,)}


async def test_search_rows_are_repaired(database: Connection, workspace: int, rng: random.Random) -> None:
    await fill(database, rng, workspace, 60)
    await settle(database)
    await database.execute("DELETE FROM lead_search WHERE lead_id % 3 = 0")
    await database.execute("UPDATE lead_search SET text = 'other' WHERE lead_id % 3 = 1")
    await database.execute("INSERT INTO lead_search VALUES (%s, 999999, 'nobody'), (9999, 1, 'nowhere')", (workspace,))
    assert await strays(database) >= 40
    assert await strays(database) == 0


async def test_counts_of_nothing_are_taken_away(database: Connection, workspace: int, rng: random.Random) -> None:
    await fill(database, rng, workspace, 60)
    await settle(database)
    await database.execute("DELETE FROM leads")
    await settle(database)
    await repair_read_models(database)
    for table in ("lead_counts", "lead_counts_by_field", "lead_counts_by_time", "lead_search"):
        assert await _all(database, f"SELECT count(*) FROM {table}") == {(0,)}


async def test_a_phone_is_found_in_any_spelling(database: Connection, workspace: int) -> None:
    leads = [
        {"workspace_id": workspace, "id": 1, "phone": "+14155551234"},
        {"workspace_id": workspace, "id": 2, "phone": "+442079460958", "email": "a5551234@example.com"},
        {"workspace_id": workspace, "id": 3, "phone": "5551 (ask for Jo)"},
    ]
    await database.execute(INSERT, (as_json(leads),))
    await settle(database)
    for term in ("(415) 555-1234", "+1 415 555 1234", "1-415-555-1234", "415.555.1234", "5-12", "+1415", "٤١٥٥"):
        assert await page(database, workspace, {"search": term}) == ([1], 1), term
    for term in ("020 7946 0958", "+44 (0)20 7946 0958", "0044 20 7946 0958", "2079"):
        assert await page(database, workspace, {"search": term}) == ([2], 1), term
    assert await page(database, workspace, {"search": "555-1234"}) == ([1], 1)
    assert await page(database, workspace, {"search": "5551"}) == ([3, 2, 1], 3)
    assert await page(database, workspace, {"search": "ASK FOR"}) == ([3], 1)


async def test_a_filter_that_fits_only_the_other_end_is_met_all_the_same(database: Connection, workspace: int) -> None:
    """The walk is given up, and what fits is gathered."""
    leads = [
        {"workspace_id": workspace, "id": n, "lead_score": n, "source": "old" if n < 2500 else "new"}
        for n in range(1, 9000)
    ]
    await database.execute(INSERT, (as_json(leads),))
    await settle(database)
    asked = {"source": "old", "sort": "lead_score"}
    assert await page(database, workspace, asked, size=5) == ([2499, 2498, 2497, 2496, 2495], 2499)
    for size in (75, 500):  # of small steps the first one is given up as well
        assert await walk(database, workspace, asked, size=size) == list(range(2499, 0, -1))


MANY = """
INSERT INTO lead_count_deltas (workspace_id, tag_ids, source, status, pipeline_id, pipeline_stage_id, assigned_user_id,
                               starred, n)
SELECT %s, '{}', 'web', 'new', 1, 1, 0, false, 1 FROM generate_series(1, 15000)
"""


async def test_a_fold_that_was_planned_for_nothing_is_quick_with_many(database: Connection, workspace: int) -> None:
    """Each compared with each took seconds."""
    await database.execute("ANALYZE")
    for _ in range(8):  # psycopg prepares what it has seen five times
        await fold_lead_counts(database)
    await database.execute(MANY, (workspace,))
    before = processor_seconds(database.info.backend_pid)
    await fold_lead_counts(database)
    assert processor_seconds(database.info.backend_pid) - before < 1
    assert await (await database.execute("SELECT sum(n) FROM lead_counts WHERE tag_id = 0")).fetchone() == (15000,)
