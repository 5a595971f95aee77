"""Import in the console: a file, its columns, the dry run, the import and its undo; and an export, by who may."""

import asyncio
import csv
import io
import json
import re
import secrets
from typing import Any

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, FilePayload, Page, expect

from tests.support.console import ConsoleClient, Reader, console_client, needs_chromium, post_leads, watched_page
from tests.support.stack import Stack
from tests.support.waiting import until_async

IMPORT = "/console/main/import"
HOSTILE = '<script>alert("x")</script>‮ evil'


def people_file(salt: str) -> bytes:
    rows = [f"Name{n};Groß;p{n}@{salt}.example.com;=1+{n}" for n in range(30)]
    rows += [f"Again;;p1@{salt}.example.com;", f"{HOSTILE};;x@y@z;{'A' * 200}", ";;;"]
    return "\r\n".join(["Vorname;Nachname;E-Mail;Budget", *rows]).encode("utf-8-sig")


def upload(data: bytes) -> FilePayload:
    return {"name": f"{HOSTILE}.csv", "mimeType": "text/csv", "buffer": data}


async def steps_of(page: Page) -> list[str]:
    return [text.strip() for text in await page.locator(".ledger dd").all_inner_texts()]


@needs_chromium
async def test_file_is_imported_and_taken_back(stack: Stack, browser: Browser, readers: dict[str, Reader]) -> None:
    salt = secrets.token_hex(5)
    async with watched_page(browser, stack.base, readers["manager"].email) as watched:
        page = watched.page
        await watched.open(IMPORT)
        await page.set_input_files("input[type=file]", upload(people_file(salt)))
        await expect(page.locator("h1")).to_have_text("What would become of the rows")
        assert await page.locator("select").evaluate_all("all => all.map((one) => one.value)") == [
            *("first_name", "last_name", "email", "custom", "", "", "utf-8", "keep"),
        ]
        await page.fill("#tags", f"t-{salt}, spring")
        await page.locator("button", has_text="Import 32").click()  # what was not tried is tried first
        await expect(page.locator(".toast")).to_contain_text("Nothing was imported")
        await expect(page.locator("h1")).to_have_text("What would become of the rows")
        await expect(page.locator("#tags")).to_have_value(f"t-{salt}, spring")
        await expect(page.locator("button", has_text="Import 32")).to_be_visible()
        assert await steps_of(page) == ["33", "31", "0", "1", "1", "0", "0"]
        await expect(page.locator("#rows")).to_contain_text("The row has no value.")
        await page.click("text=Show these rows")
        await expect(page.locator("#rows")).to_contain_text("The e-mail cannot be read: kept as it stands.")
        found = await Axe().run(page)
        assert not [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
        await page.locator("button", has_text="Import 32").click()
        await expect(page.locator("h1")).to_have_text("32 rows imported", timeout=60_000)
        assert await steps_of(page) == ["33", "31", "0", "1", "1", "0", "0"]
        await page.click("text=Undo the import…")
        await page.locator(".dialog button.danger").click()
        await expect(page.locator("h1")).to_have_text("The import was taken back", timeout=60_000)
        await page.set_viewport_size({"width": 390, "height": 844})
        assert await watched.excess_width() <= 0
        assert watched.faults == []
    with stack.database() as database:
        left = database.execute("SELECT count(*) FROM leads WHERE email LIKE %s", (f"%@{salt}.example.com",)).fetchone()
    assert left == (0,)


async def test_file_is_sent_without_script_and_refused_with_what_to_do(
    stack: Stack, readers: dict[str, Reader]
) -> None:
    async with console_client(stack.base, readers["admin"].email) as client:
        shown = await post_file(client, b"PK\x03\x04 a workbook")
        assert shown[0] == 422
        assert "save it as “CSV UTF-8”" in shown[1]
        status, location = await post_file(client, people_file(secrets.token_hex(5)))
        assert status == 303
        page = await client.get(location)
        assert 'id="target-1"' in page.text
        assert "<script>alert" not in page.text
        none = await client.post(f"{location}/columns", {"target-1": ""})
        assert (none.status, "Choose a field for one column at least." in none.text) == (422, True)
        started = await client.post(f"{location}/columns", {"target-3": "email", "key-4": "x"})
        assert started.status == 303
        nameless = await post_file(client, b"Budget,Colour\n1,red\n")
        page = await client.get(nameless[1])
        assert "Where does each column go?" in page.text
        assert "Import 1<" not in page.text


@needs_chromium
async def test_encoding_is_shown_and_another_is_chosen(
    stack: Stack, browser: Browser, readers: dict[str, Reader]
) -> None:
    data = "Név,email\nGergő Szűcs,g@example.com\n".encode("cp1250")
    async with watched_page(browser, stack.base, readers["manager"].email) as watched:
        page = watched.page
        await watched.open(IMPORT)
        await page.set_input_files("input[type=file]", upload(data))
        await expect(page.locator("#encoding")).to_have_value("cp1252")
        await expect(page.locator("main")).to_contain_text("Gergõ Szûcs")
        await expect(page.locator("h1")).to_have_text("What would become of the rows")
        await page.select_option("#encoding", "cp1250")
        await page.locator("button", has_text="Read again").click()
        await expect(page.locator("main")).to_contain_text("Gergő Szűcs")
        await expect(page.locator("#encoding")).to_have_value("cp1250")
        await expect(page.locator("h1")).to_have_text("Where does each column go?")
        await page.locator("button", has_text="Try without storing").first.click()
        await expect(page.locator("h1")).to_have_text("What would become of the rows")
        await expect(page.locator(".head")).to_contain_text("Windows-1250")
        assert watched.faults == []


@needs_chromium
async def test_dry_run_says_that_nothing_was_stored_and_its_file_is_discarded(
    stack: Stack, browser: Browser, readers: dict[str, Reader]
) -> None:
    salt = secrets.token_hex(5)
    async with watched_page(browser, stack.base, readers["manager"].email) as watched:
        page = watched.page
        await watched.open(IMPORT)
        # Another page is open before the dry run ends: whoever watches the import itself is told nothing elsewhere.
        other = await page.context.new_page()
        await other.goto(f"{stack.base}/console/main/leads")
        await page.set_input_files("input[type=file]", upload(people_file(salt)))
        await expect(page.locator("h1")).to_have_text("What would become of the rows")
        await page.fill("#source", salt)
        await page.press("#source", "Enter")  # tries, and does not discard
        await expect(page.locator("#source")).to_have_value(salt)
        await expect(page.locator("h1")).to_have_text("What would become of the rows")
        toast = other.locator(".toast", has_text="Dry run of 33 rows: nothing was stored")
        await toast.locator("a", has_text="See the import").click()
        await expect(other.locator("h1")).to_have_text("What would become of the rows")
        await page.get_by_role("button", name="Discard").click()
        await expect(page.locator("h1")).to_have_text("Import")
        await expect(page.locator(".toast")).to_have_text(re.compile("The file was discarded. Nothing was stored."))
        assert watched.faults == []
    with stack.database() as database:
        counts = database.execute(
            """SELECT (SELECT count(*) FROM leads WHERE source = %(salt)s),
                      (SELECT count(*) FROM imports WHERE has_file AND options ->> 'source' = %(salt)s)""",
            {"salt": salt},
        ).fetchone()
    assert counts == (0, 0)


@needs_chromium
async def test_report_shows_values_and_figures_that_add_up(
    stack: Stack, browser: Browser, readers: dict[str, Reader]
) -> None:
    salt = secrets.token_hex(5)
    data = (
        "name,email,assigned_user_id,starred\n"
        f"Ada,a@{salt}.example.com,987654321,\nGrace,g at {salt},,\n"
        f"Grace,a@{salt}.example.com,,\nX,,,maybe\n"
    )
    async with watched_page(browser, stack.base, readers["manager"].email) as watched:
        page = watched.page
        await watched.open(IMPORT)
        await page.set_input_files("input[type=file]", upload(data.encode()))
        await page.locator("button", has_text="Import 3").click()
        await expect(page.locator("h1")).to_have_text("3 rows imported", timeout=60_000)
        rows, *parts, unaccounted = map(int, await steps_of(page))
        assert (rows, sum(parts), unaccounted) == (4, 4, 0)
        shown = page.locator("#rows tbody tr")
        for state, text in {
            "warned": "There is no user 987654321: left out as the owner. 987654321",
            "kept": f"The e-mail cannot be read: kept as it stands. g at {salt}",
            "invalid": "The star must be yes or no. maybe",
        }.items():
            await watched.open(f"{page.url.partition('?')[0].removeprefix(stack.base)}?state={state}")
            await expect(shown).to_have_count(1)
            await expect(shown).to_contain_text(text)
        await expect(shown).to_contain_text("X")
        await watched.open(IMPORT)
        cells = await page.locator("tbody tr", has_text="done").first.locator("td.num").all_inner_texts()
        assert int(cells[0]) == sum(map(int, cells[1:5])) == 4
        assert watched.faults == []


async def post_file(client: ConsoleClient, data: bytes) -> tuple[int, str]:
    """The status, and the page or where it leads."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Origin": client.base}
    options: dict[str, Any] = {"data": head + data + b"\r\n--x--\r\n", "headers": headers, "allow_redirects": False}
    async with client.session.post(client.base + IMPORT, **options) as answer:
        return answer.status, answer.headers.get("Location") or await answer.text()


async def test_a_rejected_row_is_mended_into_a_lead(stack: Stack, readers: dict[str, Reader]) -> None:
    salt = secrets.token_hex(5)
    data = f"Name,E-Mail,Phone,Budget\nAda Lovelace,ada@{salt}@x,020 7946 0018,12\nGrace,g@{salt}.example.com,,\n"
    async with console_client(stack.base, readers["manager"].email) as client:
        _, location = await post_file(client, data.encode())
        mapping = {"target-1": "full_name", "target-2": "email", "target-3": "phone"}
        options = {"invalid": "reject", "phone_country": "GB", "source": salt, "encoding": "utf-8"}
        columns = {**mapping, "target-4": "custom", "key-4": "budget", **options}
        assert (await client.post(f"{location}/columns", columns)).status == 303
        link = await until_found(client, f"{location}?state=invalid", rf'href="({location}/rows/\d+)"')
        listed = (await client.get(f"{location}?state=invalid")).text
        assert '<bdi class="ltr">+442079460018</bdi>' in listed  # beside 020 7946 0018
        form = await client.get(link)
        assert re.search(r'name="email"[^>]*value="ada@[^>]*aria-invalid="true"', form.text, re.DOTALL)
        for field, value in (("first_name", "Ada"), ("last_name", "Lovelace"), ("phone", "+442079460018")):
            assert re.search(rf'name="{field}"[^>]*value="{re.escape(value)}"', form.text, re.DOTALL), field
        assert re.search(r'name="custom_fields.budget"[^>]*value="12"', form.text, re.DOTALL)
        sent = {"email": f"ada@{salt}.example", "first_name": "Ada", "source": salt, "custom_fields.budget": "12"}
        refused = await client.post(link, {**sent, "email": "ada@"})
        assert (refused.status, 'name="custom_fields.budget"' in refused.text) == (422, True)
        presses = await asyncio.gather(*(client.post(link, {**sent, "phone": f"+44207946001{n}"}) for n in range(3)))
        assert {press.status for press in presses} == {303}
        listed = (await client.get(f"{location}?state=invalid")).text
        [lead_path] = re.findall(r'href="(/console/main/leads/\d+)"[^>]*The lead that came of row 1', listed, re.DOTALL)
        assert ("Mended" in listed, f'href="{link}"' in listed) == (True, False)
        for again in (await client.get(link), await client.post(link, sent)):
            assert (again.status, again.location.partition("?")[0]) == (303, lead_path)
        assert (await client.get(f"{location}/rows/2")).status == 404  # it was not rejected
    with stack.database() as database:
        found = database.execute("SELECT email, custom_fields FROM leads WHERE source = %s", (salt,)).fetchall()
    assert found == [(f"ada@{salt}.example", {"budget": "12"})]


async def until_found(client: ConsoleClient, path: str, pattern: str) -> str:
    """What a pattern finds in a page, as soon as it is there."""
    found: list[str] = []

    async def is_there() -> bool:
        found[:] = re.findall(pattern, (await client.get(path)).text)
        return bool(found)

    await until_async(is_there, what=pattern)
    return found[0]


async def test_leads_are_exported_by_the_filters_and_only_by_who_may(stack: Stack, readers: dict[str, Reader]) -> None:
    source = f"export-{secrets.token_hex(4)}"
    names = ("=cmd()", "Ada")
    leads = [{"first_name": name, "email": f"{secrets.token_hex(5)}@example.com", "source": source} for name in names]
    await post_leads(stack, leads)
    path = f"/console/main/leads/export?source={source}"
    async with console_client(stack.base, readers["manager"].email) as client:
        rows = list(csv.DictReader(io.StringIO((await client.get(path)).text, newline="")))
        assert sorted(row["first_name"] for row in rows) == ["'=cmd()", "Ada"]
        lines = (await client.get(f"{path}&format=ndjson")).text.splitlines()
        assert sorted(json.loads(line)["first_name"] for line in lines) == ["=cmd()", "Ada"]
        assert (await client.get(f"{path}&status=nope")).status == 422
    async with console_client(stack.base, readers["agent"].email) as client:
        assert {(await client.get(one)).status for one in (path, IMPORT)} == {403}
