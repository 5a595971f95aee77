"""Imports with a dry run, a report and an undo; exports that come back as equal leads."""

import asyncio
import csv
import io
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from tests.contract.service import Answer, Service, ask
from tests.support.waiting import until_async
from tests.support.workbooks import workbook_of

IMPORT = "/api/v1/leads/import"
EXPORT = "/api/v1/leads/export"
READ_ONLY = ("id", "created_at", "updated_at", "lead_score", "possible_duplicate_of", "attribution")
AWKWARD: list[dict[str, Any]] = [
    {"first_name": "=1+1", "last_name": "'-quote", "email": "a@example.com", "phone": "+4930123450"},
    {
        "first_name": "Line\nbreak",
        "last_name": 'say "hi", or; so',
        "notes": "'=not a formula\r\n\r\nsecond",
        "starred": True,
    },
    {"first_name": "No mail", "email_as_given": "no mail@example"},
    {"first_name": "محمد", "email": "b@example.com", "tags": ["vip", "a, b", 'say "x"', "semi;colon"]},
    {
        "first_name": "Zoë",
        "status": "qualified",
        "custom_fields": {
            "budget": 10000,
            "zip": "01234",
            "n": "7",
            "list": [1, "2"],
            "Odd Key": " padded ",
            "f": True,
        },
    },
]


@pytest_asyncio.fixture
async def own_client(service: Service) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a workspace of its own."""
    slug = f"imports-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Imports", "DE")
    async with service.client(service.make_key("*", workspace=slug)) as session:
        yield session


async def upload(client: aiohttp.ClientSession, data: bytes, query: str = "", **options: Any) -> Answer:
    body = aiohttp.FormData(default_to_multipart=True)
    body.add_field("file", data, filename="people.csv", content_type="text/csv")
    if options:
        body.add_field("options", json.dumps(options))
    return await ask(client, "POST", f"{IMPORT}{query}", data=body)


async def ended(client: aiohttp.ClientSession, answer: Answer) -> dict[str, Any]:
    """The import once it has ended, or was undone where that was asked for."""
    assert answer.status == 202, answer.raw
    path = answer.headers["Location"]
    states = ("undone",) if answer.body["data"]["undo"] else ("done", "failed", "cancelled")
    found: dict[str, Any] = {}

    async def has_ended() -> bool:
        nonlocal found
        found = (await ask(client, "GET", path)).body["data"]
        return found["state"] in states and found["progress"] == 1

    await until_async(has_ended, 60, "the end of the import")
    return found


def counts(found: dict[str, Any]) -> tuple[int, ...]:
    return tuple(found[name] for name in ("rows", "created", "merged", "unchanged", "invalid"))


async def all_leads(client: aiohttp.ClientSession) -> list[dict[str, Any]]:
    """Every lead without what an import cannot set, by name."""
    lines = (await ask(client, "GET", f"{EXPORT}?format=ndjson")).raw.splitlines()
    leads = [{name: value for name, value in orjson.loads(line).items() if name not in READ_ONLY} for line in lines]
    return sorted(leads, key=lambda lead: str(lead["first_name"]))


async def test_no_more_than_twenty_dry_runs_are_kept(own_client: aiohttp.ClientSession) -> None:
    answers = [await upload(own_client, b"email\na@example.com\n", "?dry_run=1") for _ in range(21)]
    assert [answer.status for answer in answers] == [202] * 20 + [409]
    assert answers[-1].code == "CONFLICT"
    first = answers[0].body["data"]["id"]
    assert "holds 20 imports" in answers[-1].body["message"]
    assert "may hold 20 and 2048 MB" in answers[-1].body["message"]
    assert f"The largest: {first} (people.csv, 1 MB)" in answers[-1].body["message"]
    await ended(own_client, answers[0])
    discarded = await ask(own_client, "POST", f"/api/v1/imports/{first}/cancel")
    assert (discarded.status, discarded.body["data"]["state"]) == (200, "done")
    assert (await upload(own_client, b"email\na@example.com\n", "?dry_run=1")).status == 202


async def test_list_is_tried_imported_reported_and_undone(own_client: aiohttp.ClientSession) -> None:
    known = {"first_name": "Known", "email": "known@example.com"}
    assert (await ask(own_client, "POST", "/api/v1/leads", json=known)).status == 201
    data = (
        "Vorname;Nachname;E-Mail;Telefon;Firma;Budget\r\n"
        'Jürgen;Groß;j@example.com;030 123450;"Groß & Söhne; Berlin";=10\r\n'
        "J.;Groß;J@example.com;;;\r\nK;N;known@example.com;;Acme;\r\nBad;;bad@@example.com;;;\r\n;;;;;\r\n"
    ).encode("cp1252")
    dry = await ended(
        own_client, await upload(own_client, data, "?dry_run=1", source="fair", tags=["spring"], invalid="reject")
    )
    assert (dry["dry_run"], dry["encoding"], dry["delimiter"], counts(dry)) == (True, "cp1252", ";", (5, 1, 1, 1, 2))
    shown = (await ask(own_client, "GET", f"/api/v1/imports/{dry['id']}/rows?state=created")).body["data"]
    assert shown[0]["values"]["Firma"] == "Groß & Söhne; Berlin"
    assert len(await all_leads(own_client)) == 1
    done = await ended(own_client, await ask(own_client, "POST", f"/api/v1/imports/{dry['id']}/run", json={}))
    assert counts(done) == counts(dry)
    made = (await all_leads(own_client))[0]
    expected = {"company": "Groß & Söhne; Berlin", "phone": "+4930123450", "source": "fair", "tags": ["spring"]}
    assert made | expected | {"custom_fields": {"budget": "=10"}} == made
    rows = (await ask(own_client, "GET", f"/api/v1/imports/{done['id']}/rows?state=invalid")).body
    assert [(row["row"], row["reasons"]) for row in rows["data"]] == [
        (4, ["The email field must be a valid email address."]),
        (5, ["The row has no value."]),
    ]
    report = await ask(own_client, "GET", f"/api/v1/imports/{done['id']}/rows.csv?state=invalid")
    lines = list(csv.DictReader(io.StringIO(report.raw.decode(), newline="")))
    assert (lines[0]["E-Mail"], lines[0]["reasons"]) == ("bad@@example.com", rows["data"][0]["reasons"][0])
    undone = await ended(own_client, await ask(own_client, "POST", f"/api/v1/imports/{done['id']}/undo"))
    assert (undone["undo"]["done"], undone["undo"]["skipped"]) == (2, 0)
    assert [lead["company"] for lead in await all_leads(own_client)] == [None]
    for again in (f"/api/v1/imports/{done['id']}/undo", f"/api/v1/imports/{dry['id']}/run"):
        assert (await ask(own_client, "POST", again)).status == 409


async def test_email_that_cannot_be_read_is_kept_found_and_mended(own_client: aiohttp.ClientSession) -> None:
    data = b"name,email,phone\nAda Byron,ada@example,on request\nGrace,grace@example.com,\n,none,\n"
    done = await ended(own_client, await upload(own_client, data))
    assert (done["invalid_contacts"], done["kept"], done["warned"], counts(done)) == ("keep", 1, 0, (3, 2, 0, 0, 1))
    [row] = (await ask(own_client, "GET", f"/api/v1/imports/{done['id']}/rows?state=kept")).body["data"]
    submission = (await ask(own_client, "GET", f"/api/v1/submissions/{row['submission_id']}")).body["data"]
    assert (row["reasons"], submission["payload"]["email"]) == (submission["warnings"], "ada@example")
    for contact in ("email", "phone"):
        [lead] = (await ask(own_client, "GET", f"/api/v1/leads?unreadable={contact}")).body["data"]
        assert (lead["email"], lead["email_as_given"], lead["phone"]) == (None, "ada@example", "on request")
    exported = await ask(own_client, "GET", f"{EXPORT}?unreadable=email")
    assert [row["email_as_given"] for row in csv.DictReader(io.StringIO(exported.raw.decode()))] == ["ada@example"]
    mended = await ask(own_client, "PATCH", f"/api/v1/leads/{lead['id']}", json={"email": "ada@example.com"})
    assert (mended.body["data"]["email"], mended.body["data"]["email_as_given"]) == ("ada@example.com", None)
    assert (await ask(own_client, "GET", "/api/v1/leads?unreadable=email")).body["data"] == []
    assert (await ask(own_client, "GET", "/api/v1/leads?unreadable=name")).status == 422


async def test_encoding_is_judged_or_chosen(own_client: aiohttp.ClientSession) -> None:
    data = "Имя,email\nНаталья Попова,n@example.com\nДмитрий Соколов,d@example.com\n".encode("cp1251")
    judged = await ended(own_client, await upload(own_client, data, "?dry_run=1"))
    assert (judged["encoding"], judged["columns"][0]) == ("cp1251", "Имя")
    chosen = await ended(own_client, await upload(own_client, data, "?dry_run=1", encoding="windows-1252"))
    assert (chosen["encoding"], chosen["columns"][0]) == ("cp1252", "Èìÿ")
    refused = await upload(own_client, data, "?dry_run=1", encoding="klingon")
    assert (refused.status, refused.body["errors"].keys()) == (422, {"options.encoding"})


async def test_workbook_is_imported_as_its_rows(own_client: aiohttp.ClientSession) -> None:
    people: list[list[Any]] = [["E-Mail", "Vorname", "Telefon", "Since", "assigned_user_id"]]
    people += [["ada@example.com", "Ada", 30123450, "=1+1", 987654321], ["ada@example.com", "A", "", "", ""]]
    dry = await ended(own_client, await upload(own_client, workbook_of(people, sheet="Fair"), "?dry_run=1"))
    assert (dry["sheet"], dry["warned"], counts(dry)) == ("Fair", 1, (2, 1, 0, 1, 0))
    done = await ended(own_client, await ask(own_client, "POST", f"/api/v1/imports/{dry['id']}/run", json={}))
    assert (done["sheet"], done["warned"], counts(done)) == ("Fair", 1, counts(dry))
    [lead] = await all_leads(own_client)
    assert (lead["phone"], lead["custom_fields"], lead["assigned_user_id"]) == (
        "+4930123450",
        {"since": "=1+1"},
        None,
    )
    warned = (await ask(own_client, "GET", f"/api/v1/imports/{done['id']}/rows?state=warned")).body["data"]
    assert [row["reasons"] for row in warned] == [["assigned_user_id: there is no user 987654321; left out."]]
    await ended(own_client, await ask(own_client, "POST", f"/api/v1/imports/{done['id']}/undo"))
    assert await all_leads(own_client) == []


async def test_export_comes_back_as_equal_leads(service: Service, own_client: aiohttp.ClientSession) -> None:
    for lead in AWKWARD:
        answer = await ask(own_client, "POST", "/api/v1/leads", json={"source": "x"} | lead)
        assert answer.status == 201, answer.raw
    before = await all_leads(own_client)
    exported = await ask(own_client, "GET", EXPORT)
    assert exported.headers["Content-Type"] == "text/csv; charset=utf-8"
    cells = [cell for row in csv.reader(io.StringIO(exported.raw.decode(), newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    for lead in (await ask(own_client, "GET", "/api/v1/leads?per_page=100")).body["data"]:
        assert (await ask(own_client, "DELETE", f"/api/v1/leads/{lead['id']}")).status == 204
    done = await ended(own_client, await upload(own_client, exported.raw))
    assert counts(done) == (5, 5, 0, 0, 0)
    assert await all_leads(own_client) == before
    filtered = await ask(own_client, "GET", f"{EXPORT}?status=qualified&search=zo%C3%AB")
    assert len(list(csv.reader(io.StringIO(filtered.raw.decode(), newline="")))) in (1, 2)  # a search may trail
    by_status = await ask(own_client, "GET", f"{EXPORT}?status=qualified&format=ndjson")
    assert [orjson.loads(line)["first_name"] for line in by_status.raw.splitlines()] == ["Zoë"]
    assert (await ask(own_client, "GET", f"{EXPORT}?status=nope")).status == 422
    entries = (await ask(own_client, "GET", "/api/v1/audit-log?per_page=100")).body["data"]
    assert {"lead.exported", "import.created"} <= {entry["action"] for entry in entries}


@pytest.mark.parametrize(
    ("data", "options", "field"),
    [
        (b"PK\x03\x04rest of a workbook", {}, "file"),
        (b"", {}, "file"),
        (b"email\n", {}, "file"),
        (b"ada@example.com,Ada\n", {}, "file"),
        (b"a\0b\0\xff\xfe\0\0" * 9, {}, "file"),
        (b"email\na@example.com\n", {"mapping": {"mail": "email"}}, "options.mapping.mail"),
        (b"email\na@example.com\n", {"mapping": {"email": "lead_score"}}, "options.mapping.email"),
        (b"email\na@example.com\n", {"merge_policy": "all"}, "options.merge_policy"),
        (b"email\na@example.com\n", {"tags": "x"}, "options.tags"),
    ],
)
async def test_unreadable_file_is_refused_with_what_to_do(
    client: aiohttp.ClientSession, data: bytes, options: dict[str, Any], field: str
) -> None:
    answer = await upload(client, data, **options)
    assert (answer.status, [*answer.body["errors"]]) == (422, [field]), answer.raw


async def test_body_that_is_no_form_or_too_large_is_refused(client: aiohttp.ClientSession) -> None:
    assert (await ask(client, "POST", IMPORT, json={})).status == 415
    body = aiohttp.FormData(default_to_multipart=True)
    body.add_field("options", "{}")
    assert [*(await ask(client, "POST", IMPORT, data=body)).body["errors"]] == ["file"]

    async def huge() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nemail\n'
        await asyncio.sleep(0)

    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(600 << 20)}
    answer = await ask(client, "POST", IMPORT, data=huge(), headers=headers)
    assert answer.status == 413


async def test_scopes_and_other_workspaces(service: Service, own_client: aiohttp.ClientSession) -> None:
    async with service.client(service.make_key("read:leads")) as reader:
        assert (await upload(reader, b"email\na@example.com\n")).status == 403
        done = await ended(own_client, await upload(own_client, b"email\nmine@example.com\n"))
        assert (await ask(reader, "GET", f"/api/v1/imports/{done['id']}")).status == 404
        assert (await ask(reader, "GET", f"/api/v1/imports/{done['id']}/rows.csv")).status == 404
