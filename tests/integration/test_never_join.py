"""Contacts by which nobody is recognised: they stay on leads, claim nothing, and what is together stays together."""

import pytest

from shared.leads.edit import ChangeCause
from shared.leads.ingest_simulation import simulate_ingest
from shared.leads.submission import AcceptedSubmission
from shared.leads.writes import create_lead
from shared.people.person_scope import find_person
from shared.platform.db.connections import Connection
from tests.support.ingesting import Lead, accept, drain, item, workspace_id
from tests.support.likeness import add_lead, find_pairs

pytestmark = pytest.mark.integration

LISTED = ["info@", "desk@firm.example", "+4722004000"]
# Each with the people that its contacts tell apart.
SENT: list[tuple[str, Lead]] = [
    ("ann", {"email": "info@one.example", "phone": "+4791000001", "first_name": "Ann"}),
    ("bob", {"email": "INFO@one.example", "phone": "+4791000002", "first_name": "Bob"}),
    ("ann", {"email": "ann@one.example", "phone": "+4791000001"}),
    ("no one 1", {"email": "info@one.example", "first_name": "Cid"}),
    ("no one 2", {"email": "info@one.example", "first_name": "Cid"}),
    ("dan", {"email": "dan@firm.example", "phone": "+47 22 00 40 00", "first_name": "Dan"}),
    ("eve", {"email": "eve@firm.example", "phone": "22004000 ext. 7", "first_name": "Eve"}),
    ("dan", {"email": "dan@firm.example"}),
    ("no one 3", {"email": "desk@firm.example", "phone": "22 00 40 00", "first_name": "Fay"}),
    ("bob", {"email": "desk@firm.example", "phone": "91 00 00 02"}),
    ("gus", {"email": "information@one.example", "first_name": "Gus"}),
    ("gus", {"email": "information@one.example"}),
]
DECIDED = """
SELECT s.lead_id, convert_from(s.payload, 'UTF8')::json ->> 'custom_fields' FROM submissions s ORDER BY s.received_at
"""


async def list_contacts(database: Connection, entries: list[str]) -> None:
    await database.execute("UPDATE workspaces SET never_join = %s, country = 'NO'", (entries,))


async def identities(database: Connection) -> set[str]:
    return {row[0] for row in await (await database.execute("SELECT value FROM identities")).fetchall()}


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize("size", [1, 2, 5, 12])
async def test_listed_contacts_join_nobody_however_batches_are_cut(
    database_url: str, database: Connection, size: int, careful: bool
) -> None:
    await list_contacts(database, LISTED)
    workspace = await workspace_id(database)
    items = [item(workspace, {**lead, "custom_fields": {"who": who}}) for who, lead in SENT]
    for start in range(0, len(items), size):
        await accept(database, items[start : start + size])
    assert await drain(database_url, careful=careful) == len(items)
    rows = await (await database.execute(DECIDED)).fetchall()
    assert len({lead for lead, _ in rows}) == len({who for _, who in rows}) == len(set(rows)) == 8
    assert await identities(database) == {
        *("ann@one.example", "dan@firm.example", "eve@firm.example", "information@one.example"),
        *("+4791000001", "+4791000002"),
    }
    kept = await (await database.execute("SELECT email, phone FROM leads WHERE first_name = 'Fay'")).fetchall()
    assert kept == [("desk@firm.example", "+4722004000")]


async def test_what_is_together_stays_together(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)

    async def come(name: str) -> int:
        await accept(database, [item(workspace, {"email": "info@one.example", "first_name": name})])
        await drain(database_url)
        newest = "SELECT lead_id FROM submissions ORDER BY processed_at DESC LIMIT 1"
        row = await (await database.execute(newest)).fetchone()
        assert row is not None
        return int(row[0])

    first = await come("Ann")
    assert await come("Bob") == first
    await list_contacts(database, ["info@"])
    apart = {await come("Cid"), await come("Dan")}
    assert len(apart) == 2
    assert first not in apart
    assert await identities(database) == {"info@one.example"}
    await list_contacts(database, [])
    assert await come("Eve") == first


async def test_edits_dry_runs_and_erasures_know_the_list(database_url: str, database: Connection) -> None:
    await list_contacts(database, LISTED)
    workspace = await workspace_id(database)
    for name in ("Ann", "Bob"):
        fields = {"first_name": name, "email": "info@one.example", "phone": "22 00 40 00"}
        async with database.transaction():
            await create_lead(database, workspace, fields, ChangeCause("key", None))
    assert await identities(database) == set()
    sent = AcceptedSubmission("", 0, workspace, "inbound", None, None, {"email": "info@one.example"}, None, "", 0, 0)
    assert (await simulate_ingest(database, sent))["is_duplicate"] is False
    row = await (await database.execute("SELECT min(id) FROM leads")).fetchone()
    assert row is not None
    person = await find_person(database, workspace, row[0])
    assert person is not None
    assert person.identities == []


async def test_listed_contacts_are_no_evidence_of_likeness(database: Connection) -> None:
    workspace = await workspace_id(database)

    async def reasons(domain: str, name: str) -> set[str]:
        leads = [
            await add_lead(database, workspace, first_name=name, last_name="Vallombre", email=f"info@{top}.{domain}")
            for top in ("www", "shop")
        ]
        pairs = await find_pairs(database, workspace, lead_id=leads[0], min_score=0.0)
        return {reason["field"] for pair in pairs if pair["lead_ids"] == leads for reason in pair["reasons"]}

    assert "email" in await reasons("one.example", "Yves")
    await list_contacts(database, ["info@"])
    assert "email" not in await reasons("two.example", "Zora")
