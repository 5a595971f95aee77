"""Merging two leads and undoing it, in the test's own process."""

from typing import Any

import pytest

from shared.leads import writes
from shared.leads.lead_redirects import find_winner
from shared.merging.lead_merges import MergeConflict, MergeRefused, merge_leads
from shared.merging.lead_unmerge import Unmerged, unmerge_lead
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.leads import BY, Record, change, create, edit, identities, lead, rows

pytestmark = pytest.mark.integration

ADA = {"first_name": "Ada", "email": "ada@example.com", "phone": "+14155550101", "tags": ["a"], "notes": "met in May"}
ADELE = {
    "first_name": "Adele",
    "email": "adele@example.com",
    "company": "Analytical Engines",
    "tags": ["a", "b"],
    "notes": "calls on Mondays",
    "custom_fields": {"budget": 1000.25, "city": "London"},
}


async def merge(database: Connection, workspace: int, winner: int, loser: int, **choices: Any) -> int:
    async with database.transaction():
        return await merge_leads(database, workspace, winner, loser, BY, choices)


async def unmerge(database: Connection, workspace: int, lead_id: int, merge_id: int) -> Unmerged:
    async with database.transaction():
        return await unmerge_lead(database, workspace, lead_id, merge_id, BY)


def stable(record: Record) -> Record:
    return {name: value for name, value in record.items() if name != "updated_at"}


async def test_what_was_merged_comes_apart_again(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    ada, adele = await create(database, workspace, **ADA), await create(database, workspace, **ADELE)
    await accept(database, [item(workspace, {"email": "adele@example.com", "phone": "+14155550102"})])
    await drain(database_url)
    before = [await lead(database, workspace, each) for each in (ada, adele)]

    merge_id = await merge(database, workspace, ada, adele)
    merged = await lead(database, workspace, ada)
    assert merged["company"] == "Analytical Engines"
    assert merged["email"] == "ada@example.com"
    assert merged["tags"] == ["a", "b"]
    assert merged["notes"] == "met in May\n\ncalls on Mondays"
    assert merged["custom_fields"] == ADELE["custom_fields"]
    assert await identities(database, ada) == {"ada@example.com", "adele@example.com", "+14155550101", "+14155550102"}
    assert await rows(database, "SELECT lead_id FROM submissions") == [(ada,)]
    assert await find_winner(database, workspace, adele) == ada
    assert await rows(database, "SELECT count(*) FROM leads") == [(1,)]

    assert (await unmerge(database, workspace, ada, merge_id)).kept == {}
    after = [await lead(database, workspace, each) for each in (ada, adele)]
    assert [stable(each) for each in after] == [stable(each) for each in before]
    assert await identities(database, adele) == {"adele@example.com", "+14155550102"}
    assert await rows(database, "SELECT lead_id FROM submissions") == [(adele,)]
    assert await find_winner(database, workspace, adele) is None
    told = await rows(database, "SELECT type FROM activities WHERE lead_id = %s ORDER BY id", adele)
    assert told == [("lead.created",), ("lead.duplicate",), ("lead.merged",), ("lead.unmerged",)]
    assert await rows(database, "SELECT loser, cardinality(activity_ids) FROM lead_merges") == [({}, 0)]


async def test_what_came_since_stays_with_the_winner(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    ada, adele = await create(database, workspace, **ADA), await create(database, workspace, **ADELE)
    merge_id = await merge(database, workspace, ada, adele, first_name="theirs")
    await accept(database, [item(workspace, {"email": "adele@example.com", "phone": "+14155550103"})])
    await drain(database_url)
    assert await change(database, workspace, adele, set_fields={"company": "Acme"}) == []  # leads to the winner
    undone = await unmerge(database, workspace, adele, merge_id)
    assert undone == Unmerged(ada, adele, {"company": "edited since"})
    winner, restored = [await lead(database, workspace, each) for each in (ada, adele)]
    assert (winner["company"], restored["company"]) == ("Acme", "Analytical Engines")
    assert (winner["first_name"], winner["tags"], winner["notes"]) == ("Ada", ["a"], "met in May")
    assert await identities(database, ada) == {"ada@example.com", "+14155550101", "+14155550103"}
    assert await rows(database, "SELECT lead_id FROM submissions") == [(ada,)]


async def test_chains_come_apart_in_any_order_that_makes_sense(database: Connection) -> None:
    workspace = await workspace_id(database)
    a, b, c, d = [await create(database, workspace, first_name=name, company=name) for name in "ABCD"]
    before = [stable(await lead(database, workspace, each)) for each in (a, b, c, d)]
    first = await merge(database, workspace, a, b, company="theirs")
    second = await merge(database, workspace, a, c, company="theirs")
    third = await merge(database, workspace, d, b)  # B stands for A
    assert [await find_winner(database, workspace, each) for each in (a, b, c)] == [d, d, d]
    with pytest.raises(MergeRefused, match="invalid"):
        await merge(database, workspace, d, c)
    with pytest.raises(MergeConflict, match=f"Lead {a} was merged into lead {d} since. Undo merge {third} first."):
        await unmerge(database, workspace, d, first)
    await unmerge(database, workspace, d, third)
    assert [await find_winner(database, workspace, each) for each in (a, b, c)] == [None, a, a]
    assert (await unmerge(database, workspace, a, first)).kept == {"company": "another merge took it"}
    assert (await lead(database, workspace, a))["company"] == "C"
    with pytest.raises(MergeConflict, match="undone already"):
        await unmerge(database, workspace, a, first)
    await unmerge(database, workspace, a, second)
    assert [stable(await lead(database, workspace, each)) for each in (a, b, c, d)] == before


async def test_an_undo_that_cannot_be_is_refused_with_its_reason(database: Connection) -> None:
    workspace = await workspace_id(database)
    ada, adele = await create(database, workspace, **ADA), await create(database, workspace, **ADELE)
    merge_id = await merge(database, workspace, ada, adele, email="theirs")
    await edit(database, workspace, ada, email="new@example.com")
    holder = await create(database, workspace, first_name="Eve", email="adele@example.com")
    with pytest.raises(MergeConflict, match=f"The email of lead {adele} belongs to lead {holder} by now"):
        await unmerge(database, workspace, ada, merge_id)
    with pytest.raises(MergeRefused):
        await unmerge(database, workspace, holder, merge_id)
    await change(database, workspace, holder, set_fields={"email": None})
    assert (await unmerge(database, workspace, ada, merge_id)).kept == {"email": "edited since"}
    assert await identities(database, adele) == {"adele@example.com"}
    assert await identities(database, ada) == {"ada@example.com", "new@example.com", "+14155550101"}


async def test_deleting_the_winner_ends_its_merges(database: Connection) -> None:
    workspace = await workspace_id(database)
    ada, adele, eve = [await create(database, workspace, first_name=name) for name in ("Ada", "Adele", "Eve")]
    await merge(database, workspace, adele, eve)
    await merge(database, workspace, ada, adele)
    async with database.transaction():
        assert await writes.delete_lead(database, workspace, eve, BY)  # the person behind the id goes
    assert await rows(database, "SELECT count(*) FROM leads") == [(0,)]
    assert await rows(database, "SELECT count(*) FROM lead_merges") == [(0,)]
    assert [await find_winner(database, workspace, each) for each in (adele, eve)] == [None, None]
    with pytest.raises(NotFound):
        await merge(database, workspace, ada, adele)


async def test_possible_duplicates_move_and_come_back(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    ada, adele = await create(database, workspace, **ADA), await create(database, workspace, **ADELE)
    third = await create(database, workspace, first_name="Third", email="third@example.com")
    await accept(database, [item(workspace, {"email": "third@example.com", "phone": "+14155550101"})])
    await drain(database_url)  # the third shows the phone that Ada holds
    pairs = "SELECT lead_id, other_id FROM possible_duplicates ORDER BY 1, 2"
    assert await rows(database, pairs) == [(ada, third), (third, ada)]
    merge_id = await merge(database, workspace, adele, ada)
    assert await rows(database, pairs) == [(adele, third), (third, adele)]
    await unmerge(database, workspace, adele, merge_id)
    assert await rows(database, pairs) == [(ada, third), (third, ada)]
    async with database.transaction():
        assert await writes.delete_lead(database, workspace, ada, BY)
    assert await identities(database, third) == {"third@example.com", "+14155550101"}
