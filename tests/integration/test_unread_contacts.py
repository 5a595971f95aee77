"""An email that cannot be read costs no lead: its text is kept, seen, used by likeness, mended, found and forgotten."""

import orjson
import pytest
import pytest_asyncio

from services.workers.read_models import fold_search_texts
from shared.imports.import_control import run_dry_run, undo_import
from shared.imports.import_report import read_rows
from shared.lead_list.counts import count_leads
from shared.lead_list.matching_leads import read_matching_ids
from shared.lead_list.read_page import read_counted_page
from shared.lead_list.resolve_filters import resolve_filters
from shared.lead_list.sorts import LeadSort
from shared.merging.lead_merges import merge_leads
from shared.merging.lead_unmerge import unmerge_lead
from shared.people.erasures import ErasureRequest, erase_lead
from shared.people.person_report import write_report
from shared.people.person_scope import find_person
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from tests.support.importing import AUTHOR, counts_of, finish_imports, start_import
from tests.support.ingesting import workspace_id
from tests.support.jobs import run_job
from tests.support.leads import BY, change, create, edit, lead, rows
from tests.support.likeness import find_pairs

pytestmark = pytest.mark.integration

CIPHER = Cipher(lambda: "a key for tests that is long enough")

LEFT_OUT = "email: not a valid email address; left out."
KEPT = "email: not a valid email address; kept as sent, identifies nobody."
PHONE_KEPT = "phone: not a readable phone number; kept as sent, identifies nobody."
PHONE_LEFT_OUT = "phone: not a readable phone number; left out."
INVALID = "The email field must be a valid email address."
LIST = (
    "first_name,email,phone,company\n"
    "Ada,ada@example,+4930123450,\n"  # a lead all the same
    "Grace,grace@example.com,on request,\n"
    ",n/a,,Navy\n"  # neither a name nor another contact
    f"Long,{'x' * 300}@example.com,,\n"
    "Known,known at example,+4930123459,\n"  # the lead has an email
    "Known,known@example.com,by mail,\n"  # the lead has a phone
)


@pytest_asyncio.fixture
async def workspace(database: Connection) -> int:
    return await workspace_id(database)


async def listed(database: Connection, workspace: int, contact: str) -> list[int]:
    """The leads that the filter finds: each way to read them says the same."""
    filters = await resolve_filters(database, workspace, {"unreadable": contact}, {})
    assert filters is not None
    order = LeadSort("created_at", descending=False)
    ids, total = await read_counted_page(database, filters, order, 50, 0, expensive=True)
    assert (total, (await count_leads(database, filters)).n) == (len(ids), len(ids))
    assert sorted(ids) == (await read_matching_ids(database, filters, 0))[0]
    return sorted(ids)


async def test_row_with_an_email_that_cannot_be_read_is_a_lead(
    database_url: str, database: Connection, workspace: int
) -> None:
    known = await create(database, workspace, first_name="Known", email="known@example.com", phone="+4930123459")
    dry_id = await start_import(database, LIST, dry_run=True)
    dry = await finish_imports(database_url, database, dry_id)
    async with database.transaction():
        run_id = await run_dry_run(database, workspace, dry_id, AUTHOR, run_automations=False)
    done = await finish_imports(database_url, database, run_id)
    for found in (dry, done):
        assert counts_of(found) == (3, 0, 2, 1)
        assert (found["kept"], found["warned"]) == (3, 2)
        report = await read_rows(database, workspace, found)
        assert [row["reasons"] for row in report] == [
            *([KEPT], [PHONE_KEPT], [INVALID], [KEPT]),
            *([LEFT_OUT], [PHONE_LEFT_OUT]),
        ]
        assert [row["row"] for row in await read_rows(database, workspace, found, "kept")] == [1, 2, 4]
        assert [row["row"] for row in await read_rows(database, workspace, found, "warned")] == [5, 6]
    ada, grace, long = [row["lead_id"] for row in report if row["state"] == "created"]
    assert [(await lead(database, workspace, ada))[name] for name in ("email", "email_as_given", "phone")] == [
        *(None, "ada@example", "+4930123450")
    ]
    assert (await lead(database, workspace, grace))["phone"] == "on request"
    assert len((await lead(database, workspace, long))["email_as_given"]) == 255
    assert (await lead(database, workspace, known))["email_as_given"] is None
    assert await listed(database, workspace, "email") == sorted([ada, long])
    assert await listed(database, workspace, "phone") == [grace]
    await fold_search_texts(database)
    filters = await resolve_filters(database, workspace, {"search": "da@exam", "unreadable": "email"}, {})
    assert filters is not None
    assert (await read_matching_ids(database, filters, 0))[0] == [ada]


async def test_import_that_asks_for_it_rejects_the_row(database_url: str, database: Connection, workspace: int) -> None:
    found = await finish_imports(database_url, database, await start_import(database, LIST, invalid="reject"))
    assert (counts_of(found), found["kept"], found["invalid_contacts"]) == ((2, 0, 0, 4), 2, "reject")
    rejected = await read_rows(database, workspace, found, "invalid")
    assert [(row["row"], row["reasons"]) for row in rejected][:2] == [(1, [INVALID]), (3, [INVALID])]
    assert await listed(database, workspace, "email") == []


async def test_email_takes_the_place_of_the_text_and_an_undo_gives_it_back(
    database_url: str, database: Connection, workspace: int
) -> None:
    data = "first_name,email,phone\nAda,ada@example,+4930123450\n"
    await finish_imports(database_url, database, await start_import(database, data))
    [ada] = await listed(database, workspace, "email")
    mending = await start_import(database, "email,phone\nada@example.com,+4930123450\n")
    assert counts_of(await finish_imports(database_url, database, mending)) == (0, 1, 0, 0)
    mended = await lead(database, workspace, ada)
    assert (mended["email"], mended["email_as_given"]) == ("ada@example.com", None)
    async with database.transaction():
        await undo_import(database, workspace, mending, AUTHOR)
    await finish_imports(database_url, database, mending)
    undone = await lead(database, workspace, ada)
    assert (undone["email"], undone["email_as_given"]) == (None, "ada@example")
    mended = await edit(database, workspace, ada, email="ada@example.com")
    assert (mended["email"], mended["email_as_given"]) == ("ada@example.com", None)
    assert (await edit(database, workspace, ada, email_as_given="other"))["email_as_given"] is None
    assert await listed(database, workspace, "email") == []


async def test_text_that_an_import_gave_to_a_known_lead_is_taken_back(
    database_url: str, database: Connection, workspace: int
) -> None:
    known = await create(database, workspace, first_name="Known", phone="+4930123450")
    import_id = await start_import(database, "email,phone\nknown at example,+4930123450\n")
    found = await finish_imports(database_url, database, import_id)
    assert (counts_of(found), found["kept"]) == ((0, 1, 0, 0), 1)
    assert (await lead(database, workspace, known))["email_as_given"] == "known at example"
    async with database.transaction():
        await undo_import(database, workspace, import_id, AUTHOR)
    await finish_imports(database_url, database, import_id)
    assert (await lead(database, workspace, known))["email_as_given"] is None


async def test_leads_whose_email_cannot_be_read_are_edited_together(
    database_url: str, database: Connection, workspace: int
) -> None:
    await finish_imports(database_url, database, await start_import(database, LIST))
    found = await listed(database, workspace, "email")
    changes = [{"op": "add_tag", "value": "to mend"}]
    job = await run_job(database, workspace, "edit", filters={"unreadable": "email"}, changes=changes)
    assert (job["total"], job["done"]) == (len(found), len(found))
    tagged = await rows(database, "SELECT id FROM leads WHERE cardinality(tag_ids) > 0 ORDER BY id")
    assert [row[0] for row in tagged] == found


async def test_merge_keeps_the_text_and_its_undo_divides_it(database: Connection, workspace: int) -> None:
    winner = await create(database, workspace, first_name="Ada")
    loser = await create(database, workspace, first_name="Ada", email_as_given="ada@example")
    async with database.transaction():
        merge_id = await merge_leads(database, workspace, winner, loser, BY)
    assert (await lead(database, workspace, winner))["email_as_given"] == "ada@example"
    async with database.transaction():
        await unmerge_lead(database, workspace, winner, merge_id, BY)
    assert [(await lead(database, workspace, one))["email_as_given"] for one in (winner, loser)] == [
        None,
        "ada@example",
    ]


async def test_likeness_compares_the_text(database: Connection, workspace: int) -> None:
    one = await create(database, workspace, first_name="Ida", last_name="Vexholm", email_as_given="i.vex77@qorax,com")
    other = await create(database, workspace, first_name="I.", last_name="Vexholm", email="i.vex77@qorax.com")
    [pair] = await find_pairs(database, workspace)
    assert pair["lead_ids"] == [one, other]
    assert "email" in {reason["field"] for reason in pair["reasons"]}


async def test_report_has_the_text_and_an_erasure_takes_it_away(
    database_url: str, database: Connection, workspace: int
) -> None:
    data = f"{LIST}Ada,ada@example,,\n,ada@example,,Navy\n"
    import_id = await start_import(database, data)
    await finish_imports(database_url, database, import_id)
    ada = (await listed(database, workspace, "email"))[0]
    person = await find_person(database, workspace, ada)
    assert person is not None
    report = b"".join([piece async for piece in write_report(database, person, "")])
    assert orjson.loads(report)["data"]["leads"][0]["email_as_given"] == "ada@example"
    await change(database, workspace, ada, set_fields={"phone": None})
    async with database.transaction():
        await erase_lead(database, CIPHER, workspace, ada, ErasureRequest(BY, "case 7"))
    left = await rows(database, "SELECT row FROM import_rows WHERE array_to_string(cells, ' ') ~ 'ada@example '")
    assert not left
    assert await rows(database, "SELECT count(*) FROM leads WHERE email_as_given = 'ada@example'") == [(1,)]
