"""The page of a workspace's settings: each change says what it would do, and only then it can be saved."""

import asyncio
import html
import re
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from shared import workspaces
from shared.auth.passwords import PasswordHashing
from shared.auth.roles import Role
from shared.platform.db.connections import connect
from tests.support.console import PASSWORD, ConsoleClient, console_client, make_account, needs_chromium, watched_page
from tests.support.receivers import MailServer
from tests.support.stack import Stack, running_stack
from tests.support.waiting import until_async

SETTINGS = """
SELECT name, country, timezone, merge_policy, fold_gmail, never_join FROM workspaces WHERE slug = %s
"""
CROWD = """
INSERT INTO leads (workspace_id, id, first_name, email)
SELECT id, nextval('lead_ids'), 'Name' || n, 'desk@firm.example' FROM workspaces, generate_series(1, 12) n
WHERE slug = %s
"""
LOGGED = """
SELECT action, before, after FROM audit_log WHERE workspace_id = (SELECT id FROM workspaces WHERE slug = %s) ORDER BY id
"""
HOSTILE = ["\0", "x" * 10_000, "   ", "-1", "99999999999999999999", "<img src=x onerror=alert(1)>@"]


@pytest_asyncio.fixture
async def slug(stack: Stack) -> str:
    """A workspace of this test's own, with an admin and a manager."""
    return await make_workspace(stack)


async def make_workspace(stack: Stack) -> str:
    name = f"set-{secrets.token_hex(6)}"
    async with connect(stack.database_url, "tests") as connection:
        async with connection.transaction():
            await workspaces.create_workspace(connection, name, "Nordlys")
        password_hash = await PasswordHashing().hash_password(PASSWORD)
        roles: tuple[Role, ...] = ("admin", "manager")
        for role in roles:
            await make_account(connection, name, email_of(name, role), role, name=role, password_hash=password_hash)
    return name


def email_of(slug: str, role: str) -> str:
    return f"{role}@{slug}.example.com"


@pytest_asyncio.fixture
async def admin(stack: Stack, slug: str) -> AsyncIterator[ConsoleClient]:
    async with console_client(stack.base, email_of(slug, "admin")) as client:
        yield client


def settings_of(stack: Stack, slug: str) -> tuple[object, ...]:
    with stack.database() as database:
        return database.execute(SETTINGS, (slug,)).fetchall()[0]


def audited(stack: Stack, slug: str) -> list[tuple[object, ...]]:
    with stack.database() as database:
        return database.execute(LOGGED, (slug,)).fetchall()


def seen_in(page: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found, page
    return found[1]


async def test_a_change_is_saved_only_after_its_effect_was_seen(stack: Stack, slug: str, admin: ConsoleClient) -> None:
    address = f"/console/{slug}/settings/workspace"
    change = {"section": "place", "country": "NO", "timezone": "Europe/Oslo"}
    first = await admin.post(address, change)  # without the effect
    assert first.status == 200
    assert settings_of(stack, slug)[1] == "US"
    assert "changed, was" in first.text
    assert "Active automations that wait for business hours: 0." in first.text
    other = {**change, "country": "SE", "seen": seen_in(first.text)}  # changed after it was looked at
    second = await admin.post(address, other)
    assert (second.status, settings_of(stack, slug)[1]) == (200, "US")
    assert (await admin.post(address, {**other, "seen": seen_in(second.text)})).status == 303
    assert settings_of(stack, slug)[1:3] == ("SE", "Europe/Oslo")
    toast = html.unescape((await admin.get(address)).text)
    assert f"{address}?section=place&country=US&timezone=UTC#place" in toast
    await until_async(lambda: len(audited(stack, slug)) > 0, what="the entry of the audit log")
    assert audited(stack, slug) == [
        (
            "workspace.changed",
            {"country": "US", "timezone": "UTC"},
            {"country": "SE", "timezone": "Europe/Oslo"},
        )
    ]


async def test_wrong_and_hostile_values_are_told_at_their_fields(stack: Stack, slug: str, admin: ConsoleClient) -> None:
    address, before = f"/console/{slug}/settings/workspace", settings_of(stack, slug)
    fields = {
        "name": ("name",),
        "place": ("country", "timezone"),
        "duplicates": ("merge_policy",),
        "list": ("add",),
        "spam": ("spam_threshold",),
        "alarms": ("who_waiting", "limit_waiting"),
        "retention": ("submissions_days", "held_days", "activities_days", "attempts_days"),
    }
    for section, names in fields.items():
        for name in names:
            for value in HOSTILE[1:] if section == "name" else HOSTILE:
                answer = await admin.post(address, {"section": section, name: value, "seen": "x"})
                assert answer.status in (200, 422), (section, name, value)
                assert "<img src=x" not in answer.text
    refused = await admin.post(address, {"section": "retention", "submissions_days": "91", "activities_days": "5"})
    assert refused.status == 422
    assert "The installation keeps it for 90 days at most." in refused.text
    assert "Keep timelines at least as long as submissions." in refused.text
    assert (await admin.get(f"{address}?section=nothing&country=NO")).status == 200
    assert settings_of(stack, slug) == before


async def test_only_admins_open_it(stack: Stack, slug: str) -> None:
    async with console_client(stack.base, email_of(slug, "manager")) as manager:
        address = f"/console/{slug}/settings/workspace"
        assert (await manager.get(address)).status == 403
        assert (await manager.post(address, {"section": "name", "name": "Mine"})).status == 403
        assert (await manager.post(f"{address}/mail")).status == 403
        assert (await manager.get(f"{address}/mail")).status == 403
        assert (await manager.post(f"{address}/alarm", {"alarm": "waiting"})).status == 403
        assert (await manager.post(f"{address}/mail/save", {"disconnect": "1"})).status == 403
    assert settings_of(stack, slug)[0] == "Nordlys"


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def mailing_stack(tmp_path_factory: pytest.TempPathFactory, mail_server: MailServer) -> Iterator[Stack]:
    """A LeadHub of its own, that sends mails."""
    env = {"LEADHUB_SMTP_URL": f"smtp://127.0.0.1:{mail_server.port}", "LEADHUB_MAIL_FROM": "hub@example.com"}
    with running_stack(tmp_path_factory.mktemp("mailing"), env) as found:
        yield found


@needs_chromium
async def test_an_admin_sets_a_workspace_up_in_a_browser(
    mailing_stack: Stack, mail_server: MailServer, browser: Browser
) -> None:
    slug = await make_workspace(mailing_stack)
    with mailing_stack.database() as database:
        database.execute(CROWD, (slug,))
    async with watched_page(browser, mailing_stack.base, email_of(slug, "admin")) as watched:
        page = watched.page
        await watched.open(f"/console/{slug}/settings/workspace")
        await page.get_by_role("textbox", name="Name").fill("Nordlys & <Sons>")
        await save(page, "name")
        await page.get_by_text("Overwrite", exact=True).click()
        await page.get_by_text("Do not count", exact=True).click()
        await save(page, "duplicates")
        await page.get_by_role("link", name=re.compile("Add it")).click()
        await expect(page.locator("#list")).to_contain_text("desk@firm.example: 12.")
        await page.get_by_role("button", name="Save the change").click()
        await page.get_by_label("One more entry").fill("info@")
        await page.get_by_role("button", name="Add", exact=True).click()
        await page.get_by_role("button", name="Save the change").click()
        assert settings_of(mailing_stack, slug) == (
            *("Nordlys & <Sons>", "US", "UTC", "overwrite", True),
            ["desk@firm.example", "info@"],
        )
        await page.get_by_role("link", name="Take off: info@").click()
        await page.get_by_role("button", name="Save the change").click()
        await page.get_by_role("link", name="Put back").click()  # in the toast
        await page.get_by_role("button", name="Save the change").click()
        assert settings_of(mailing_stack, slug)[5] == ["desk@firm.example", "info@"]
        await page.get_by_role("button", name="Send me a test mail").click()
        async with asyncio.timeout(30):
            while not await page.get_by_text("The mail server took the last test mail.").is_visible():
                await watched.open(f"/console/{slug}/settings/workspace")
        assert watched.faults == []
    assert [mail.rcpt_tos for mail in mail_server.mails] == [[email_of(slug, "admin")]]


@pytest.fixture
def open_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A LeadHub of its own, whose operator allows servers on this machine."""
    with running_stack(tmp_path_factory.mktemp("open"), {"LEADHUB_ALLOWED_TARGETS": "127.0.0.1"}) as found:
        yield found


@needs_chromium
async def test_an_admin_connects_a_mail_server_in_a_browser(
    open_stack: Stack, mail_server: MailServer, browser: Browser
) -> None:
    slug = await make_workspace(open_stack)
    mail_server.answer_to_data = "250 2.0.0 queued as 4F2A"
    address = f"/console/{slug}/settings/workspace"
    async with watched_page(browser, open_stack.base, email_of(slug, "admin")) as watched:
        page = watched.page
        await watched.open(address)
        await page.locator("#mail").get_by_role("link", name="Connect SMTP").click()
        await page.get_by_role("link", name="Postmark").click()
        await expect(page.get_by_role("textbox", name="Server")).to_have_value("smtp.postmarkapp.com")
        await page.get_by_role("textbox", name="Server").fill("127.0.0.1")
        await page.get_by_role("textbox", name="Port").fill(str(mail_server.port))
        await page.get_by_label("Encryption").select_option("")
        await page.get_by_role("textbox", name="Sender's address").fill("crm@nordlys.example")
        await page.get_by_role("textbox", name="Sender's name").fill("Nordlys, Sales")
        await page.get_by_role("button", name="See what a change does").click()
        main = page.locator("main")
        await expect(main).to_contain_text(f"Mails of the workspace go out by 127.0.0.1:{mail_server.port}.")
        await expect(main).to_contain_text("Receivers ask nordlys.example")
        await page.get_by_role("button", name="Save the change").click()
        await page.get_by_role("button", name="Send me a test mail").click()
        async with asyncio.timeout(30):
            while not await page.get_by_text("queued as 4F2A").is_visible():
                await watched.open(address)
        assert watched.faults == []
    (mail,) = mail_server.mails
    assert (mail.mail_from, mail.rcpt_tos) == ("crm@nordlys.example", [email_of(slug, "admin")])


async def test_a_mail_server_is_saved_after_its_effect_was_seen_and_its_password_is_never_shown(
    stack: Stack, slug: str, admin: ConsoleClient
) -> None:
    address = f"/console/{slug}/settings/workspace/mail"
    sent = {"host": "smtp.example.com", "port": "587", "security": "", "from": "crm@nordlys.example"}
    sent |= {"username": "crm", "password": "not-to-be-seen-7531"}
    first = await admin.post(f"{address}/save", sent)  # without the effect
    assert first.status == 200
    assert "not-to-be-seen-7531" not in first.text
    assert (await admin.post(f"{address}/save", {**sent, "seen": seen_in(first.text)})).status == 303
    shown = await admin.get(address)
    assert 'value="smtp.example.com"' in shown.text
    assert "7531" not in shown.text
    other = await admin.get(f"{address}?host=mx.evil.example&port=587&username=crm&from=crm@nordlys.example")
    stolen = {**sent, "host": "mx.evil.example", "password": "", "seen": seen_in(other.text)}
    refused = await admin.post(f"{address}/save", stolen)
    assert (refused.status, "Enter the password again" in refused.text) == (422, True)
    with stack.database() as database:
        logged = database.execute(LOGGED, (slug,)).fetchall()
    assert [action for action, *_ in logged].count("workspace.mail_changed") == 2
    assert "7531" not in str(logged)
    assert "<img src=x" not in (await admin.get(f"{address}?host=<img src=x onerror=alert(1)>&back=1")).text
    gone = await admin.get(f"{address}?disconnect=1")
    assert "No mail goes out any more" in gone.text
    assert (await admin.post(f"{address}/save", {"disconnect": "1", "seen": seen_in(gone.text)})).status == 303
    assert 'value="smtp.example.com"' not in (await admin.get(address)).text


async def test_alarms_are_chosen_after_their_effect_was_seen_and_sent_as_a_test(
    stack: Stack, slug: str, admin: ConsoleClient
) -> None:
    address = f"/console/{slug}/settings/workspace"
    with stack.database() as database:
        manager = database.execute("SELECT id FROM users WHERE email = %s", (email_of(slug, "manager"),)).fetchall()[0][
            0
        ]
        stranger = database.execute("SELECT id FROM users WHERE email NOT LIKE %s LIMIT 1", (f"%{slug}%",)).fetchone()
    change = {"section": "alarms", "who_waiting": "chosen", f"user_waiting_{manager}": "1", "limit_waiting": "30"}
    first = await admin.post(address, change)
    assert first.status == 200
    assert "People who are told: 1." in first.text
    assert "Half hours of the last two days in which it would have rung: 0." in first.text
    assert alarms_of(stack, slug) == {}
    assert (await admin.post(address, {**change, "seen": seen_in(first.text)})).status == 303
    assert alarms_of(stack, slug)["waiting"] == {"user_ids": [manager], "minutes": 30}
    for wrong in (
        {"limit_waiting": "0"},
        {"limit_waiting": "x"},
        {f"user_waiting_{stranger[0] if stranger else 0}": "1"},
    ):
        assert (await admin.post(address, {**change, **wrong, "seen": "x"})).status == 422
    assert (await admin.post(f"{address}/alarm", {"alarm": "disk"})).status == 404
    assert (await admin.post(f"{address}/alarm", {"alarm": "waiting"})).status == 303
    assert "No mail server is set up." in (await admin.get(address)).text


def alarms_of(stack: Stack, slug: str) -> dict[str, dict[str, object]]:
    with stack.database() as database:
        alarms: dict[str, dict[str, object]] = database.execute(
            "SELECT alarms FROM workspaces WHERE slug = %s", (slug,)
        ).fetchall()[0][0]
    return alarms


async def save(page: Page, section: str) -> None:
    part = page.locator(f"#{section}")
    await part.get_by_role("button", name="See what a change does").click()
    await part.get_by_role("button", name="Save the change").click()
    await expect(page.locator(".toast")).to_contain_text("It is saved.")
