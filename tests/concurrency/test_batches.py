"""Batches that name the same people, in any order, by several workers at once: no deadlock reaches a caller, the rule
"the email's lead wins, else the phone's" holds for every submission, and a second run changes nothing."""

import asyncio
import random
from typing import Any

import pytest

from services.workers.ingest.batch import select_rows
from services.workers.ingest.drain import JournalDrainer
from shared.intake.journal import JournalItem, Lane
from shared.platform.db.connections import Connection, connect
from tests.support.ingesting import Lead, accept, drain, item, worker, workspace_id

pytestmark = pytest.mark.integration

WORKERS = 4

# Whose the identities named by a submission are in the end. Identities never move, so the rule can be seen afterwards.
OWNERS = """
SELECT s.id::text, s.lead_id, s.is_duplicate, s.state, e.lead_id AS of_email, p.lead_id AS of_phone
FROM submissions s
CROSS JOIN LATERAL (SELECT convert_from(s.payload, 'UTF8')::json AS body) sent
LEFT JOIN identities e ON e.workspace_id = s.workspace_id AND e.kind = 'email' AND e.value = lower(body->>'email')
LEFT JOIN identities p ON p.workspace_id = s.workspace_id AND p.kind = 'phone' AND p.value = body->>'phone'
"""
SUMMARY = """
SELECT (SELECT count(*) FROM leads), (SELECT count(*) FROM identities), (SELECT count(*) FROM submissions),
       (SELECT count(*) FROM activities), (SELECT count(*) FROM events), (SELECT count(*) FROM tags),
       (SELECT count(*) FROM possible_duplicates), (SELECT count(*) FROM journal),
       (SELECT sum(n) FROM ledger_deltas WHERE state = 'accepted'),
       (SELECT sum(n) FROM ledger_deltas WHERE state = 'done'),
       (SELECT md5(string_agg(l::text, ',' ORDER BY id)) FROM leads l)
"""


def crossing_leads(seed: int, n: int, people: int) -> list[Lead]:
    """Leads whose emails and phones are drawn apart, so that they cross; some know only one of the two."""
    draw = random.Random(seed)
    leads = []
    for number in range(n):
        lead: Lead = {"first_name": f"Lead {number}", "tags": draw.sample(["Hot", "hot", "A", "b", "B", "c"], 3)}
        kind = draw.random()
        if kind < 0.8:
            email = f"person.{draw.randrange(people)}@example.com"
            lead["email"] = draw.choice((email, email.upper()))
        if kind > 0.3:
            lead["phone"] = f"+1415{2_000_000 + draw.randrange(people)}"
        leads.append(lead)
    return leads


async def accept_all(
    connection: Connection, leads: list[Lead], rows: int, seed: int, lane: Lane = Lane.PROMPT
) -> list[list[JournalItem]]:
    """Spread over so many journal rows."""
    workspace = await workspace_id(connection)
    items = [item(workspace, lead) for lead in leads]
    random.Random(seed).shuffle(items)
    batches = [items[start::rows] for start in range(rows)]
    for batch in batches:
        await accept(connection, batch, lane)
    return batches


async def assert_rule(connection: Connection, n: int) -> None:
    """The email's lead takes a submission, else the phone's; both known and different are noted as a pair."""
    rows = await (await connection.execute(OWNERS)).fetchall()
    assert len(rows) == n
    assert {row[3] for row in rows} == {"done"}
    pairs = set(await (await connection.execute("SELECT lead_id, other_id FROM possible_duplicates")).fetchall())
    for submission, lead, _, _, of_email, of_phone in rows:
        assert lead == (of_email or of_phone), submission
        if of_email and of_phone and of_email != of_phone:
            assert {(of_email, of_phone), (of_phone, of_email)} <= pairs, submission
    leads = {row[0] for row in await (await connection.execute("SELECT id FROM leads")).fetchall()}
    assert {row[1] for row in rows} == leads
    assert sorted(row[1] for row in rows if not row[2]) == sorted(leads)  # each new exactly once
    dangling = "SELECT count(*) FROM identities WHERE lead_id NOT IN (SELECT id FROM leads)"
    assert await (await connection.execute(dangling)).fetchone() == (0,)
    assert {pair for pair in pairs if pair[0] == pair[1]} == set()


async def summary(connection: Connection) -> tuple[Any, ...]:
    return await (await connection.execute(SUMMARY)).fetchone() or ()


@pytest.mark.parametrize("seed", range(6))
async def test_overlapping_batches_by_four_workers(database_url: str, database: Connection, seed: int) -> None:
    """Each worker takes rows of its own in an order of its own, so that all of them overlap."""
    n, rows = 600, 24
    await accept_all(database, crossing_leads(seed, n, people=120), rows, seed)
    ids = [row[0] for row in await (await database.execute("SELECT id FROM journal ORDER BY id")).fetchall()]
    random.Random(seed).shuffle(ids)

    async def take(number: int) -> None:
        drainer: JournalDrainer = worker(database_url, f"w{number}")
        async with connect(database_url, f"tests w{number}") as connection:
            for row_id in ids[number::WORKERS]:
                # Past the choice of rows, which would let the first worker take them all.
                await drainer._until_uncontended(connection, select_rows(Lane.PROMPT, [row_id]))

    await asyncio.gather(*[take(number) for number in range(WORKERS)])
    await assert_rule(database, n)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("lane", [Lane.WAITED_FOR, Lane.PROMPT])
async def test_workers_that_choose_for_themselves(
    database_url: str, database: Connection, lane: Lane, careful: bool, seed: int
) -> None:
    n = 1500
    await accept_all(database, crossing_leads(100 + seed, n, people=200), rows=60, seed=seed, lane=lane)
    await drain(database_url, WORKERS, careful=careful)
    await drain(database_url, careful=careful)  # what a worker passed over since another had it in hand
    await assert_rule(database, n)


async def test_a_second_run_changes_nothing(database_url: str, database: Connection) -> None:
    """The same rows again: alone, in twos, and mixed with new ones."""
    batches = await accept_all(database, crossing_leads(7, 200, people=60), rows=5, seed=7)
    await drain(database_url)
    before = await summary(database)
    for batch in batches:
        await accept(database, batch)
    await accept(database, batches[0] + batches[1])
    await drain(database_url)
    assert await summary(database) == before
    new = item(await workspace_id(database), {"email": "new@example.com"})
    await accept(database, [*batches[2], new, *batches[3]])
    await drain(database_url)
    after = await summary(database)
    assert (after[0], after[2], after[9]) == (before[0] + 1, before[2] + 1, before[9] + 1)
    await assert_rule(database, 201)


async def test_the_same_rows_at_the_same_moment(database_url: str, database: Connection) -> None:
    """A flush that was stored twice, in the journal and by way of the spool, and both taken at once."""
    for seed in range(5):
        workspace = await workspace_id(database)
        items = [item(workspace, lead) for lead in crossing_leads(seed, 100, people=500)]
        await asyncio.gather(*[accept_elsewhere(database_url, items) for _ in range(WORKERS)])
        ids = [row[0] for row in await (await database.execute("SELECT id FROM journal")).fetchall()]

        async def take(row_id: int) -> None:
            async with connect(database_url, "tests") as connection:
                drainer = worker(database_url, f"w{row_id}")
                await drainer._until_uncontended(connection, select_rows(Lane.PROMPT, [row_id]))

        await asyncio.gather(*[take(row_id) for row_id in ids])
        found = await summary(database)
        submissions, activities, waiting, accepted, done = (found[column] for column in (2, 3, 7, 8, 9))
        assert (submissions, activities, accepted, done) == (100 * (seed + 1),) * 4
        assert waiting == 0


async def accept_elsewhere(url: str, items: list[JournalItem]) -> None:
    async with connect(url, "tests") as connection:
        await accept(connection, items)


async def test_idempotency_key_holds_across_four_workers(database_url: str, database: Connection) -> None:
    """Each key twenty times over four rows, in an order of each row's own."""
    workspace, keys = await workspace_id(database), range(25)
    for seed in range(WORKERS):
        items = [
            item(workspace, {"email": f"key{key}@example.com"}, key=f"key {key}") for key in keys for _ in range(5)
        ]
        random.Random(seed).shuffle(items)
        await accept(database, items)
    ids = [row[0] for row in await (await database.execute("SELECT id FROM journal")).fetchall()]

    async def take(row_id: int) -> None:
        async with connect(database_url, "tests") as connection:
            await worker(database_url, f"w{row_id}")._until_uncontended(connection, select_rows(Lane.PROMPT, [row_id]))

    await asyncio.gather(*[take(row_id) for row_id in ids])
    found = await summary(database)
    assert (found[0], found[2], found[3], found[8], found[9]) == (25,) * 5


async def test_a_worker_that_was_waited_for_looks_again(
    database_url: str, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes within its moment of wakefulness needs no message."""
    monkeypatch.setattr("services.workers.ingest.drain.AWAKE_SECONDS", 1.0)  # longer than a busy machine's pauses
    workspace = await workspace_id(database)
    await accept(database, [item(workspace, {"email": "first@example.com"})], Lane.WAITED_FOR)
    draining = asyncio.create_task(drain(database_url))
    done = "SELECT count(*) FROM submissions"
    while (await (await database.execute(done)).fetchone()) == (0,):
        assert not draining.done()
    await accept(database, [item(workspace, {"email": "second@example.com"})], Lane.WAITED_FOR)
    assert await draining == 2


async def test_no_lane_starves_another(database_url: str, database: Connection) -> None:
    """Every fourth batch is the lowest lane's, however much somebody waits for."""
    workspace = await workspace_id(database)
    for number in range(200):
        await accept(database, [item(workspace, {"email": f"waited{number}@example.com"})], Lane.WAITED_FOR)
    await accept(database, [item(workspace, {"email": "prompt@example.com"})], Lane.PROMPT)
    drainer, steps = worker(database_url, "w"), []
    async with connect(database_url, "tests") as connection:
        while "prompt" not in steps:
            await drainer._ingest_next(connection, 0)
            found = "SELECT count(*) FROM identities WHERE value = 'prompt@example.com'"
            steps.append("prompt" if await (await database.execute(found)).fetchone() == (1,) else "waited")
    assert len(steps) <= 4


async def test_a_changed_country_counts_from_the_next_batch(database_url: str, database: Connection) -> None:
    """A worker goes by what it knows of a workspace, and finds out in time that it is no longer so."""
    workspace = await workspace_id(database)
    drainer = worker(database_url, "w")
    async with connect(database_url, "tests") as connection:
        for number, country in enumerate(("US", "DE", "FR")):
            await database.execute("UPDATE workspaces SET country = %s", (country,))
            lead = {"email": f"{country}@example.com", "phone": "0151 234567 89"}
            await accept(database, [item(workspace, lead)], Lane.WAITED_FOR)
            await drainer.drain(connection)
            assert await (await database.execute("SELECT count(*) FROM leads")).fetchone() == (number + 1,)
    rows = await (await database.execute("SELECT phone FROM leads ORDER BY id")).fetchall()
    assert [str(row[0]).startswith("+49151") for row in rows] == [False, True, False]
