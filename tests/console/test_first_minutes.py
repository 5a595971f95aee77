"""The first minutes: an empty workspace becomes a live one by what its page offers, without a reload."""

import html
import re
import secrets
import shlex
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from shared import workspaces
from shared.auth.passwords import PasswordHashing
from shared.auth.roles import Role
from shared.platform.db.connections import connect
from tests.support.console import PASSWORD, console_client, make_account, needs_chromium, watched_page
from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = pytest.mark.e2e

ADD_LEAD = """
INSERT INTO leads (workspace_id, id, first_name)
SELECT id, nextval('lead_ids'), 'Zebulon' FROM workspaces WHERE slug = %s
"""
LEADS = "SELECT count(*) FROM leads l JOIN workspaces w ON w.id = l.workspace_id WHERE w.slug = %s"

ADD_AUTOMATION = """
INSERT INTO automations (workspace_id, name, is_active, trigger, trigger_type, steps)
SELECT id, 'Follow up', false, '{"type": "lead_created"}', 'lead_created', '[]' FROM workspaces WHERE slug = %s
"""


@pytest_asyncio.fixture
async def slug(stack: Stack) -> AsyncIterator[str]:
    """A workspace in which nothing has happened, with an account of each role."""
    name = f"new-{secrets.token_hex(6)}"
    async with connect(stack.database_url, "tests") as connection:
        async with connection.transaction():
            await workspaces.create_workspace(connection, name, "New")
        password_hash = await PasswordHashing().hash_password(PASSWORD)
        roles: tuple[Role, ...] = ("admin", "agent", "read_only")
        for role in roles:
            await make_account(connection, name, email_of(name, role), role, name=role, password_hash=password_hash)
    yield name


def email_of(slug: str, role: str) -> str:
    return f"{role}@{slug}.example.com"


def count_leads(stack: Stack, slug: str) -> int:
    with stack.database() as database:
        [(count,)] = database.execute(LEADS, (slug,)).fetchall()
        return int(count)


async def printed_by(*command: str) -> str:
    """What a command prints."""
    process = await create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    printed, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return printed.decode()


@needs_chromium
async def test_the_checklist_alone_leads_to_a_live_lead(stack: Stack, slug: str, browser: Browser) -> None:
    async with watched_page(browser, stack.base, email_of(slug, "admin")) as watched:
        page = watched.page
        await watched.open(f"/console/{slug}/now")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Waiting for your first lead")
        await page.get_by_role("button", name="Make a key and put it in").click()
        await page.evaluate("window.wasNotLoadedAgain = true")

        line = await page.locator("#post-curl").inner_text()
        assert '"status":"created"' in await printed_by(*shlex.split(line.replace("\\\n", " ")))
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Your first lead is here")
        await expect(page.get_by_role("link", name="Grace")).to_be_visible()

        script = await page.locator("#post-python").text_content() or ""
        assert '"is_duplicate":true' in await printed_by(sys.executable, "-c", script)
        await expect(page.locator(".todo .reached")).to_have_count(4)  # a second user is there, too
        assert await page.evaluate("window.wasNotLoadedAgain")
        assert watched.faults == []
    assert count_leads(stack, slug) == 1


async def test_an_example_sent_from_the_page_is_one_lead_in_two_spellings(stack: Stack, slug: str) -> None:
    async with console_client(stack.base, email_of(slug, "admin")) as client:
        address = f"/console/{slug}/first-minutes"
        for done in ("Post a lead", "Post the same one again"):
            assert (await client.post(f"{address}/lead")).location == address

            async def is_done(step: str = done) -> bool:
                shown = await client.get(address)
                return re.search(rf'class="reached">(?:(?!<li).)*?{step}', shown.text, re.DOTALL) is not None

            await until_async(is_done, what=done)
        assert count_leads(stack, slug) == 1
        assert (await client.get(f"/console/{slug}/now")).status == 200
        assert "steps are left" in html.unescape((await client.get(f"/console/{slug}/now")).text)


async def test_an_automation_is_a_step_of_the_list(stack: Stack, slug: str) -> None:
    async with console_client(stack.base, email_of(slug, "admin")) as client:
        address = f"/console/{slug}/first-minutes"
        new_page = f"/console/{slug}/automations/new"
        assert f'<a class="link" href="{new_page}">Make an automation</a>' in (await client.get(address)).text
        with stack.database() as database:
            database.execute(ADD_AUTOMATION, (slug,))
        shown = (await client.get(address)).text
        assert (new_page in shown, "3 of 7" in shown) == (False, True)  # it runs, and there is a colleague


async def test_sample_leads_come_by_an_import_that_takes_them_back(stack: Stack, slug: str) -> None:
    async with console_client(stack.base, email_of(slug, "admin")) as client:
        await client.post(f"/console/{slug}/first-minutes/samples")
        await until_async(lambda: count_leads(stack, slug) == 10, what="ten leads of twelve rows")
        listed = (await client.get(f"/console/{slug}/import")).text
        number = re.search(rf"/console/{slug}/import/(\d+)", listed)
        assert number
        await client.post(f"/console/{slug}/first-minutes/samples")
        again = (await client.get(f"/console/{slug}/import")).text
        assert {*re.findall(rf"/console/{slug}/import/(\d+)", again)} == {number[1]}

        async def is_undone() -> bool:
            await client.post(f"/console/{slug}/import/{number[1]}/undo")
            return count_leads(stack, slug) == 0

        await until_async(is_undone, what="no lead")


async def test_each_role_sees_what_it_may_do_and_starts_at_its_work(stack: Stack, slug: str) -> None:
    async with console_client(stack.base, email_of(slug, "agent")) as agent:
        assert (await agent.get("/console/")).location == f"/console/{slug}/leads"
        shown = (await agent.get(f"/console/{slug}/first-minutes")).text
        assert ("Make a key" in shown, "Send it from here" in shown, "Fill with sample" in shown) == (
            False,
            True,
            False,
        )
        for action in ("key", "samples"):
            assert (await agent.post(f"/console/{slug}/first-minutes/{action}")).status == 403
    async with console_client(stack.base, email_of(slug, "read_only")) as reader:
        assert (await reader.get("/console/")).location == f"/console/{slug}/now"
        assert (await reader.get(f"/console/{slug}/now")).location == f"/console/{slug}/first-minutes"
        assert (await reader.post(f"/console/{slug}/first-minutes/lead")).status == 403
        with stack.database() as database:
            database.execute(ADD_LEAD, (slug,))
        shown = (await reader.get(f"/console/{slug}/first-minutes")).text
        assert ("Your first lead is here" in shown, "Zebulon" in shown) == (True, False)  # a person's name is hidden
    assert count_leads(stack, slug) == 1
