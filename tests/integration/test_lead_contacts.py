"""What identifies a lead: contacts that are replaced, learnt, folded, shared with another lead, and let go."""

import asyncio

import pytest
import pytest_asyncio

from shared.leads import writes
from shared.leads.workspace_settings import load_workspace_settings
from shared.leads.writes import LeadNotCreated
from shared.platform.db.connections import Connection, connect
from shared.workspaces import change_workspace
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.leads import ANNA, BY, change, create, edit, identities, lead, rows, timeline
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def workspace(database: Connection) -> int:
    return await workspace_id(database)


async def test_a_contact_that_is_replaced_identifies_nobody(database: Connection, workspace: int) -> None:
    lead_id = await create(database, workspace, **ANNA)
    await edit(database, workspace, lead_id, email="anne@example.com")
    assert await identities(database, lead_id) == {"anne@example.com", "+14155550100"}
    other = await create(database, workspace, email="anna@example.com")
    (refusal,) = await change(database, workspace, lead_id, set_fields={"email": "anna@example.com"})
    assert refusal.holders == {"email": other}
    await edit(database, workspace, lead_id, email=None, phone=None)
    assert await identities(database, lead_id) == set()


async def test_a_learnt_contact_stays_when_another_is_replaced(
    database_url: str, database: Connection, workspace: int
) -> None:
    lead_id = await create(database, workspace, **ANNA)
    await accept(database, [item(workspace, {"email": "private@example.com", "phone": ANNA["phone"]})])
    assert await drain(database_url) == 1
    await edit(database, workspace, lead_id, email="anne@example.com")
    assert await identities(database, lead_id) == {"anne@example.com", "private@example.com", "+14155550100"}
    await edit(database, workspace, lead_id, email="Private@example.com")
    assert await identities(database, lead_id) == {"private@example.com", "+14155550100"}


async def test_gmail_is_folded_when_the_workspace_enables_it(database: Connection, workspace: int) -> None:
    plain = await create(database, workspace, email="a.nn@gmail.com")
    await database.execute("UPDATE workspaces SET fold_gmail = true")
    folded = await create(database, workspace, email="b.ob+x@gmail.com")
    assert (await lead(database, workspace, folded))["email"] == "b.ob+x@gmail.com"
    assert await identities(database, folded) == {"bob@gmail.com"}
    with pytest.raises(LeadNotCreated):
        await create(database, workspace, email="bo.b@gmail.com")
    await edit(database, workspace, folded, email="bob+y@gmail.com")
    assert await identities(database, folded) == {"bob@gmail.com"}
    await edit(database, workspace, plain, email=None)
    assert await identities(database, plain) == set()


async def test_folding_begins_and_ends_on_a_workspace_with_leads(
    database_url: str, database: Connection, workspace: int
) -> None:
    """Nobody becomes two for it: an address is known in the spelling that it came in, whichever way the switch is."""

    async def comes(*emails: str) -> list[int]:
        items = [item(workspace, {"email": email}) for email in emails]
        for one in items:
            await accept(database, [one])
            await drain(database_url)
        leads: dict[str, int] = dict(await rows(database, "SELECT id::text, lead_id FROM submissions"))
        return [leads[one.id] for one in items]

    first, second, other = await comes("a.nn@gmail.com", "an.n+x@googlemail.com", "a.nn@example.com")
    assert len({first, second, other}) == 3
    for _ in range(2):
        await change_workspace(database, "main", fold_gmail=True)
    assert await comes("A.NN@gmail.com", "ann@gmail.com", "a.nn@example.com") == [first, first, other]
    late = (await comes("b.ob@gmail.com"))[0]
    await change_workspace(database, "main", fold_gmail=False)
    assert await comes("a.nn@gmail.com", "an.n+x@googlemail.com", "b.ob@gmail.com") == [first, second, late]


async def test_settings_change_when_those_have_ended_who_write_leads_by_the_old_ones(
    database_url: str, database: Connection, workspace: int
) -> None:
    """Else one who has read that Gmail's spellings are not folded adds an address after they were."""
    async with connect(database_url, "tests") as writer:
        async with writer.transaction():
            await load_workspace_settings(writer, [workspace])
            changing = asyncio.create_task(change_workspace(database, "main", fold_gmail=True))
            await until_async(lambda: is_waiting(writer), what="the change at the writer's lock")
            await create(writer, workspace, email="a.nn@gmail.com")
        await changing
    assert ("ann@gmail.com",) in await rows(database, "SELECT value FROM identities")


async def is_waiting(connection: Connection) -> bool:
    here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    return bool(await rows(connection, f"SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND {here}"))


async def test_a_contact_that_is_sent_as_it_stands_is_no_change(
    database_url: str, database: Connection, workspace: int
) -> None:
    """A phone that nobody could read, and one that belongs to another lead: both came by a source."""
    await create(database, workspace, **ANNA)
    for body in ({"email": "b@example.com", "phone": ANNA["phone"]}, {"email": "c@example.com", "phone": "call me"}):
        await create(database, workspace, email=body["email"])
        await accept(database, [item(workspace, body)])
    await drain(database_url)
    for lead_id, phone in await rows(database, "SELECT id, phone FROM leads ORDER BY id"):
        found = await edit(database, workspace, lead_id, phone=phone, notes="seen")
        assert (found["phone"], found["notes"]) == (phone, "seen")
        assert (await timeline(database, lead_id))[-1]["data"]["changes"].keys() == {"notes"}


async def test_a_contact_in_another_spelling_is_no_change(
    database_url: str, database: Connection, workspace: int
) -> None:
    await create(database, workspace, **ANNA)
    shows = await create(database, workspace, email="b@example.com")
    await accept(database, [item(workspace, {"email": "b@example.com", "phone": ANNA["phone"]})])
    await drain(database_url)
    for phone, email in (("(415) 555-0100", "B@Example.com"), ("\uff0b1 415 555 0100", " b@example.com ")):
        await change_workspace(database, "main", country="US")
        found = await edit(database, workspace, shows, phone=phone, email=email, notes=phone)
        assert (found["phone"], found["email"]) == (ANNA["phone"], "b@example.com")
        assert (await timeline(database, shows))[-1]["data"]["changes"].keys() == {"notes"}


@pytest.mark.parametrize("going", ["deleted", "another", "null"])
async def test_released_phone_passes_to_the_lead_that_shows_it(
    database: Connection, database_url: str, workspace: int, going: str
) -> None:
    phone = str(ANNA["phone"])
    shows = await create(database, workspace, first_name="Ada", email="ada@example.com")
    holds = await create(database, workspace, **ANNA)
    await accept(database, [item(workspace, {"email": "ada@example.com", "phone": phone})])
    await drain(database_url)
    assert (await lead(database, workspace, shows))["phone"] == phone
    assert phone in await identities(database, holds)

    if going == "deleted":
        async with database.transaction():
            assert await writes.delete_lead(database, workspace, holds, BY)
    else:
        await edit(database, workspace, holds, phone="+14155550177" if going == "another" else None)
    assert await identities(database, shows) == {"ada@example.com", phone}
    await accept(database, [item(workspace, {"email": "new@example.com", "phone": phone})])
    await drain(database_url)
    assert "new@example.com" in await identities(database, shows)
    with pytest.raises(LeadNotCreated) as refused:
        await create(database, workspace, first_name="Eve", phone=phone)
    assert refused.value.holders == {"phone": shows}


async def test_a_phone_passes_on_from_lead_to_lead(database: Connection, database_url: str, workspace: int) -> None:
    """Three show it: each is the next one's possible duplicate, and the last still stands for the number."""
    phone = str(ANNA["phone"])
    holder = await create(database, workspace, **ANNA)
    shows = [await create(database, workspace, email=f"{name}@example.com") for name in "bcd"]
    for name in "bcd":
        await accept(database, [item(workspace, {"email": f"{name}@example.com", "phone": phone})])
    await drain(database_url)
    for gone, heir in zip([holder, *shows], shows, strict=False):
        async with database.transaction():
            assert await writes.delete_lead(database, workspace, gone, BY)
        assert phone in await identities(database, heir)
        others = [lead_id for lead_id in shows if lead_id > heir]
        noted = await rows(database, "SELECT lead_id, other_id FROM possible_duplicates ORDER BY 1, 2")
        assert {(heir, other) for other in others} | {(other, heir) for other in others} <= set(noted)
    assert not await rows(database, "SELECT * FROM possible_duplicates")
