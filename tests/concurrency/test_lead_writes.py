"""Operators, automations and sources at once on the same people: no deadlock reaches a caller, every contact belongs to
exactly one lead, and every change has its entry."""

import asyncio
import random

import pytest

from services.workers.ingest.batch import select_rows
from shared.intake.journal import Lane
from shared.leads import writes
from shared.leads.writes import LeadChange, LeadNotCreated
from shared.platform.db.connections import Connection, connect
from tests.support.ingesting import accept, drain, item, worker, workspace_id
from tests.support.leads import BY, Record, change, create, identities, rows, until_uncontended
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

WRITERS = 8

CONSISTENT = """
SELECT (SELECT count(*) FROM identities i LEFT JOIN leads l USING (workspace_id) WHERE l.id IS NULL),
       (SELECT count(*) FROM identities WHERE lead_id NOT IN (SELECT id FROM leads)),
       (SELECT count(*) FROM possible_duplicates WHERE lead_id NOT IN (SELECT id FROM leads)
                                                    OR other_id NOT IN (SELECT id FROM leads)),
       (SELECT count(*) FROM activities) - (SELECT count(*) FROM events)
"""
# Without sources every contact of a lead is one of its identities.
UNHELD = """
SELECT count(*) FROM leads l CROSS JOIN LATERAL (VALUES ('email', l.email), ('phone', l.phone)) c (kind, value)
WHERE c.value IS NOT NULL AND NOT EXISTS (
    SELECT FROM identities i WHERE i.workspace_id = l.workspace_id AND i.kind = c.kind AND i.value = c.value
                               AND i.lead_id = l.id)
"""


class Writer:
    """Writes at random: few contacts and tags, so that everybody is in everybody's way."""

    def __init__(self, url: str, workspace: int, leads: list[int], seed: int) -> None:
        self.url, self.workspace, self.leads = url, workspace, leads
        self.draw = random.Random(seed)
        self.entries = self.refused = 0

    def fields(self) -> Record:
        draw = self.draw
        choices = {
            "email": draw.choice([None, *(f"p{n}@example.com" for n in range(12))]),
            "phone": draw.choice([None, *(f"+1415555{n:04}" for n in range(12))]),
            "tags": draw.sample(["a", "B", "b", "C", "d"], 3),
            "notes": f"{draw.random()}",
        }
        return {name: choices[name] for name in draw.sample(list(choices), draw.randint(1, 4))}

    async def run(self, rounds: int) -> None:
        for _ in range(rounds):
            await self.draw.choices([self.create, self.change, self.delete], [1, 6, 1])[0]()

    async def create(self) -> None:
        fields = self.fields()
        try:
            lead = await until_uncontended(self.url, lambda c: writes.create_lead(c, self.workspace, fields, BY))
        except LeadNotCreated as refused:
            self.refused += bool(refused.holders)
        else:
            self.leads.append(lead)
            self.entries += 1

    async def change(self) -> None:
        chosen = self.draw.sample(self.leads, min(3, len(self.leads)))
        changes = [
            LeadChange(self.workspace, lead, cause=BY, set_fields=self.fields(), add_tags=["x"], add_score=1)
            for lead in chosen
        ]
        refusals = await until_uncontended(self.url, lambda c: writes.change_leads(c, changes))
        self.refused += len(refusals)
        self.entries += len(changes) - len(refusals)  # the score makes each of them change something

    async def delete(self) -> None:
        lead = self.draw.choice(self.leads)
        self.entries += await until_uncontended(self.url, lambda c: writes.delete_lead(c, self.workspace, lead, BY))


async def test_times_of_a_lead_are_in_the_order_of_what_happened(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    lead = await create(database, workspace, first_name="Ada")
    async with connect(database_url, "tests") as late, late.transaction():
        await late.execute("SELECT now()")  # it began before what is first at the lead
        await change(database, workspace, lead, set_fields={"company": "First"})
        await writes.change_leads(late, [LeadChange(workspace, lead, cause=BY, set_fields={"company": "Second"})])
    for table, column in (("activities", "created_at"), ("events", "occurred_at")):
        times = [time for (time,) in await rows(database, f"SELECT {column} FROM {table} ORDER BY id")]
        assert len(times) == 3
        assert times == sorted(times), table


async def some_leads(database: Connection, workspace: int) -> list[int]:
    return [await create(database, workspace, first_name=f"Lead {number}") for number in range(12)]


@pytest.mark.parametrize("seed", range(3))
async def test_eight_writers_in_each_others_way(database_url: str, database: Connection, seed: int) -> None:
    workspace = await workspace_id(database)
    leads = await some_leads(database, workspace)
    writers = [Writer(database_url, workspace, leads, seed * 100 + number) for number in range(WRITERS)]
    await asyncio.gather(*[writer.run(20) for writer in writers])
    assert await rows(database, CONSISTENT) == [(0,) * 4]
    assert await rows(database, UNHELD) == [(0,)]
    # Whatever a lead was called before, it is called no more: nothing was learnt from a source here.
    assert await rows(database, "SELECT count(*) FROM identities") == await rows(
        database, "SELECT count(email) + count(phone) FROM leads"
    )
    entries = sum(writer.entries for writer in writers)
    assert await rows(database, "SELECT count(*) FROM activities") == [(entries + 12,)]
    assert sum(writer.refused for writer in writers)
    assert await rows(database, "SELECT count(DISTINCT lower(name)) = count(*) FROM tags") == [(True,)]


@pytest.mark.parametrize("seed", range(2))
async def test_writers_and_sources_at_once(database_url: str, database: Connection, seed: int) -> None:
    workspace = await workspace_id(database)
    leads = await some_leads(database, workspace)
    writers = [Writer(database_url, workspace, leads, seed * 100 + number) for number in range(4)]
    for _ in range(40):
        sent = [{name: value for name, value in writers[0].fields().items() if value} for _ in range(10)]
        await accept(database, [item(workspace, {"email": "p0@example.com", **lead}) for lead in sent])
    ids = [row[0] for row in await rows(database, "SELECT id FROM journal ORDER BY id")]

    async def take(number: int) -> None:
        async with connect(database_url, "tests") as connection:
            for row_id in ids[number::3]:
                # Past the choice of rows, which would let the first worker take them all.
                await worker(database_url, f"w{number}")._until_uncontended(
                    connection, select_rows(Lane.PROMPT, [row_id])
                )

    await asyncio.gather(*map(take, range(3)), *[writer.run(15) for writer in writers])
    assert await rows(database, CONSISTENT) == [(0,) * 4]
    assert await rows(database, "SELECT count(*) FROM submissions WHERE state = 'done'") == [(400,)]


WAITS = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
DUPLICATES = "SELECT lead_id, is_duplicate FROM submissions WHERE channel = 'inbound' ORDER BY received_at, id"


async def test_a_phone_that_passes_on_while_a_source_waits_for_its_lead_is_the_heirs(
    database_url: str, database: Connection
) -> None:
    """The source has claimed the new email already, and finds the phone's new owner in a second round."""
    workspace = await workspace_id(database)
    phone = "+14155550100"
    first = await create(database, workspace, first_name="First", phone=phone)
    heir = await create(database, workspace, first_name="Heir", email="heir@example.com")
    await accept(database, [item(workspace, {"email": "heir@example.com", "phone": phone})])
    await drain(database_url)
    async with connect(database_url, "tests deletes") as other:
        async with other.transaction():
            await leads_lock(other, workspace, first)
            await accept(database, [item(workspace, {"email": "new@example.com", "phone": phone})])
            source = asyncio.create_task(drain(database_url))
            await until_async(lambda: waits(database))
            assert await writes.delete_lead(other, workspace, first, BY)
        await source
    assert await rows(database, DUPLICATES) == [(heir, True), (heir, True)]
    assert await identities(database, heir) == {"heir@example.com", "new@example.com", phone}


async def test_a_contact_that_is_replaced_while_who_sends_it_waits_is_held_again(
    database_url: str, database: Connection
) -> None:
    """It was the lead's own when it was claimed, and nobody's when the lead was free."""
    workspace = await workspace_id(database)
    anna = await create(database, workspace, first_name="Anna", email="old@example.com")
    again = [LeadChange(workspace, anna, cause=BY, set_fields={"email": "old@example.com", "company": "Acme"})]
    async with connect(database_url, "tests replaces") as other, other.transaction():
        await leads_lock(other, workspace, anna)
        sending = asyncio.create_task(until_uncontended(database_url, lambda c: writes.change_leads(c, again)))
        await until_async(lambda: waits(database))
        await writes.change_leads(
            other, [LeadChange(workspace, anna, cause=BY, set_fields={"email": "new@example.com"})]
        )
    assert await sending == []
    assert await identities(database, anna) == {"old@example.com"}
    assert await rows(database, "SELECT email, company FROM leads") == [("old@example.com", "Acme")]


async def leads_lock(connection: Connection, workspace: int, lead: int) -> None:
    await connection.execute("SELECT FROM leads WHERE workspace_id = %s AND id = %s FOR UPDATE", (workspace, lead))


async def waits(connection: Connection) -> bool:
    return bool(await rows(connection, WAITS))


async def test_email_created_eight_times_in_parallel_is_one_lead(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    for number in range(5):
        fields = {"first_name": "Anna", "email": f"anna{number}@example.com"}

        told = await asyncio.gather(
            *[
                until_uncontended(database_url, lambda c, sent=fields: writes.create_lead(c, workspace, sent, BY))
                for _ in range(WRITERS)
            ],
            return_exceptions=True,
        )
        (winner,) = [lead for lead in told if isinstance(lead, int)]
        losers = [refused for refused in told if isinstance(refused, LeadNotCreated)]
        assert [refused.holders for refused in losers] == [{"email": winner}] * (WRITERS - 1)
    assert await rows(database, "SELECT count(*), count(DISTINCT email) FROM leads") == [(5, 5)]
