"""Submissions that come out of turn: late ones, replayed ones, and those beside a bad one."""

from itertools import islice
from random import Random
from typing import Any

import orjson
import pytest
import pytest_asyncio

from demo.spread_times import spread_times
from services.workers.ingest.drain import JournalDrainer
from services.workers.processes.heartbeat import Heartbeat
from shared.accounting import ledger
from shared.intake.journal import JournalItem, Lane
from shared.intake.replay import ReplayOptions, find_reference, replay_submissions
from shared.leads.submission import SOURCE_KEY
from shared.operations.histogram import percentile
from shared.platform.db.connections import Connection, connect
from shared.platform.ids import now_ms, uuid7
from tests.support.ingesting import accept, drain, item, read_test_key, worker, workspace_id
from tests.support.jobs import AUTHOR
from tests.support.leads import rows

pytestmark = pytest.mark.integration

REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON leads FOR EACH ROW WHEN (NEW.email = 'bad@example.com')
EXECUTE FUNCTION refuse();
"""


@pytest_asyncio.fixture
async def workspace(database: Connection) -> int:
    return await workspace_id(database)


@pytest.mark.parametrize(
    ("came", "kept"),
    [
        ([(0, "Old"), (30, "New"), (10, "Late"), (20, "Later")], "New"),
        ([(0, "Now"), (30, "Now"), (10, "Late")], "Now"),
        ([(0, "Old"), (10, "One"), (10, "Other of that moment")], "Other of that moment"),
    ],
)
async def test_a_late_submission_overwrites_nothing_newer(
    database_url: str, database: Connection, workspace: int, came: list[tuple[int, str]], kept: str
) -> None:
    await database.execute("UPDATE workspaces SET merge_policy = 'overwrite'")
    start = now_ms()
    for after, company in came:
        body = orjson.dumps({"email": "a@example.com", "company": company})
        at = start + after
        await accept(database, [JournalItem(uuid7(at), at, workspace, "inbound", None, body)])
        await drain(database_url)
    assert await rows(database, "SELECT company FROM leads") == [(kept,)]


CUTS = pytest.mark.parametrize("size", [1, 2, 3, 100])  # submissions in a batch


async def ingest_in_batches(
    database_url: str, database: Connection, workspace: int, size: int, sent: list[tuple[int, dict[str, Any]]]
) -> None:
    """Ingest bodies that were received at those times, as batches of that size."""
    left = iter(sent)
    while batch := list(islice(left, size)):
        items = [JournalItem(uuid7(at), at, workspace, "inbound", None, orjson.dumps(body)) for at, body in batch]
        await accept(database, items)
        await drain(database_url)


@CUTS
async def test_newest_submission_counts_even_where_it_changes_nothing(
    database_url: str, database: Connection, workspace: int, size: int
) -> None:
    start = now_ms()
    came = [
        (0, "Now", "overwrite"),
        (30, "Now", "fill_empty"),
        (10, "Late", "overwrite"),
        (40, "Kept", "keep"),
        (35, "Late too", "overwrite"),
    ]
    sent = [
        (start + after, {"email": "a@example.com", "company": company, SOURCE_KEY: {"policy": policy}})
        for after, company, policy in came
    ]
    await ingest_in_batches(database_url, database, workspace, size, sent)
    assert await rows(database, "SELECT company FROM leads") == [("Now",)]
    assert await rows(database, "SELECT updated_at = created_at FROM leads") == [(True,)], "nothing has changed"


@CUTS
async def test_origins_of_one_millisecond_count_in_their_order(
    database_url: str, database: Connection, workspace: int, size: int
) -> None:
    at = now_ms()
    sent = [
        (at, {"email": "a@example.com", SOURCE_KEY: {"attribution": {"platform": f"platform {number}"}}})
        for number in range(5)
    ]
    await ingest_in_batches(database_url, database, workspace, size, sent)
    ends = "SELECT first->>'platform', last->>'platform' FROM lead_attributions"
    assert await rows(database, ends) == [("platform 0", "platform 4")]


@CUTS
async def test_new_tags_are_spelt_as_their_first_submission_spells_them(
    database_url: str, database: Connection, workspace: int, size: int
) -> None:
    spellings = [f"{kind} {number}" for number in range(8) for kind in ("Fresh", "FRESH", "fresh")]
    sent = [(now_ms(), {"email": f"{n}@example.com", "tags": [tag]}) for n, tag in enumerate(spellings)]
    await ingest_in_batches(database_url, database, workspace, size, sent)
    assert await rows(database, "SELECT name FROM tags ORDER BY 1") == [(f"Fresh {number}",) for number in range(8)]


async def test_replayed_one_of_the_demo_is_found_under_its_id(
    database_url: str, database: Connection, workspace: int
) -> None:
    """The demo moves submissions into the past; the journal, through which a replay goes, knows milliseconds."""
    keyed = [item(workspace, {"email": f"{n}@example.com"}, f"key {n}") for n in range(3)]
    await accept(database, keyed)
    await drain(database_url)
    async with database.transaction():
        await spread_times(database, workspace, Random("test"))
    uneven = "SELECT count(*) FROM submissions WHERE received_at <> date_trunc('milliseconds', received_at)"
    assert await rows(database, uneven) == [(0,)]
    await _replay_all(database_url, database, workspace)


async def test_replay_of_one_with_a_finer_time_takes_its_key_along(
    database_url: str, database: Connection, workspace: int
) -> None:
    await accept(database, [item(workspace, {"email": "a@example.com"}, "a key")])
    await drain(database_url)
    for table in ("submissions", "submission_keys"):
        await database.execute(f"UPDATE {table} SET received_at = received_at + interval '617 us'".encode())
    await _replay_all(database_url, database, workspace)


async def test_time_to_a_verdict_counts_from_the_replay(
    database_url: str, database: Connection, workspace: int
) -> None:
    yesterday = now_ms() - 86_400_000
    late = JournalItem(uuid7(yesterday), yesterday, workspace, "inbound", None, b'{"email": "a@example.com"}')
    await accept(database, [late])
    await drain(database_url)
    heartbeat = Heartbeat("worker", "w1", database_url)
    await _replay_all(database_url, database, workspace, heartbeat)
    figures = heartbeat.statistics.take_figures()
    assert figures
    for durations in (figures.decided[workspace].verdict, figures.lanes[0, "bulk"].waiting):
        slowest = percentile(durations, 1)
        assert slowest is not None
        assert slowest < 3_600_000


async def _replay_all(
    database_url: str, database: Connection, workspace: int, heartbeat: Heartbeat | None = None
) -> None:
    """Replay everything as dead letters, and find each of them under its id afterwards."""
    await database.execute("UPDATE submissions SET state = 'dead'")
    ids = [row[0] for row in await rows(database, "SELECT id FROM submissions")]
    for id_ in ids:
        found = await find_reference(database, workspace, id_)
        assert found
        await replay_submissions(database, workspace, [found.reference], ReplayOptions("dead", AUTHOR))
    heartbeat = heartbeat or Heartbeat("worker", "w1", database_url)
    drainer = JournalDrainer(heartbeat, lambda: None, lambda: False, read_key=read_test_key)
    async with connect(database_url, "tests") as connection:
        await drainer.drain(connection)
    states = [await find_reference(database, workspace, id_) for id_ in ids]
    assert [found and found.state for found in states] == ["done"] * len(ids)


async def test_a_first_in_bulk_is_not_overtaken_by_its_repeat(
    database_url: str, database: Connection, workspace: int
) -> None:
    first, again = (item(workspace, {"email": f"{name}@example.com"}, "a key") for name in ("first", "second"))
    await accept(database, [first], Lane.BULK)
    await accept(database, [again], Lane.PROMPT)
    await drain(database_url)
    await drain(database_url)
    assert await rows(database, "SELECT email FROM leads") == [("first@example.com",)]


async def test_a_first_that_took_workers_down_is_not_taken_along_by_its_repeat(
    database_url: str, database: Connection, workspace: int
) -> None:
    first, again = (item(workspace, {"email": f"{name}@example.com"}, "a key") for name in ("first", "second"))
    await accept(database, [first], Lane.BULK)
    await database.execute("UPDATE journal SET attempts = 2")
    await accept(database, [again], Lane.PROMPT)
    await drain(database_url)
    assert await rows(database, "SELECT email FROM leads") == [("second@example.com",)]


async def test_a_country_that_changed_holds_for_a_lead_with_a_new_tag(
    database_url: str, database: Connection, workspace: int
) -> None:
    """The worker looks the workspace up anew for the tag, when it has read the phone already."""
    drainer = worker(database_url, "w1")
    async with connect(database_url, "tests") as connection:
        await accept(database, [item(workspace, {"email": "a@example.com"})])
        await drainer.drain(connection)
        await database.execute("UPDATE workspaces SET country = 'DE'")
        body = {"email": "b@example.com", "phone": "0171 2345679", "tags": ["fresh"]}
        await accept(database, [item(workspace, body)])
        await drainer.drain(connection)
    assert await rows(database, "SELECT phone FROM leads WHERE email = 'b@example.com'") == [("+491712345679",)]


async def test_beside_a_bad_one_others_are_warned_once_and_repeats_dropped(
    database_url: str, database: Connection, workspace: int
) -> None:
    await database.execute(REFUSE)
    known = item(workspace, {"email": "known@example.com"})
    await accept(database, [known])
    await drain(database_url)
    odd = [item(workspace, {"email": f"{n}@example.com", "status": "odd"}) for n in range(6)]
    await accept(database, [*odd, item(workspace, {"email": "bad@example.com"}), known])
    await drain(database_url)
    await database.execute("DROP FUNCTION refuse CASCADE")
    warned = "SELECT DISTINCT cardinality(warnings) FROM submissions WHERE warnings IS NOT NULL"
    assert await rows(database, warned) == [(1,)]
    state = await ledger.read_ledger(database, None)
    assert (state["accepted"], state["done"], state["pending"]) == (8, 7, 1)


@pytest.mark.parametrize("lane", [Lane.WAITED_FOR, Lane.PROMPT, Lane.BULK])
@pytest.mark.parametrize("suspects", [1, 30])
async def test_rows_behind_a_suspect_are_ingested_in_the_same_drain(
    database_url: str, database: Connection, workspace: int, lane: Lane, suspects: int
) -> None:
    """Suspects go one by one, and none ends the turn of the others."""
    for n in range(30):
        await accept(database, [item(workspace, {"email": f"{n}@example.com"})], lane)
    suspected = "UPDATE journal SET attempts = 2 WHERE id IN (SELECT id FROM journal ORDER BY id LIMIT %s)"
    await database.execute(suspected, (suspects,))
    careful = lane is Lane.WAITED_FOR  # who is not leaves suspects there alone
    assert await drain(database_url, careful=careful) == 30
    assert await rows(database, "SELECT count(*) FROM journal") == [(0,)]
