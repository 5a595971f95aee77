"""Leads so large, or a database so slow, that a full batch would take too long."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from services.workers.ingest.journal_reader import MAX_BYTES_READ
from services.workers.libpq_pipeline import open_blocking_connection
from shared.intake.journal import Lane
from shared.leads.apply_batch import CUSTOM_FIELDS_FULL_WARNING, NOTES_FULL_WARNING
from shared.leads.duplicate_policy import MAX_CUSTOM_FIELDS_BYTES, MAX_NOTES_LENGTH
from shared.leads.submission import MAX_LEAD_TAGS
from shared.platform.db.connections import Connection, open_connection
from tests.support.ingesting import accept, drain, item, worker, workspace_id
from tests.support.leads import change
from tests.support.leads import lead as lead_of

pytestmark = pytest.mark.integration

BATCHES = "SELECT count(*), max(n) FROM (SELECT count(*) AS n FROM submissions GROUP BY xmin) batches"
SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.04); RETURN new; END';
CREATE TRIGGER slow BEFORE INSERT ON submissions FOR EACH ROW EXECUTE FUNCTION slow();
"""
CUSTOM = {f"field {number}": "x" * 1000 for number in range(200)}


async def row(connection: Connection, statement: str) -> tuple[Any, ...]:
    [found] = await (await connection.execute(statement.encode())).fetchall()
    return tuple(found)


@pytest.mark.parametrize(("lane", "most"), [(Lane.PROMPT, 500), (Lane.BULK, 100)])
async def test_a_batch_of_an_import_is_small(database: Connection, database_url: str, lane: Lane, most: int) -> None:
    """So that who waits is not behind many of them."""
    workspace = await workspace_id(database)
    for part in range(12):
        await accept(database, [item(workspace, {"email": f"{part}.{n}@example.com"}) for n in range(50)], lane)
    assert await drain(database_url) == 600
    assert (await row(database, BATCHES))[1] == most


async def test_a_batch_is_bounded_by_bytes(database: Connection, database_url: str) -> None:
    workspace = await workspace_id(database)
    for number in range(60):
        large = {"email": f"{number}@example.com", "custom_fields": CUSTOM}
        await accept(database, [item(workspace, large)], Lane.BULK if number % 2 else Lane.PROMPT)
    assert await drain(database_url) == 60
    batches, largest = await row(database, BATCHES)
    assert largest <= MAX_BYTES_READ / 200_000 + 1
    assert batches >= 3


@pytest.mark.parametrize(
    ("lane", "connected"),
    [
        (Lane.WAITED_FOR, open_blocking_connection),
        (Lane.PROMPT, open_connection),
        (Lane.BULK, open_blocking_connection),
    ],
)
async def test_cancelled_batch_is_retried_in_smaller_batches(
    database: Connection, database_url: str, lane: Lane, connected: Callable[[str, str], Awaitable[Connection]]
) -> None:
    """A row of 64 leads takes 2.6 s and is cancelled after 1.2, in which 20 are done."""
    workspace = await workspace_id(database)
    emails = [f"{number}@example.com" for number in range(80)]
    for some in (emails[:64], emails[64:]):
        await accept(database, [item(workspace, {"email": email}) for email in some], lane)
    await database.execute(SLOW)
    (last,) = await row(database, "SELECT max(stored_at) FROM journal")
    drainer, cancelled = worker(database_url, "w0"), 0
    async with await connected(database_url, "tests w0") as connection:
        await connection.execute("SET statement_timeout = '1.2s'")
        while await row(database, "SELECT 1 FROM journal UNION ALL SELECT 0 LIMIT 1") == (1,):
            try:
                await drainer.drain(connection)
            except psycopg.errors.QueryCanceled:
                cancelled += 1
                assert (await row(database, "SELECT max(stored_at) FROM journal"))[0] <= last
    assert 1 <= cancelled <= 4
    assert await row(database, "SELECT count(*), count(DISTINCT lead_id) FROM submissions") == (80, 80)


def longest() -> str:
    """A text of the greatest length, of characters that take four bytes and do not repeat, so that none is saved."""
    return "".join(chr(random.randrange(0x20000, 0x2A6D0)) for _ in range(255))


async def test_a_lead_of_the_longest_texts_bears_many_tags_and_then_no_more(
    database: Connection, database_url: str
) -> None:
    workspace = await workspace_id(database)
    person = {"email": f"{'a' * 60}@{'b' * 60}.{'c' * 60}.example.com", "first_name": longest(), "last_name": longest()}
    person |= {"source": longest(), "company": longest(), "job_title": longest()}
    for part in range(0, MAX_LEAD_TAGS + 50, 50):
        tags = [f"tag {number}" for number in range(part, part + 50)]
        await accept(database, [item(workspace, {**person, "tags": tags, "notes": f"from {part}"})])
        assert await drain(database_url) == 1
    found, states = await row(database, "SELECT max(lead_id), array_agg(DISTINCT state) FROM submissions")
    assert states == ["done"]
    lead = await lead_of(database, workspace, found)
    assert len(lead["tags"]) == MAX_LEAD_TAGS
    assert lead["notes"].endswith(f"from {MAX_LEAD_TAGS}")
    (warning,) = (await row(database, "SELECT warnings FROM submissions ORDER BY received_at DESC LIMIT 1"))[0]
    assert warning == f"tags: the lead would bear over 1,000; left out: {', '.join(tags[:10])} and 40 more."

    (refusal,) = await change(database, workspace, found, add_tags=["one more"])
    assert list(refusal.errors) == ["tag"]
    assert await change(database, workspace, found, add_tags=["Tag 7"]) == []  # which it bears already
    assert await change(database, workspace, found, remove_tags=["tag 7"]) == []
    assert await change(database, workspace, found, add_tags=["one more"]) == []


async def test_new_lead_has_the_same_tag_limit_as_any_other(database: Connection, database_url: str) -> None:
    """A form may name any number at once."""
    workspace = await workspace_id(database)
    tags = [f"tag {number}" for number in range(MAX_LEAD_TAGS + 500)]
    await accept(database, [item(workspace, {"email": "a@example.com", "tags": tags})])
    assert await drain(database_url) == 1
    assert (await row(database, "SELECT cardinality(tag_ids) FROM leads"))[0] == MAX_LEAD_TAGS
    assert await row(database, "SELECT count(*) FROM tags") == (MAX_LEAD_TAGS,)
    (warnings,) = await row(database, "SELECT warnings FROM submissions")
    assert warnings[0].endswith("tag 1008, tag 1009 and 490 more.")


async def test_a_lead_that_bears_too_many_tags_gets_no_more(database: Connection, database_url: str) -> None:
    workspace = await workspace_id(database)
    await accept(database, [item(workspace, {"email": "a@example.com"})])
    await drain(database_url)
    await database.execute(
        "UPDATE leads SET tag_ids = array(SELECT generate_series(1000, 1000 + %s))", (MAX_LEAD_TAGS,)
    )
    await accept(database, [item(workspace, {"email": "a@example.com", "tags": ["x", "y", "z"]})])
    await drain(database_url)
    assert await row(database, "SELECT cardinality(tag_ids) FROM leads") == (MAX_LEAD_TAGS + 1,)


@pytest.mark.parametrize(
    ("first", "more", "warning"),
    [
        ({"notes": "a" * (MAX_NOTES_LENGTH - 5)}, {"notes": "abcd"}, NOTES_FULL_WARNING),
        (
            {"custom_fields": {"a": "a" * (MAX_CUSTOM_FIELDS_BYTES - 20)}},
            {"custom_fields": {"b": "b" * 20}},
            CUSTOM_FIELDS_FULL_WARNING,
        ),
    ],
)
async def test_values_beyond_a_leads_limits_stay_on_the_submission(
    database: Connection, database_url: str, first: dict[str, Any], more: dict[str, Any], warning: str
) -> None:
    workspace = await workspace_id(database)
    for body in (first, {**more, "company": "Acme"}):
        await accept(database, [item(workspace, {"email": "a@example.com", **body})])
        await drain(database_url)
    lead_id, warnings, payload = await row(
        database,
        "SELECT lead_id, warnings, convert_from(payload, 'UTF8')::json FROM submissions WHERE is_duplicate",
    )
    lead = await lead_of(database, workspace, lead_id)
    assert {name: lead[name] for name in first} == first
    assert (lead["company"], warnings) == ("Acme", [warning])
    assert {name: payload[name] for name in more} == more


async def test_decided_submissions_are_durable_without_waiting_callers(database: Connection, database_url: str) -> None:
    """It is to be read at once, and a crash must not decide it again under another id."""
    workspace = await workspace_id(database)
    for number in range(10):
        await accept(database, [item(workspace, {"email": f"{number}@example.com"})])
        (before,) = await row(database, "SELECT pg_current_wal_insert_lsn()")
        assert await drain(database_url) == 1
        assert await row(database, f"SELECT pg_current_wal_flush_lsn() > '{before}'") == (True,)
