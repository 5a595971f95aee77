"""Imports: rows become leads by way of the journal, a dry run says the same before, an undo takes it back."""

import asyncio
import random
from typing import Any

import pytest

from services.workers.imports import dry_runs, row_reading
from services.workers.imports.import_engine import ImportEngine
from shared.imports.column_mapping import ColumnMapping
from shared.imports.import_control import (
    cancel_import,
    change_encoding,
    read_import,
    read_sample,
    revise_dry_run,
    run_dry_run,
    undo_import,
)
from shared.imports.import_erasure import expire_imports, forget_in_imports
from shared.imports.import_quota import ImportLimits, ImportQuotaReached
from shared.imports.import_report import read_rows
from shared.leads.edit import ChangeCause, LeadChange
from shared.leads.writes import change_leads, create_lead
from shared.platform.db.connections import Connection, connect
from shared.platform.errors import Conflict
from tests.support.importing import AUTHOR, counts_of, finish_imports, start_import
from tests.support.ingesting import workspace_id
from tests.support.leads import rows

pytestmark = pytest.mark.integration

KNOWN = ChangeCause("api", 1)
PEOPLE = (
    "First name;Last name;E-mail;Phone;Company;Budget;Tags\r\n"
    'Ada;Lovelace;ada@example.com;+4930123450;"Analytical; Engines";10;vip, fair\r\n'
    "Grace;Hopper;grace@example.com;;Navy;;\r\n"
    "Grace;Hopper;GRACE@example.com;;Navy;;\r\n"
    "Siobhán;Keane;siobhan@@example.com;;;;\r\n"
    ";;;;;;\r\n"
    "\r\n"
    'Known;;known@example.com;;"New\r\nCompany";;fair\r\n'
    "Nobody;;;;;;\r\n"
)


async def leads_of(connection: Connection) -> list[dict[str, Any]]:
    found = await rows(connection, "SELECT to_jsonb(l) FROM leads l ORDER BY id")
    return [row[0] for row in found]


async def a_known_lead(connection: Connection, **fields: Any) -> int:
    async with connection.transaction():
        known = {"first_name": "Known", "email": "known@example.com"} | fields
        return await create_lead(connection, await workspace_id(connection), known, KNOWN)


@pytest.mark.parametrize("dry_run", [True, False])
async def test_phones_are_read_as_dialled_in_the_country_of_the_import(
    database_url: str, database: Connection, *, dry_run: bool
) -> None:
    await database.execute("UPDATE workspaces SET country = 'US'")
    known = await a_known_lead(database, phone="+4930123450")
    people = "First name;Phone\r\nAda;030 123450\r\nBob;030 987650\r\nCid;+12015550123\r\n"
    import_id = await start_import(database, people, dry_run=dry_run, phone_country="DE")
    done = await finish_imports(database_url, database, import_id)
    assert (done["phone_country"], counts_of(done)) == ("DE", (2, 0, 1, 0))
    phones = {lead["first_name"]: lead["phone"] for lead in await leads_of(database) if lead["id"] != known}
    assert phones == ({} if dry_run else {"Bob": "+4930987650", "Cid": "+12015550123"})


async def test_dry_run_says_what_the_import_then_does(database_url: str, database: Connection) -> None:
    known, w = await a_known_lead(database), await workspace_id(database)
    dry_id = await start_import(database, PEOPLE, dry_run=True, tags=["import"], invalid="reject")
    dry = await finish_imports(database_url, database, dry_id)
    assert counts_of(dry) == (3, 1, 1, 2)
    assert len(await leads_of(database)) == 1
    async with database.transaction():
        run_id = await run_dry_run(database, w, dry_id, AUTHOR, run_automations=False)
    done = await finish_imports(database_url, database, run_id)
    assert (done["state"], counts_of(done), done["rows"], done["progress"]) == ("done", counts_of(dry), 7, 1.0)
    by_name = {lead["first_name"]: lead for lead in await leads_of(database)}
    assert by_name["Ada"]["custom_fields"] == {"budget": "10"}
    assert by_name["Known"]["id"] == known
    assert by_name["Known"]["company"] == "New\r\nCompany"
    assert by_name["Ada"]["company"] == "Analytical; Engines"
    assert not await rows(database, "SELECT 1 FROM events WHERE lead_id <> %s", known)
    assert not await rows(database, "SELECT 1 FROM import_chunks")
    assert not await rows(database, "SELECT 1 FROM import_preview_keys UNION SELECT 1 FROM import_preview_leads")
    report = await read_rows(database, w, done)
    dry_report = await read_rows(database, w, dry)
    assert [row["state"] for row in report] == [row["state"] for row in dry_report]
    invalid = await read_rows(database, w, done, "invalid")
    assert [(row["row"], row["reasons"]) for row in invalid] == [
        (4, ["The email field must be a valid email address."]),
        (5, ["The row has no value."]),
    ]
    assert invalid[0]["values"]["E-mail"] == "siobhan@@example.com"
    stored = await rows(database, "SELECT lead_id, channel FROM submissions WHERE id = %s", report[0]["submission_id"])
    assert stored == [(by_name["Ada"]["id"], f"import:{run_id}")]


async def test_undo_takes_back_what_nobody_touched(database_url: str, database: Connection) -> None:
    known, w = await a_known_lead(database, notes="before", custom_fields={"a": 1}), await workspace_id(database)
    before = {lead["id"]: lead for lead in await leads_of(database)}[known]
    data = (
        "email,phone,first_name,company,custom_fields.a,custom_fields.b,notes,tags\n"
        "known@example.com,+4930123450,K,Acme,2,x,hello,new tag\n"
        "ada@example.com,,Ada,,,,,\ngrace@example.com,,Grace,,,,,\nada@example.com,,,Engines,,,,\n"
        "ada@example.com,+4930555555,,,,,,\nmary@example.com,+4930666666,Mary,,,,,\nada@example.com,+4930666666,,,,,,\n"
    )
    import_id = await start_import(database, data)
    assert counts_of(await finish_imports(database_url, database, import_id)) == (3, 3, 1, 0)
    by_name = {lead["first_name"]: lead for lead in await leads_of(database)}
    async with database.transaction():
        await change_leads(
            database, [LeadChange(w, by_name["Grace"]["id"], cause=KNOWN, set_fields={"company": "Navy"})]
        )
        await undo_import(database, w, import_id, AUTHOR)
    undone = await finish_imports(database_url, database, import_id)
    assert (undone["state"], undone["undo"]["done"], undone["undo"]["skipped"]) == ("undone", 5, 1)
    after = {lead["first_name"]: lead for lead in await leads_of(database)}
    assert after.keys() == {"Known", "Grace"}
    changing = {"updated_at", "submitted_at"}
    assert {name: value for name, value in after["Known"].items() if name not in changing} == {
        name: value for name, value in before.items() if name not in changing
    }
    assert not await rows(database, "SELECT 1 FROM identities WHERE value = '+4930123450'")


async def test_policy_and_automations_travel_with_the_rows(database_url: str, database: Connection) -> None:
    await a_known_lead(database, company="Old")
    data = "email,company\nknown@example.com,New\nnew@example.com,New\n"
    import_id = await start_import(database, data, merge_policy="overwrite", run_automations=True, source="fair")
    assert counts_of(await finish_imports(database_url, database, import_id)) == (1, 1, 0, 0)
    assert {lead["company"] for lead in await leads_of(database)} == {"New"}
    events = await rows(database, "SELECT type FROM events ORDER BY id")
    assert [row[0] for row in events][-2:] == ["lead.duplicate", "lead.created"]
    again = await start_import(database, data)
    assert counts_of(await finish_imports(database_url, database, again)) == (0, 0, 2, 0)


async def test_large_file_is_read_in_parts_of_flat_size(database_url: str, database: Connection) -> None:
    """3,000 rows in UTF-16, of which some are longer than a window's end, and one has a stray quotation mark."""
    lines = [f"Name {n},p{n}@example.com,{'é' * (n % 400)}" for n in range(3000)]
    lines[1500] = '"Stray,p1500@example.com,x'
    data = ("name,email,notes\n" + "\n".join(lines)).encode("utf-16")
    import_id = await start_import(database, data)
    await database.execute("UPDATE jobs SET rate = 1000000 WHERE id = %s", (import_id,))
    found = await finish_imports(database_url, database, import_id)
    assert found["rows"] == sum(counts_of(found))
    assert found["created"] >= 1500


async def test_dry_run_is_read_in_another_encoding(database_url: str, database: Connection) -> None:
    """Hungarian in Windows-1250 looks like Windows-1252; whoever sees it says so."""
    w = await workspace_id(database)
    data = "Név,email,Város\n" + "".join(f"Gergő Szűcs,p{n}@example.com,Győr\n" for n in range(700))
    dry_id = await start_import(database, data.encode("cp1250"), dry_run=True)
    dry = await finish_imports(database_url, database, dry_id)
    assert (dry["encoding"], counts_of(dry)) == ("cp1252", (700, 0, 0, 0))
    async with database.transaction():
        changed = await change_encoding(database, w, dry_id, "cp1250")
    assert (changed["encoding"], changed["state"], changed["rows"]) == ("cp1250", "paused", 0)
    assert [cells[0] for cells in await read_sample(database, w, changed)] == ["Gergő Szűcs"] * 20
    async with database.transaction():
        await revise_dry_run(database, w, dry_id, changed["mapping"], {})
    again = await finish_imports(database_url, database, dry_id)
    assert (again["encoding"], counts_of(again)) == ("cp1250", counts_of(dry))
    async with database.transaction():
        run_id = await run_dry_run(database, w, dry_id, AUTHOR, run_automations=False)
        with pytest.raises(Conflict):
            await change_encoding(database, w, dry_id, "cp1252")
    await finish_imports(database_url, database, run_id)
    assert {tuple(lead["custom_fields"].values()) for lead in await leads_of(database)} == {("Győr",)}


async def test_dry_run_is_revised_before_it_begins_and_while_it_runs(database_url: str, database: Connection) -> None:
    w, engine = await workspace_id(database), ImportEngine()
    data = "name,email\n" + "".join(f"Ada {n},p{n % 10}@example.com\n" for n in range(450))
    dry_id = await start_import(database, data, dry_run=True)
    mapping: ColumnMapping = {"name": "full_name", "email": "email"}
    for chunks, state in enumerate(("queued", "running", "running")):
        for _ in range(chunks):
            assert await engine.run_chunk(database)
        found = await read_import(database, w, dry_id)
        assert (found["state"], found["rows"]) == (state, 200 * chunks)
        mapping = {**mapping, "email": None if mapping["email"] else "email"}
        async with database.transaction():
            await revise_dry_run(database, w, dry_id, mapping, {})
    again = await finish_imports(database_url, database, dry_id)
    assert (again["mapping"], again["rows"], counts_of(again)) == (mapping, 450, (450, 0, 0, 0))


@pytest.mark.parametrize(
    ("encoding", "codec", "name"),
    [
        ("cp1251", "cp1251", "Наталья"),
        ("cp1256", "cp1256", "فاطمة"),
        ("shift_jis", "cp932", "鈴木花子"),
        ("gbk", "gbk", "王小明"),
    ],
)
async def test_file_in_another_script_comes_in_as_it_was_written(
    database_url: str, database: Connection, encoding: str, codec: str, name: str
) -> None:
    data = "first_name,email\n" + "".join(f"{name},p{n}@example.com\n" for n in range(1200))
    found = await finish_imports(database_url, database, await start_import(database, data.encode(codec)))
    assert (found["encoding"], counts_of(found)) == (encoding, (1200, 0, 0, 0))
    assert {lead["first_name"] for lead in await leads_of(database)} == {name}


async def test_cancelled_import_reads_no_more(database_url: str, database: Connection) -> None:
    w = await workspace_id(database)
    data = "email\n" + "".join(f"p{n}@example.com\n" for n in range(2000))
    import_id = await start_import(database, data)
    await database.execute("UPDATE jobs SET rate = 500 WHERE id = %s", (import_id,))
    assert await ImportEngine().run_chunk(database)
    async with database.transaction():
        await cancel_import(database, w, import_id)
    found = await finish_imports(database_url, database, import_id)
    assert (found["state"], found["rows"], counts_of(found)) == ("cancelled", 100, (100, 0, 0, 0))
    async with database.transaction():
        await undo_import(database, w, import_id, AUTHOR)
    assert (await finish_imports(database_url, database, import_id))["state"] == "undone"
    assert not await leads_of(database)


async def test_forgotten_people_and_old_imports_leave_nothing(database_url: str, database: Connection) -> None:
    w = await workspace_id(database)
    import_id = await start_import(database, PEOPLE, invalid="reject")
    dry_id = await start_import(database, PEOPLE, dry_run=True, invalid="reject")
    for each in (import_id, dry_id):
        await finish_imports(database_url, database, each)
    draft_id = await start_import(database, PEOPLE, dry_run=True)
    async with database.transaction():
        assert not await forget_in_imports(database, w, ["a.+(b|*[c]{2}\\^$@example.com", "í́\u0300@例え.jp"], [])
        assert await forget_in_imports(database, w, ["siobhan@@example.com", "+4930123450"], [])
    kept = await rows(database, "SELECT cells::text FROM import_rows WHERE cells IS NOT NULL")
    assert kept
    assert not any("siobhan" in row[0] or "4930123450" in row[0] for row in kept)
    assert not (await read_import(database, w, dry_id))["has_file"]
    assert not await rows(database, "SELECT 1 FROM import_chunks")
    assert (await finish_imports(database_url, database, draft_id))["state"] == "cancelled"
    await database.execute("UPDATE imports SET accepted_at = now() - interval '400 days'")
    await expire_imports(database, 90)
    assert not await rows(database, "SELECT 1 FROM imports UNION ALL SELECT 1 FROM import_rows")


@pytest.mark.parametrize("seed", range(4))
async def test_dry_run_foretells_each_row_whatever_its_repeats(
    database_url: str, database: Connection, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Few emails and phones in many rows, in chunks so small that repeats cross their borders."""
    monkeypatch.setattr(dry_runs, "ROWS_PER_DRY_CHUNK", 3)
    monkeypatch.setattr(row_reading, "ROWS_PER_CHUNK", 4)
    chance, w = random.Random(seed), await workspace_id(database)
    for number in range(3):
        await a_known_lead(database, email=f"p{number}@example.com", phone=f"+493012345{number}0")

    def row() -> str:
        email = f"p{chance.randrange(8)}@example.com" if chance.random() < 0.7 else ""
        phone = f"+493012345{chance.randrange(8)}0" if chance.random() < 0.5 else ""
        return ",".join((email, phone, chance.choice(["", "Acme", "Navy"]), chance.choice(["", "vip", "fair"])))

    data = "\n".join(["email,phone,company,tags", *(row() for _ in range(40))])
    policy = chance.choice(["fill_empty", "overwrite", "keep"])
    dry_id = await start_import(database, data, dry_run=True, merge_policy=policy)
    dry = await finish_imports(database_url, database, dry_id)
    async with database.transaction():
        run_id = await run_dry_run(database, w, dry_id, AUTHOR, run_automations=False)
    done = await finish_imports(database_url, database, run_id)
    foretold, became = [[row["state"] for row in await read_rows(database, w, one)] for one in (dry, done)]
    assert foretold == became, f"seed {seed}"
    assert counts_of(dry) == counts_of(done)


async def test_quota_counts_what_waits_and_dry_runs_and_names_what_fills_it(
    database_url: str, database: Connection
) -> None:
    w = await workspace_id(database)
    kept = [await start_import(database, PEOPLE, dry_run=True, limits=ImportLimits(2, 0)) for _ in range(2)]
    with pytest.raises(ImportQuotaReached, match=rf"2 imports, 1 MB: 2 dry runs and 0 that wait.* {kept[0]} \(people"):
        await start_import(database, PEOPLE, limits=ImportLimits(2, 0))
    assert await rows(database, "SELECT count(*) FROM imports") == [(2,)]
    await finish_imports(database_url, database, kept[0])
    async with database.transaction():
        await cancel_import(database, w, kept[0])  # discards the file
    done = await start_import(database, PEOPLE, limits=ImportLimits(2, 0))
    await finish_imports(database_url, database, done)
    size = len(PEOPLE.encode())
    await start_import(database, PEOPLE, limits=ImportLimits(2, 2 * size))
    with pytest.raises(ImportQuotaReached):
        await start_import(database, PEOPLE, limits=ImportLimits(0, 2 * size))


async def test_quota_holds_for_imports_that_are_stored_at_the_same_time(
    database_url: str, database: Connection
) -> None:
    async def start() -> int:
        async with connect(database_url, "tests") as connection:
            return await start_import(connection, PEOPLE, dry_run=True, limits=ImportLimits(3, 0))

    outcomes = await asyncio.gather(*[start() for _ in range(8)], return_exceptions=True)
    assert sum(isinstance(one, ImportQuotaReached) for one in outcomes) == 5
    assert await rows(database, "SELECT count(*) FROM imports") == [(3,)]


async def test_file_of_a_dry_run_is_kept_for_a_day(database_url: str, database: Connection) -> None:
    dry_id = await start_import(database, PEOPLE, dry_run=True)
    await finish_imports(database_url, database, dry_id)
    for age, is_kept in (("23 hours", True), ("25 hours", False)):
        await database.execute("UPDATE imports SET accepted_at = now() - %s::interval", (age,))
        await expire_imports(database, 90)
        assert await rows(database, "SELECT EXISTS (SELECT FROM import_chunks)") == [(is_kept,)]


async def test_workspaces_take_turns(database: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_runs, "ROWS_PER_DRY_CHUNK", 1)
    text = "email\n" + "".join(f"row-{number}@example.com\n" for number in range(9))
    [(other,)] = await rows(database, "INSERT INTO workspaces (slug, name) VALUES ('other', 'Other') RETURNING id")
    for _ in range(3):
        await start_import(database, text, dry_run=True)
    await start_import(database, text, dry_run=True, workspace=other)
    engine = ImportEngine()
    for _ in range(6):
        await engine.run_chunk(database)
    read = "SELECT array_agg(rows_read ORDER BY id) FROM imports GROUP BY workspace_id ORDER BY workspace_id"
    assert await rows(database, read) == [([1, 1, 1],), ([3],)]
