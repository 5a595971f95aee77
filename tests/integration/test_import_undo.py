"""Undos of several imports: a lead that only undone imports touched goes, in whatever order they are undone."""

import itertools

import pytest

from services.workers.imports.contact_uses import ReadBody
from shared.imports.import_control import undo_import
from shared.leads.edit import ChangeCause, LeadChange
from shared.leads.writes import change_leads
from shared.merging.lead_merges import merge_leads
from shared.merging.lead_unmerge import unmerge_lead
from shared.platform.db.connections import Connection
from tests.support.importing import AUTHOR, counts_of, finish_imports, start_import
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.leads import rows

pytestmark = pytest.mark.integration

FIRST = "email,first_name\nada@example.com,Ada\ngrace@example.com,Grace\nmary@example.com,Mary\n"
SECOND = "email,first_name,company\nada@example.com,Ada,Engines\ngrace@example.com,Grace,\nalan@example.com,Alan,\n"


async def finished_import(url: str, connection: Connection, data: str) -> int:
    import_id = await start_import(connection, data)
    await finish_imports(url, connection, import_id)
    return import_id


async def ask_undo(connection: Connection, *import_ids: int) -> None:
    w = await workspace_id(connection)
    async with connection.transaction():
        for import_id in import_ids:
            await undo_import(connection, w, import_id, AUTHOR)


async def names_left(connection: Connection) -> list[str]:
    return [row[0] for row in await rows(connection, "SELECT first_name FROM leads ORDER BY id")]


@pytest.mark.parametrize("order", [*itertools.permutations(range(2))])
@pytest.mark.parametrize("at_once", [False, True])
async def test_leads_of_two_undone_imports_go(
    database_url: str, database: Connection, order: tuple[int, ...], at_once: bool
) -> None:
    imports = [await finished_import(database_url, database, data) for data in (FIRST, SECOND)]
    asked = [imports[place] for place in order]
    for group in [asked] if at_once else [[one] for one in asked]:
        await ask_undo(database, *group)
        for import_id in group:
            undone = await finish_imports(database_url, database, import_id)
            assert undone["undo"]["done"] + undone["undo"]["skipped"] == undone["undo"]["total"]
    assert await names_left(database) == []


async def test_lead_of_an_import_that_stands_stays(database_url: str, database: Connection) -> None:
    imports = [await finished_import(database_url, database, data) for data in (FIRST, SECOND, FIRST)]
    assert counts_of(await finish_imports(database_url, database, imports[2])) == (0, 0, 3, 0)
    for import_id in imports[:2]:
        await ask_undo(database, import_id)
        await finish_imports(database_url, database, import_id)
    assert await names_left(database) == ["Ada", "Grace", "Mary"]
    assert await rows(database, "SELECT company FROM leads WHERE company IS NOT NULL") == []
    await ask_undo(database, imports[2])
    await finish_imports(database_url, database, imports[2])
    assert await names_left(database) == []


async def test_lead_that_somebody_touched_between_imports_stays(database_url: str, database: Connection) -> None:
    first, w = await finished_import(database_url, database, FIRST), await workspace_id(database)
    [(ada,)] = await rows(database, "SELECT id FROM leads WHERE first_name = 'Ada'")
    async with database.transaction():
        await change_leads(database, [LeadChange(w, ada, cause=ChangeCause("api", 1), set_fields={"country": "GB"})])
    second = await finished_import(database_url, database, SECOND)
    await ask_undo(database, first, second)
    for import_id in (first, second):
        await finish_imports(database_url, database, import_id)
    assert await rows(database, "SELECT first_name, company, country FROM leads") == [("Ada", None, "GB")]


KNOWN = "email,phone,first_name\nada@example.com,+14155550101,Ada\n"
JOINING = "email,phone\nada.king@example.com,+14155550101\nada@example.com,+14155550102\n"
USING = "email,phone\nAda.King@Example.com,\n,(415) 555-0101\n"


async def known_by(connection: Connection) -> list[str]:
    return [row[0] for row in await rows(connection, "SELECT value FROM identities ORDER BY 1")]


async def undo(url: str, connection: Connection, import_id: int) -> None:
    await ask_undo(connection, import_id)
    await finish_imports(url, connection, import_id)


async def test_contacts_that_an_import_joined_are_taken_back(database_url: str, database: Connection) -> None:
    known = await finished_import(database_url, database, KNOWN)
    joining = await finished_import(database_url, database, JOINING)
    assert counts_of(await finish_imports(database_url, database, joining)) == (0, 0, 2, 0)
    assert len(await known_by(database)) == 4
    await undo(database_url, database, joining)
    assert await known_by(database) == ["+14155550101", "ada@example.com"]
    again = await finished_import(database_url, database, "email\nada.king@example.com\n")
    assert counts_of(await finish_imports(database_url, database, again)) == (1, 0, 0, 0)
    await undo(database_url, database, again)
    await undo(database_url, database, known)
    assert await known_by(database) == []


async def test_contacts_that_somebody_used_since_stay(database_url: str, database: Connection) -> None:
    w = await workspace_id(database)
    await finished_import(database_url, database, KNOWN)
    joining = await finished_import(database_url, database, JOINING)
    using = await finished_import(database_url, database, USING)
    await undo(database_url, database, joining)
    assert await known_by(database) == ["+14155550101", "ada.king@example.com", "ada@example.com"]
    await undo(database_url, database, using)
    assert await known_by(database) == ["+14155550101", "ada@example.com"]
    joining = await finished_import(database_url, database, JOINING)
    [(ada,)] = await rows(database, "SELECT id FROM leads")
    async with database.transaction():
        change = LeadChange(w, ada, cause=ChangeCause("api", 1), set_fields={"phone": "+14155550102"})
        assert await change_leads(database, [change]) == []
    await undo(database_url, database, joining)
    assert "+14155550102" in await known_by(database)


P, Q = "+14155550101", "+14155550102"
OWN = {"email": "ada@example.com"}


async def post(url: str, connection: Connection, **lead: str) -> int:
    """Ingest a lead of a source. Return the lead that it belongs to."""
    sent = item(await workspace_id(connection), lead)
    await accept(connection, [sent])
    await drain(url)
    [(lead_id,)] = await rows(connection, "SELECT lead_id FROM submissions WHERE id = %s", sent.id)
    return int(lead_id)


async def contacts_of(connection: Connection, lead_id: int) -> tuple[str | None, str | None]:
    [(email, phone)] = await rows(connection, "SELECT email, phone FROM leads WHERE id = %s", lead_id)
    return email, phone


@pytest.mark.parametrize("used", [{"email": "f@example.com", "phone": P}, {**OWN, "phone": P}])
async def test_phone_that_an_import_filled_and_a_form_used_stays(
    database_url: str, database: Connection, used: dict[str, str]
) -> None:
    ada = await post(database_url, database, **OWN)
    filling = await finished_import(database_url, database, f"email,phone\nada@example.com,{P}\n")
    assert await post(database_url, database, **used) == ada
    await undo(database_url, database, filling)
    assert await contacts_of(database, ada) == ("ada@example.com", P)
    assert await post(database_url, database, email="g@example.com", phone=P) == ada


async def test_email_that_an_import_overwrote_and_a_form_used_stays(database_url: str, database: Connection) -> None:
    ada = await post(database_url, database, **OWN, phone=P)
    import_id = await start_import(database, f"email,phone\nking@example.com,{P}\n", merge_policy="overwrite")
    await finish_imports(database_url, database, import_id)
    assert await contacts_of(database, ada) == ("king@example.com", P)
    assert await post(database_url, database, email="king@example.com") == ada
    await undo(database_url, database, import_id)
    assert await contacts_of(database, ada) == ("king@example.com", P)
    assert await post(database_url, database, email="king@example.com") == ada


async def test_phone_that_a_standing_import_used_stays_as_long_as_that(database_url: str, database: Connection) -> None:
    ada = await post(database_url, database, **OWN)
    filling = await finished_import(database_url, database, f"email,phone\nada@example.com,{P}\n")
    using = await finished_import(database_url, database, f"email,phone\nf@example.com,{P}\n")
    await undo(database_url, database, filling)
    assert await contacts_of(database, ada) == ("ada@example.com", P)
    assert await known_by(database) == [P, "ada@example.com", "f@example.com"]
    await undo(database_url, database, using)
    assert await known_by(database) == ["ada@example.com"]
    assert await contacts_of(database, ada) == ("ada@example.com", None)


async def test_phone_that_a_person_set_again_stays(database_url: str, database: Connection) -> None:
    ada, w = await post(database_url, database, **OWN), await workspace_id(database)
    filling = await finished_import(database_url, database, f"email,phone\nada@example.com,{P}\n")
    async with database.transaction():
        change = LeadChange(w, ada, cause=ChangeCause("api", 1), set_fields={"phone": "(415) 555-0101"})
        assert await change_leads(database, [change]) == []
    await undo(database_url, database, filling)
    assert await contacts_of(database, ada) == ("ada@example.com", P)


async def test_contacts_that_nobody_used_leave_the_fields(database_url: str, database: Connection) -> None:
    ada = await post(database_url, database, **OWN)
    data = f"email,phone\nada@example.com,{P}\nking@example.com,{P}\nking@example.com,{Q}\n"
    import_id = await start_import(database, data, merge_policy="overwrite")
    await finish_imports(database_url, database, import_id)
    assert await contacts_of(database, ada) == ("king@example.com", Q)
    await undo(database_url, database, import_id)
    assert await contacts_of(database, ada) == ("ada@example.com", None)
    assert await known_by(database) == ["ada@example.com"]


@pytest.mark.parametrize("wins", [True, False])
async def test_contacts_of_a_lead_that_was_merged_are_taken_back(
    database_url: str, database: Connection, wins: bool
) -> None:
    w, by = await workspace_id(database), ChangeCause("user", 1)
    ada = await post(database_url, database, **OWN)
    king = await post(database_url, database, email="king@example.com")
    data = f"email,phone,company\nada@example.com,{P},Engines\n,{P},\nlovelace@example.com,{P},\n"
    import_id = await finished_import(database_url, database, data)
    winner, loser = (ada, king) if wins else (king, ada)
    async with database.transaction():
        merge_id = await merge_leads(database, w, winner, loser, by)
    assert (await contacts_of(database, winner))[1] == P
    assert await undo_counts(database_url, database, import_id) == (2, 2, 0)
    assert await known_by(database) == ["ada@example.com", "king@example.com"]
    assert (await contacts_of(database, winner))[1] is None
    async with database.transaction():
        await unmerge_lead(database, w, winner, merge_id, by)
    assert await known_by(database) == ["ada@example.com", "king@example.com"]
    assert await rows(database, "SELECT email, phone, company FROM leads ORDER BY id") == [
        ("ada@example.com", None, None),
        ("king@example.com", None, None),
    ]


async def test_note_of_an_import_leaves_a_lead_that_won_a_merge(database_url: str, database: Connection) -> None:
    w, by = await workspace_id(database), ChangeCause("user", 1)
    ada = await post(database_url, database, email="ada@example.com", notes="Calls on Mondays.")
    king = await post(database_url, database, email="king@example.com", notes="Is the same person.")
    import_id = await finished_import(database_url, database, "email,notes\nada@example.com,From the fair.\n")
    async with database.transaction():
        merge_id = await merge_leads(database, w, ada, king, by)
    assert await undo_counts(database_url, database, import_id) == (1, 1, 0)
    assert await rows(database, "SELECT notes FROM leads") == [("Calls on Mondays.\n\nIs the same person.",)]
    async with database.transaction():
        await unmerge_lead(database, w, ada, merge_id, by)
    assert await rows(database, "SELECT notes FROM leads ORDER BY id") == [
        ("Calls on Mondays.",),
        ("Is the same person.",),
    ]


async def undo_counts(url: str, connection: Connection, import_id: int) -> tuple[int, int, int]:
    """Undo an import. Return how many rows had an effect, were taken back, and stay."""
    await ask_undo(connection, import_id)
    undone = (await finish_imports(url, connection, import_id))["undo"]
    return undone["total"], undone["done"], undone["skipped"]


async def test_count_of_an_undo_has_rows_that_joined_a_contact(database_url: str, database: Connection) -> None:
    ada = await post(database_url, database, **OWN, phone=P)
    data = f"email,phone\nking@example.com,{P}\nada@example.com,\nlovelace@example.com,{P}\n"
    import_id = await finished_import(database_url, database, data)
    assert counts_of(await finish_imports(database_url, database, import_id)) == (0, 0, 3, 0)
    assert await post(database_url, database, email="king@example.com") == ada
    assert await undo_counts(database_url, database, import_id) == (2, 1, 1)
    assert await known_by(database) == [P, "ada@example.com", "king@example.com"]


async def test_count_of_an_undo_tells_rows_of_one_lead_apart(database_url: str, database: Connection) -> None:
    ada, w = await post(database_url, database, **OWN), await workspace_id(database)
    data = "email,company,job_title\nada@example.com,Engines,\nada@example.com,,Countess\n"
    import_id = await finished_import(database_url, database, data)
    async with database.transaction():
        change = LeadChange(w, ada, cause=ChangeCause("api", 1), set_fields={"company": "Looms"})
        assert await change_leads(database, [change]) == []
    assert await undo_counts(database_url, database, import_id) == (2, 1, 1)
    assert await rows(database, "SELECT company, job_title FROM leads") == [("Looms", None)]


@pytest.mark.parametrize(
    ("payload", "kind", "value", "may"),
    [
        (None, "email", "a@b.cc", True),
        (b'{"email": "Ada.King@gmail.com"}', "email", "adaking@gmail.com", True),
        (b"email=ada%2Eking%40gmail.com", "email", "adaking@gmail.com", True),
        (b'{"email": "ada@example.com"}', "email", "ada.king@example.com", False),
        (b'{"phone": "(415) 555-0102"}', "phone", "+14155550102", True),
        (b'{"phone": "(415) 555-0101"}', "phone", "+14155550102", False),
    ],
)
def test_a_body_may_mention_a_contact(payload: bytes | None, kind: str, value: str, may: bool) -> None:
    assert ReadBody(payload).may_mention(kind, value) == may


async def test_what_a_row_gave_to_a_lead_without_a_name_is_taken_back(database_url: str, database: Connection) -> None:
    await post(database_url, database, email="n@example.com")
    import_id = await finished_import(
        database_url, database, f"email,first_name,company,phone\nn@example.com,Nora,Engines,{P}\n"
    )
    await ask_undo(database, import_id)
    undone = await finish_imports(database_url, database, import_id)
    assert (undone["undo"]["done"], undone["undo"]["skipped"]) == (1, 0)
    assert await rows(database, "SELECT first_name, company, phone FROM leads") == [(None, None, None)]
    assert await rows(database, "SELECT value FROM identities WHERE kind = 'phone'") == []
