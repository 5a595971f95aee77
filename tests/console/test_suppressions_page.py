"""The page of suppressions: addresses are added, found and removed; who sees them, and what a lead's page says."""

import re
import secrets
from collections.abc import AsyncIterator

import aiohttp
import pytest_asyncio
from playwright.async_api import Browser, expect

from shared import workspaces
from shared.auth.passwords import PasswordHashing
from shared.auth.roles import ROLE_NAMES
from shared.outbound.suppression_fields import MAX_NOTE_LENGTH, MAX_PASTED_ADDRESSES
from shared.platform.db.connections import connect
from shared.platform.web.path_params import MAX_ID
from tests.support.console import (
    PASSWORD,
    WORKSPACE,
    ConsoleClient,
    Reader,
    Shown,
    console_client,
    make_account,
    needs_chromium,
    watched_page,
)
from tests.support.console_routes import make_lead
from tests.support.stack import Stack
from tests.support.waiting import until_async

HOSTILE = '<img src=x onerror="alert(1)">'
ADD_MANY = """
INSERT INTO suppressions (workspace_id, email, reason)
SELECT id, 'n' || n || '@many.example.com', 'unsubscribed' FROM workspaces, generate_series(1, %s) n WHERE slug = %s
"""
LISTED = """
SELECT email, reason, note, created_by ->> 'kind', created_by ->> 'name' FROM suppressions s
JOIN workspaces w ON w.id = s.workspace_id WHERE w.slug = %s ORDER BY s.id
"""
AUDITED = """
SELECT action, object_id, count, before::text, after::text FROM audit_log a JOIN workspaces w ON w.id = a.workspace_id
WHERE w.slug = %s AND action LIKE 'suppression.%%' AND outcome = 'done' ORDER BY a.id
"""
# While a form is being sent a browser answers no questions about its page: what it says then is kept for later.
KEEP_WHAT_IS_SAID = """
() => window.addEventListener("submit", () => {
  const isShown = !document.querySelector("[data-under-way] > span").hidden;
  const isClosed = document.querySelector(".dialog button.primary").disabled;
  sessionStorage.setItem("said", `${isShown}, ${isClosed}`);
})
"""
EMAIL_OF = "SELECT email FROM leads WHERE id = %s"


@pytest_asyncio.fixture
async def slug(shared_stack: Stack) -> str:
    """A workspace of this test's own, with an account of each role."""
    name = f"no-mail-{secrets.token_hex(6)}"
    async with connect(shared_stack.database_url, "tests") as connection:
        async with connection.transaction():
            await workspaces.create_workspace(connection, name, "No mail")
        password_hash = await PasswordHashing().hash_password(PASSWORD)
        for role in ROLE_NAMES:
            email = f"{role}@{name}.example.com"
            await make_account(connection, name, email, role, name=f"The {role}", password_hash=password_hash)
    return name


@pytest_asyncio.fixture
async def manager(shared_stack: Stack, slug: str) -> AsyncIterator[ConsoleClient]:
    async with console_client(shared_stack.base, f"manager@{slug}.example.com") as client:
        yield client


def page_of(slug: str) -> str:
    return f"/console/{slug}/settings/suppressions"


async def send_file(client: ConsoleClient, slug: str, data: bytes, note: str = "") -> Shown:
    form = aiohttp.FormData({"note": note})
    form.add_field("file", data, filename="list.csv", content_type="text/csv")
    headers = {"Origin": client.base}
    async with client.session.post(f"{client.base}{page_of(slug)}/file", data=form, headers=headers) as answer:
        return Shown(answer.status, await answer.text(), answer.headers)


def listed(stack: Stack, slug: str) -> list[tuple[object, ...]]:
    with stack.database() as database:
        return database.execute(LISTED, (slug,)).fetchall()


def shown_ids(text: str) -> list[str]:
    return re.findall(r"\?remove=(\d+)", text)


async def test_addresses_are_added_with_a_reason_and_found(
    shared_stack: Stack, slug: str, manager: ConsoleClient
) -> None:
    page = page_of(slug)
    assert "Nobody is on the list yet" in (await manager.get(page)).text
    assert "Add addresses" in (await manager.get(f"{page}?add=1")).text
    pasted = "Stop@Example.com, Ada <ada@example.com>\nstop@example.com; eve@example.org"
    assert (await manager.post(page, {"addresses": pasted, "note": HOSTILE})).status == 303
    by_manager = ("manual", HOSTILE, "user", "The manager")
    emails = ("ada@example.com", "eve@example.org", "stop@example.com")
    assert listed(shared_stack, slug) == [(email, *by_manager) for email in emails]
    shown = (await manager.get(page)).text
    assert ("3 addresses get no mail from now on." in shown, HOSTILE in shown) == (True, False)
    assert (await manager.post(page, {"addresses": "ada@example.com new@example.com"})).status == 303
    assert "1 address gets no mail from now on. 1 was on the list." in (await manager.get(page)).text
    assert len(shown_ids((await manager.get(f"{page}?q=EXAMPLE.ORG")).text)) == 1
    assert "No address on the list has this" in (await manager.get(f"{page}?q=nobody")).text


async def test_nothing_is_added_of_what_cannot_be_read(shared_stack: Stack, slug: str, manager: ConsoleClient) -> None:
    page, good = page_of(slug), "ada@example.com"
    refusals = {
        f"{good}, {HOSTILE}": "no e-mail address",
        f"{good} nobody also-nobody": "2 are no e-mail addresses",
        " ,\n": "at least one",
        "\n".join(f"n{n}@example.com" for n in range(MAX_PASTED_ADDRESSES + 1)): "At most 500 addresses",
        f"{good}\0x": "no e-mail address",
        "x" * 60_000: "no e-mail address",
    }
    for addresses, said in refusals.items():
        refused = await manager.post(page, {"addresses": addresses})
        assert (refused.status, said in refused.text, HOSTILE in refused.text) == (422, True, False), said
    for note in ("x" * (MAX_NOTE_LENGTH + 1), "a\0b"):
        assert (await manager.post(page, {"addresses": good, "note": note})).status == 422
    assert (await manager.post(page, {"addresses": "x" * (300 << 10)})).status == 413
    for query in ("before=0", "before=x", "entry=-1", "entry=" + "9" * 20, "remove=\u0661", "entry=1.5"):
        assert (await manager.get(f"{page}?{query}")).status == 404, query
    for query in ("q=%00", "q=%25_", "q=" + "x" * 5_000):
        assert (await manager.get(f"{page}?{query}")).status == 200, query
    assert listed(shared_stack, slug) == []


async def test_an_address_is_removed_after_it_was_said_what_follows(
    shared_stack: Stack, slug: str, manager: ConsoleClient
) -> None:
    page = page_of(slug)
    await manager.post(page, {"addresses": "ada@example.com", "note": "Ada asked"})
    with shared_stack.database() as database:
        database.execute(ADD_MANY, (1, slug))
    [unsubscribed, added] = shown_ids((await manager.get(page)).text)
    assert "This person unsubscribed" in (await manager.get(f"{page}?remove={unsubscribed}")).text
    question = (await manager.get(f"{page}?remove={added}")).text
    assert ("is not sent later" in question, "This person unsubscribed" in question) == (True, False)
    removed = await manager.post(f"{page}/{added}/delete?q=example.com&before={MAX_ID}")
    assert (removed.status, removed.location) == (303, f"{page}?q=example.com")
    assert (await manager.post(f"{page}/{added}/delete")).status == 404
    assert shown_ids((await manager.get(page)).text) == [unsubscribed]

    def audited() -> list[tuple[object, ...]]:
        with shared_stack.database() as database:
            return database.execute(AUDITED, (slug,)).fetchall()

    await until_async(lambda: len(audited()) == 2, what="the entries of the audit log")
    [made, deleted] = audited()
    assert made[:3] == ("suppression.created", added, 1)
    assert deleted[:2] == ("suppression.deleted", added)
    assert "ada" not in str([made, deleted]).lower()


async def test_a_file_is_added_and_taken_back_at_once(shared_stack: Stack, slug: str, manager: ConsoleClient) -> None:
    page, count = page_of(slug), 12_000
    await manager.post(page, {"addresses": "n7@file.example.com n8@file.example.com"})
    lines = [f"{n},n{n}@file.example.com" for n in range(count)]
    data = "\n".join(["Number,E-Mail", *lines, "x,N5@File.example.com", f"y,{HOSTILE}", "z,nobody@"])
    shown = await send_file(manager, slug, data.encode(), "from the old program")
    assert (shown.status, HOSTILE in shown.text) == (200, False)
    for said in (
        "11,998 addresses get no mail from now on. 2 were on the list.",
        "1 line repeats an address of another.",
        "2 lines are no e-mail addresses, and were left out: line 12,003: &lt;img",
    ):
        assert said in shown.text, said
    assert len(listed(shared_stack, slug)) == count
    [group] = set(re.findall(r"\?together=(\d+)&amp;undo=\d+", shown.text))
    part = (await manager.get(f"{page}?together={group}")).text
    assert ("11,998 addresses that were added together" in part, len(shown_ids(part))) == (True, 100)
    assert "n7@file" not in (await manager.get(f"{page}?together={group}&before={MAX_ID}")).text
    assert "added together with others" in (await manager.get(page)).text
    assert "Let 11,998 addresses have mail again" in (await manager.get(f"{page}?undo={group}")).text
    assert (await manager.post(f"{page}/{group}/undo")).status == 303
    assert "11,998 addresses get mail again." in (await manager.get(page)).text
    assert [row[0] for row in listed(shared_stack, slug)] == ["n7@file.example.com", "n8@file.example.com"]
    assert (await manager.post(f"{page}/{group}/undo")).status == 404


@needs_chromium
async def test_a_file_is_chosen_in_the_readers_language_and_said_to_be_under_way(
    browser: Browser, shared_stack: Stack, slug: str
) -> None:
    email, phone = f"manager@{slug}.example.com", {"width": 390, "height": 844}
    async with watched_page(browser, shared_stack.base, email, locale="ar", viewport=phone) as watched:
        page = watched.page
        await watched.open(f"{page_of(slug)}/file")
        await expect(page.locator(".file-button").first).to_be_visible()
        assert await page.locator("#file").evaluate("field => getComputedStyle(field).opacity") == "0"
        many = "\n".join(f"n{n}@file.example.com" for n in range(200))
        await page.set_input_files("#file", {"name": "old list.csv", "mimeType": "text/csv", "buffer": many.encode()})
        await expect(page.locator("[data-file-name]")).to_contain_text("old list.csv")
        await expect(page.locator("[data-under-way] > span")).to_be_hidden()
        await page.evaluate(KEEP_WHAT_IS_SAID)
        await page.locator(".dialog button.primary").click()
        await expect(page.locator(".banner-good")).to_contain_text("200")
        assert await page.evaluate("sessionStorage.getItem('said')") == "true, true"
        assert len(listed(shared_stack, slug)) == 200
        assert watched.faults == []


async def test_of_an_unusable_file_nothing_is_added(
    shared_stack: Stack, slug: str, manager: ConsoleClient, client: ConsoleClient
) -> None:
    cases = {
        b"": "The file is empty.",
        b"\n\n": "no line with text",
        b"email\nnobody\n": "the file has no e-mail address. 1 line is no e-mail address",
        b"a@b.co\n" * 50_001: "50,000 addresses at most",
        b"x" * (9 << 20): "8 MB at most",
        b"%PDF-1.7": "It is a PDF",
    }
    for data, said in cases.items():
        shown = await send_file(manager, slug, data)
        assert (shown.status, said in shown.text) == (422, True), said
    assert (await send_file(manager, slug, b"a@b.co", "x" * (MAX_NOTE_LENGTH + 1))).status == 422
    assert (await send_file(client, slug, b"a@b.co")).status == 404
    assert listed(shared_stack, slug) == []


async def test_a_long_list_has_pages(shared_stack: Stack, slug: str, manager: ConsoleClient) -> None:
    page = page_of(slug)
    with shared_stack.database() as database:
        database.execute(ADD_MANY, (250, slug))
    ids: list[str] = []
    path = page
    while path:
        shown = (await manager.get(path)).text
        ids += shown_ids(shown)
        found = re.search(r'href="([^"]+before=\d+)"[^>]*>\s*Older', shown)
        path = found[1].replace("&amp;", "&") if found else ""
    assert (len(ids), len(set(ids))) == (250, 250)
    assert "250 addresses get no mail." in (await manager.get(page)).text


async def test_roles_and_other_workspaces(
    shared_stack: Stack, slug: str, manager: ConsoleClient, client: ConsoleClient
) -> None:
    page, foreign = page_of(slug), page_of(WORKSPACE)
    await manager.post(page, {"addresses": f"ours@{slug}.example.com"})
    [ours] = shown_ids((await manager.get(page)).text)
    assert f"ours@{slug}" not in (await client.get(foreign)).text
    for query in (f"entry={ours}", f"remove={ours}"):
        assert (await client.get(f"{foreign}?{query}")).status == 404, query
    assert (await client.post(f"{foreign}/{ours}/delete")).status == 404
    assert (await manager.get(foreign)).status == 404
    async with console_client(shared_stack.base, f"agent@{slug}.example.com") as agent:
        shown = await agent.get(page)
        assert (shown.status, f"ours@{slug}" in shown.text, shown_ids(shown.text)) == (200, True, [])
        for query in (f"remove={ours}", "add=1"):
            assert 'id="dialog-title"' not in (await agent.get(f"{page}?{query}")).text
        assert (await agent.post(f"{page}/{ours}/delete")).status == 403
        assert (await agent.post(page, {"addresses": "x@example.com"})).status == 403
    async with console_client(shared_stack.base, f"read_only@{slug}.example.com") as reader:
        assert (await reader.get(page)).status == 403
        assert page not in (await reader.get(f"/console/{slug}/now")).text
    assert len(listed(shared_stack, slug)) == 1


@needs_chromium
async def test_whoever_asked_for_no_mail_is_put_on_the_list_and_taken_off_again(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    lead_id = make_lead(shared_stack)
    with shared_stack.database() as database:
        [(email,)] = database.execute(EMAIL_OF, (lead_id,)).fetchall()
    async with watched_page(browser, shared_stack.base, readers["manager"].email) as watched:
        page = watched.page
        await page.get_by_role("navigation", name="Main").get_by_role("link", name="No mail").click()
        await page.get_by_role("link", name="Add addresses").click()
        await expect(page.get_by_label("E-mail addresses")).to_be_focused()
        await page.keyboard.type(f"{email.upper()}\n")
        await page.get_by_label("Reason").fill("asked by phone")
        await page.get_by_role("button", name="Send them no more mail").click()
        row = page.get_by_role("row").filter(has_text=email)
        await expect(row).to_contain_text("asked by phone")
        await watched.open(f"/console/{WORKSPACE}/leads/{lead_id}")
        await expect(page.locator("#facts")).to_contain_text("Gets no mail")
        await page.get_by_role("link", name="Show the entry").click()
        assert email not in page.url
        await row.get_by_role("link", name="Remove").click()
        await expect(page.get_by_role("dialog")).to_contain_text("What was left out meanwhile is not sent later.")
        await page.get_by_role("button", name="Remove from the list").click()
        await expect(page.get_by_text("The address gets mail again.")).to_be_visible()
        await watched.open(f"/console/{WORKSPACE}/leads/{lead_id}")
        await expect(page.locator("#facts")).not_to_contain_text("Gets no mail")
        assert watched.faults == []
