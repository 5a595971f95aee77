"""Merges and their undoing among sources and operators, all at once on the same people: nothing deadlocks, is lost or
is left behind, and in the end each merge that stands can be undone."""

import asyncio
import contextlib
import random

import pytest

from services.workers.ingest.batch import select_rows
from shared.intake.journal import Lane
from shared.leads import writes
from shared.leads.writes import LeadChange, LeadNotCreated
from shared.merging.lead_merges import MergeConflict, merge_leads
from shared.merging.lead_unmerge import unmerge_lead
from shared.platform.db.connections import Connection, connect
from shared.platform.errors import Conflict, NotFound, ValidationFailed
from tests.support.ingesting import accept, item, worker, workspace_id
from tests.support.leads import BY, create, rows, until_uncontended

pytestmark = pytest.mark.integration

ROUNDS = 15
CONSISTENT = """
SELECT (SELECT count(*) FROM identities WHERE lead_id NOT IN (SELECT id FROM leads)),
       (SELECT count(*) FROM possible_duplicates WHERE lead_id NOT IN (SELECT id FROM leads)
                                                    OR other_id NOT IN (SELECT id FROM leads)),
       (SELECT count(*) FROM lead_redirects WHERE winner_id NOT IN (SELECT id FROM leads)
                                               OR lead_id IN (SELECT id FROM leads)),
       (SELECT count(*) FROM submissions s WHERE lead_id NOT IN (SELECT id FROM leads) AND NOT EXISTS (
           SELECT FROM activities a WHERE a.lead_id = s.lead_id AND a.type = 'lead.deleted')),
       (SELECT count(*) FROM lead_merges m WHERE undone_at IS NULL AND NOT EXISTS (
           SELECT FROM lead_redirects r WHERE r.lead_id = m.loser_id))
"""
MERGED = "SELECT id, winner_id FROM lead_merges WHERE undone_at IS NULL ORDER BY id DESC"


class MergingWriter:
    """Merges, unmerges, edits and deletes at random."""

    def __init__(self, url: str, workspace: int, leads: list[int], seed: int) -> None:
        self.url, self.workspace, self.leads, self.draw = url, workspace, leads, random.Random(seed)
        self.merged = self.undone = 0

    async def run(self) -> None:
        acts = [self.merge, self.unmerge, self.edit, self.create, self.delete]
        for _ in range(ROUNDS):
            with contextlib.suppress(Conflict, NotFound, ValidationFailed, LeadNotCreated):  # somebody was faster
                await self.draw.choices(acts, [5, 6, 3, 3, 1])[0]()

    async def merge(self) -> None:
        winner, loser = self.draw.sample(self.leads, 2)
        await until_uncontended(self.url, lambda c: merge_leads(c, self.workspace, winner, loser, BY))
        self.merged += 1

    async def unmerge(self) -> None:
        async with connect(self.url, "tests") as connection:
            standing = await rows(connection, MERGED)
        if standing:
            merge_id, winner = self.draw.choice(standing)
            await until_uncontended(self.url, lambda c: unmerge_lead(c, self.workspace, winner, merge_id, BY))
            self.undone += 1

    async def edit(self) -> None:
        fields = {"phone": f"+1415555{self.draw.randrange(6):04}", "notes": f"{self.draw.random()}"}
        change = LeadChange(self.workspace, self.draw.choice(self.leads), cause=BY, set_fields=fields)
        await until_uncontended(self.url, lambda c: writes.change_leads(c, [change]))

    async def create(self) -> None:
        fields = {"first_name": "New", "email": f"p{self.draw.randrange(30)}@example.com"}
        self.leads.append(
            await until_uncontended(self.url, lambda c: writes.create_lead(c, self.workspace, fields, BY))
        )

    async def delete(self) -> None:
        lead = self.draw.choice(self.leads)
        await until_uncontended(self.url, lambda c: writes.delete_lead(c, self.workspace, lead, BY))


async def test_merges_among_sources_and_operators(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    leads = [
        await create(database, workspace, first_name=f"L{n}", email=f"p{n}@example.com", phone=f"+1415555{n:04}")
        for n in range(12)
    ]
    writers = [MergingWriter(database_url, workspace, leads, number) for number in range(5)]
    draw = random.Random(7)
    for _ in range(30):
        sent = [
            {"email": f"p{draw.randrange(12)}@example.com", "phone": f"+1415555{draw.randrange(9):04}"} for _ in "123"
        ]
        await accept(database, [item(workspace, lead) for lead in sent])
    ids = [row[0] for row in await rows(database, "SELECT id FROM journal ORDER BY id")]

    async def take(number: int) -> None:
        async with connect(database_url, "tests") as connection:
            for row_id in ids[number::2]:
                await worker(database_url, f"w{number}")._until_uncontended(
                    connection, select_rows(Lane.PROMPT, [row_id])
                )

    await asyncio.gather(*map(take, range(2)), *[writer.run() for writer in writers])
    assert await rows(database, CONSISTENT) == [(0,) * 5]
    assert await rows(database, "SELECT count(*), count(lead_id) FROM submissions WHERE state = 'done'") == [(90, 90)]
    assert sum(writer.merged for writer in writers) > 5
    assert sum(writer.undone for writer in writers) > 0
    await undo_all(database_url, database, workspace)


async def undo_all(database_url: str, database: Connection, workspace: int) -> None:
    """From the newest on each merge can be undone, but where a contact has passed on to another."""
    for merge_id, winner in await rows(database, MERGED):
        try:
            await until_uncontended(database_url, lambda c, m=merge_id, w=winner: unmerge_lead(c, workspace, w, m, BY))
        except MergeConflict as refused:
            assert "belongs to lead" in str(refused) or "was merged into" in str(refused)  # noqa: PT017
    assert await rows(database, CONSISTENT) == [(0,) * 5]
