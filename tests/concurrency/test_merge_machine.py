"""Random interleavings of ingest, merge, unmerge, edit and delete on the same few people, against real PostgreSQL."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from shared.leads import writes
from shared.leads.lead_records import read_leads
from shared.leads.lead_redirects import find_winner, merged_ids
from shared.leads.writes import LeadChange
from shared.merging.lead_merges import MergeConflict, MergeRefused, merge_leads
from shared.merging.lead_unmerge import unmerge_lead
from shared.platform.db.connections import Connection, connect
from shared.platform.errors import NotFound
from tests.support.database import Databases
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.leads import BY, Record, rows

pytestmark = pytest.mark.integration

STEPS = 14

EMAILS = st.sampled_from([f"p{number}@example.com" for number in range(4)])
PHONES = st.sampled_from([None, *(f"+1415555010{number}" for number in range(3))])
COMPANIES = st.sampled_from([None, "Acme", "Globex"])
PICK = st.integers(0, 7)
KEPT = ("workspaces", "rule_versions", "alembic_version", "pipelines", "pipeline_stages")

CONSISTENT = """
SELECT (SELECT count(*) FROM identities WHERE lead_id NOT IN (SELECT id FROM leads)),
       (SELECT count(*) FROM possible_duplicates WHERE lead_id NOT IN (SELECT id FROM leads)
                                                    OR other_id NOT IN (SELECT id FROM leads)),
       (SELECT count(*) FROM possible_duplicates p WHERE NOT EXISTS (
           SELECT FROM possible_duplicates q WHERE (q.lead_id, q.other_id) = (p.other_id, p.lead_id))),
       (SELECT count(*) FROM lead_redirects WHERE winner_id NOT IN (SELECT id FROM leads)
                                               OR lead_id IN (SELECT id FROM leads)),
       (SELECT count(*) FROM lead_merges m WHERE undone_at IS NULL AND NOT EXISTS (
           SELECT FROM lead_redirects r WHERE r.lead_id = m.loser_id)),
       (SELECT count(*) FROM leads l WHERE email IS NOT NULL AND NOT EXISTS (
           SELECT FROM identities i WHERE (i.kind, i.value, i.lead_id) = ('email', l.email, l.id)))
"""
DONE = "SELECT coalesce(sum(n), 0)::int FROM ledger_deltas WHERE state = 'done'"
COUNTED = "SELECT coalesce(sum(n), 0)::int FROM lead_count_deltas"


class MergingMachine(RuleBasedStateMachine):
    """Everything happens to the same few people. `before` holds the leads as a merge found them."""

    url = ""
    loop: asyncio.AbstractEventLoop
    connection: Connection

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[int] = set()
        self.deleted: set[int] = set()
        self.accepted = 0
        self.before: dict[int, tuple[Record, Record]] = {}  # by merge; dropped as soon as anything touches either
        self.workspace: int = self.do(workspace_id)
        self.do(empty_tables)

    def do(self, work: Any) -> Any:
        """Run `work(connection)` in a transaction."""

        async def run() -> Any:
            async with self.connection.transaction():
                return await work(self.connection)

        return self.loop.run_until_complete(run())

    def pick(self, number: int) -> int:
        """One of all ids that were ever given, or one that never was."""
        known = sorted(self.ids)
        return known[number % len(known)] if known else 2**40

    def around(self, *leads: int) -> set[int]:
        """The leads that answer for the ids, and those that are noted as their possible duplicates."""

        async def find(connection: Connection) -> set[int]:
            found = {await find_winner(connection, self.workspace, lead) or lead for lead in leads}
            noted = "SELECT other_id FROM possible_duplicates WHERE lead_id = ANY(%s)"
            return found | {row[0] for row in await rows(connection, noted, list(found))}

        found: set[int] = self.do(find)
        return found

    def forget_touched(self, touched: set[int]) -> None:
        """Whoever was touched since a merge need not be as before it when it is undone."""
        for id_, pair in list(self.before.items()):
            if touched & {record["id"] for record in pair}:
                del self.before[id_]

    @rule(email=EMAILS, phone=PHONES, company=COMPANIES)
    def ingest(self, email: str, phone: str | None, company: str | None) -> None:
        sent = {"email": email, "company": company, **({"phone": phone} if phone else {})}
        self.do(lambda c: accept(c, [item(self.workspace, sent)]))
        self.accepted += 1
        self.loop.run_until_complete(drain(self.url))
        newest = "SELECT lead_id FROM submissions ORDER BY processed_at DESC LIMIT 1"
        ((lead,),) = self.do(lambda c: rows(c, newest))
        self.ids.add(lead)
        self.forget_touched(self.around(lead))

    @rule(first=PICK, second=PICK, theirs=st.booleans())
    def merge(self, first: int, second: int, theirs: bool) -> None:
        winner, loser = self.pick(first), self.pick(second)
        choices: Any = {"company": "theirs"} if theirs else {}

        async def work(connection: Connection) -> tuple[int, tuple[Record, Record]]:
            ids = [await find_winner(connection, self.workspace, each) or each for each in (winner, loser)]
            found = await read_leads(connection, [(self.workspace, each) for each in ids])
            merge_id = await merge_leads(connection, self.workspace, winner, loser, BY, choices)
            return merge_id, (found[self.workspace, ids[0]], found[self.workspace, ids[1]])

        try:
            touched = self.around(winner, loser)
            merge_id, pair = self.do(work)
        except (MergeRefused, NotFound):
            return
        self.forget_touched(touched | self.around(winner))
        self.before[merge_id] = pair

    @rule(number=PICK)
    def unmerge(self, number: int) -> None:
        merges = self.do(lambda c: rows(c, "SELECT id, winner_id, loser_id, undone_at FROM lead_merges ORDER BY id"))
        if not merges:
            return
        merge_id, winner, loser, undone_at = merges[number % len(merges)]
        try:
            undone = self.do(lambda c: unmerge_lead(c, self.workspace, winner, merge_id, BY))
        except MergeConflict:  # undone already, the winner was merged since, or a contact belongs to another by now
            return
        assert undone_at is None
        assert (undone.winner_id, undone.restored_id) == (winner, loser)
        pair = self.before.pop(merge_id, None)
        found = self.do(lambda c: read_leads(c, [(self.workspace, winner), (self.workspace, loser)]))
        if pair:
            assert [stable(found[self.workspace, record["id"]]) for record in pair] == [stable(each) for each in pair]
        self.forget_touched(self.around(winner, loser))

    @rule(number=PICK, email=EMAILS, phone=PHONES, company=COMPANIES)
    def edit(self, number: int, email: str, phone: str | None, company: str | None) -> None:
        fields = {"email": email, "phone": phone, "company": company}
        lead = self.pick(number)
        touched = self.around(lead)
        change = LeadChange(self.workspace, lead, cause=BY, set_fields=fields)
        self.do(lambda c: writes.change_leads(c, [change]))
        self.forget_touched(touched | self.around(lead))

    @rule(number=PICK)
    def delete(self, number: int) -> None:
        lead = self.pick(number)
        winner = self.do(lambda c: find_winner(c, self.workspace, lead)) or lead
        touched = self.around(lead)
        merged = set(self.do(lambda c: merged_ids(c, self.workspace, winner)))
        if self.do(lambda c: writes.delete_lead(c, self.workspace, lead, BY)):
            self.deleted |= {winner, *merged}
        self.forget_touched(touched)

    @invariant()
    def everything_adds_up(self) -> None:
        async def check(connection: Connection) -> None:
            assert await rows(connection, CONSISTENT) == [(0,) * 6]
            there = {row[0] for row in await rows(connection, "SELECT id FROM leads")}
            for lead in self.ids:
                answering = lead if lead in there else await find_winner(connection, self.workspace, lead)
                assert (answering in there) != (lead in self.deleted), lead
            done = await rows(connection, "SELECT count(*), count(lead_id) FROM submissions WHERE state = 'done'")
            assert done == [(self.accepted, self.accepted)]
            owners = await rows(connection, "SELECT DISTINCT lead_id FROM submissions")
            assert {row[0] for row in owners} <= there | self.deleted
            for counted, expected in ((DONE, self.accepted), (COUNTED, len(there))):
                assert await rows(connection, counted) == [(expected,)], counted

        self.do(check)


async def empty_tables(connection: Connection) -> None:
    """Delete what an example left behind; what triggers write of it, too."""
    found = await rows(
        connection,
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition "
        "AND relnamespace = 'public'::regnamespace AND relname <> ALL(%s) ORDER BY relname = 'leads' DESC",
        list(KEPT),
    )
    await connection.execute(";".join(f"DELETE FROM {table}" for (table,) in found))


def stable(lead: Record) -> Record:
    """What an undone merge gives back. Likeness orders its notes by their time."""
    return {name: value for name, value in lead.items() if name != "updated_at"}


def test_whatever_happens_to_the_same_people_adds_up(databases: Databases) -> None:
    with databases.clone() as url, asyncio.Runner() as runner:
        connecting = connect(url, "tests")
        connection = runner.run(connecting.__aenter__())
        parts = {"url": url, "loop": runner.get_loop(), "connection": connection}
        few = settings(
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        )
        try:
            run_state_machine_as_test(type("Merging", (MergingMachine,), parts), settings=few)
        finally:
            runner.run(connecting.__aexit__(None, None, None))
