"""Repeats of idempotency keys, sorted out of a batch."""

import orjson
import pytest

from services.workers.ingest.idempotency import partition_repeats
from shared.accounting import ledger
from shared.intake import journal
from shared.intake.journal import JournalItem, Lane, NewJournalRow
from shared.intake.verdicts import KEY_REUSED_WARNING
from shared.leads.submission import AcceptedSubmission, decode_submission
from shared.platform.db.connections import Connection
from shared.platform.ids import now_ms, received_time, uuid7
from tests.support.ingesting import Lead, accept, drain, item, workspace_id
from tests.support.jobs import run_job

pytestmark = pytest.mark.integration

FIRST: Lead = {"email": "first@example.com"}
OTHER: Lead = {"email": "other@example.com"}


def submission(workspace: int, lead: Lead) -> AcceptedSubmission:
    return decode_submission(orjson.loads(orjson.dumps(item(workspace, lead, "key").to_document())), "nobody", 0)


async def test_in_batch_repeats_are_compared_with_the_first_use_of_the_key(
    database: Connection, database_url: str
) -> None:
    workspace = await workspace_id(database)
    await accept(database, [item(workspace, FIRST, "key")])
    await drain(database_url)
    batch = [submission(workspace, lead) for lead in (OTHER, FIRST, OTHER)]
    async with database.transaction():
        sorted_out = await partition_repeats(database, batch, check_known=False)
    assert (sorted_out.fresh, sorted_out.in_batch_repeats) == ([], [])
    verdicts = {id(one): verdict for one, verdict in zip(sorted_out.dropped, sorted_out.verdicts, strict=True)}
    told = [verdict and (verdict.state, verdict.replayed) for verdict in (verdicts[id(one)] for one in batch)]
    assert told == [("conflict", False), ("done", True), ("conflict", False)]


CLAIM = """
INSERT INTO submission_keys (workspace_id, id, received_at, body_hash)
VALUES (%s, %s, to_timestamp(%s / 1000.0), decode(%s, 'hex'))
"""


@pytest.mark.parametrize("repeats_first", [True, False])
async def test_a_first_use_without_a_verdict_counts_wherever_it_stands_in_a_batch(
    database: Connection, database_url: str, repeats_first: bool
) -> None:
    """Such as a lead that was fetched for a notice which its provider sends again meanwhile."""
    workspace = await workspace_id(database)
    first = item(workspace, FIRST, "key")
    await database.execute(CLAIM, (workspace, first.id, first.received_at, first.body_hash))
    common = (workspace, first.channel, None, first.body, None, first.body_hash)
    repeats = [JournalItem(first.id, first.received_at + after, *common) for after in (5, 9)]
    returned = NewJournalRow.from_items(Lane.PROMPT, [first], gateway="")
    if repeats_first:
        await accept(database, repeats)
        await journal.append_row(database, returned)
    else:
        await journal.append_row(database, returned)
        await accept(database, repeats)
    await drain(database_url)
    assert [row[:2] for row in await found(database)] == [("done", FIRST["email"])]
    counts = await (await database.execute("SELECT count(*) FROM leads")).fetchone()
    assert counts == (1,)


REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON leads FOR EACH ROW WHEN (NEW.email = 'first@example.com')
EXECUTE FUNCTION refuse();
"""
BURY = """
INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, attempts)
VALUES (%s, %s, %s, 'dead', 'inbound', '{}', 5)
"""
DUE = "UPDATE journal SET due_at = now()"
FOUND = "SELECT state, convert_from(payload, 'UTF8')::json->>'email', attempts FROM submissions"


async def found(connection: Connection) -> list[tuple[object, ...]]:
    return await (await connection.execute(FOUND)).fetchall()


async def attempts(connection: Connection) -> list[int]:
    """Of what waits in the journal, each once."""
    rows = await (await connection.execute("SELECT attempts FROM journal ORDER BY attempts")).fetchall()
    return [row[0] for row in rows]


@pytest.mark.parametrize("together", [True, False])
async def test_a_submission_that_is_tried_again_keeps_its_key_until_it_is_decided(
    database: Connection, database_url: str, together: bool
) -> None:
    workspace = await workspace_id(database)
    await database.execute(REFUSE)
    # Of one birth: what is tried again is the same submission, with the time at which it came.
    first, repeats = item(workspace, FIRST, "key"), [item(workspace, lead, "key") for lead in (OTHER, FIRST)]
    await accept(database, [first, *(repeats if together else ())])
    await drain(database_url)
    assert await attempts(database) == [1]
    while await attempts(database):
        await accept(database, repeats)  # before its next attempt, in which the worker meets them first
        await drain(database_url)
        assert await found(database) == []
        await database.execute(DUE)
        await drain(database_url)
    assert await found(database) == [("dead", FIRST["email"], 5)]

    assert (await run_job(database, workspace, "replay", filters={"ids": [first.id]}))["done"] == 1
    await accept(database, repeats)
    await drain(database_url)
    assert await found(database) == []  # it fails again
    await database.execute("DROP FUNCTION refuse CASCADE")
    await accept(database, repeats)
    await database.execute(DUE)
    await drain(database_url)
    assert [row[:2] for row in await found(database)] == [("done", FIRST["email"])]
    counts = await (await database.execute("SELECT count(*) FROM leads")).fetchone()
    assert counts == (1,)
    state = await ledger.read_ledger(database, None)
    assert (state["accepted"], state["done"], state["pending"], state["dead"]) == (1, 1, 0, 0)


LEAD = "SELECT notes, cardinality(tag_ids) FROM leads"
ENTRIES = "SELECT count(*) FROM activities WHERE type = 'lead.duplicate'"
ADDED: Lead = {**FIRST, "notes": "added", "tags": ["new"]}


@pytest.mark.parametrize("key", ["key", None])
@pytest.mark.parametrize("where", ["in a row", "in a batch", "later"])
async def test_notes_of_a_submission_that_comes_twice_are_added_once(
    database: Connection, database_url: str, key: str | None, where: str
) -> None:
    """Sent again under its key, or stored again without one."""
    workspace = await workspace_id(database)
    await accept(database, [item(workspace, {**FIRST, "notes": "old"})])
    await drain(database_url)
    first, other = item(workspace, ADDED, key), item(workspace, {**FIRST, "notes": "other"})
    again = item(workspace, ADDED, key) if key else first
    again.received_at += 5 if key else 0  # what is sent again comes at another time
    for part in ([first, again, other],) if where == "in a row" else ([first], [again, other]):
        await accept(database, part)
        if where == "later":
            await drain(database_url)
    await drain(database_url)
    assert await (await database.execute(LEAD)).fetchall() == [("old\n\nadded\n\nother", 1)]
    assert await (await database.execute(ENTRIES)).fetchone() == (2,)
    state = await ledger.read_ledger(database, None)
    assert (state["accepted"], state["done"], state["pending"]) == (3, 3, 0)


@pytest.mark.parametrize("together", [True, False])
async def test_a_key_that_comes_again_and_again_with_another_body_is_noted_once(
    database: Connection, database_url: str, together: bool
) -> None:
    workspace = await workspace_id(database)
    items = [item(workspace, lead, "key") for lead in (FIRST, OTHER, OTHER)]
    for part in [items] if together else [[one] for one in items]:
        await accept(database, part)
        await drain(database_url)
    warnings = await (await database.execute("SELECT warnings FROM submissions")).fetchall()
    assert warnings == [([KEY_REUSED_WARNING],)]


async def test_replays_go_in_the_order_in_which_they_came(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of duplicates the first one fills what is empty, however many transactions it takes to put them back."""
    monkeypatch.setattr("services.workers.jobs.job_engine.JOB_CHUNK_SIZE", 2)
    workspace, now = await workspace_id(database), now_ms()
    came = [uuid7(now + number) for number in range(5)]
    for id_ in (came[3], came[0], came[4], came[1], came[2]):
        await database.execute(BURY, (workspace, id_, received_time(id_)))
    assert (await run_job(database, workspace, "replay"))["done"] == 5
    put_back = await (await database.execute("SELECT ids FROM journal ORDER BY id")).fetchall()
    assert [str(id_) for (ids,) in put_back for id_ in ids] == came
