"""Where a reader was in a long list: an edit, a bulk action and a live refresh leave it where it stood."""

import re
import secrets
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.console.test_leads_page import add_leads
from tests.support.console import Reader, WatchedPage, make_failed, needs_chromium, watched_page
from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = needs_chromium

INSERT_JOBS = """
INSERT INTO jobs (workspace_id, kind, filter, created_by, state)
SELECT id, 'replay', '{"state": "dead"}', '{"kind": "command", "id": null, "name": "tests"}', 'paused'
FROM workspaces, generate_series(1, %s) WHERE slug = 'main'
"""
TOLERANCE = 2  # pixels


@pytest_asyncio.fixture
async def manager(browser: Browser, stack: Stack, readers: dict[str, Reader]) -> AsyncIterator[WatchedPage]:
    """A manager with a small window."""
    size = {"width": 1440, "height": 700}
    async with watched_page(browser, stack.base, readers["manager"].email, viewport=size) as watched:
        yield watched
        assert watched.faults == []


async def scroll_y(page: Page) -> float:
    return float(await page.evaluate("scrollY"))


async def assert_scrolled(page: Page, y: int) -> None:
    """The page's script goes there, which may run after the page is seen."""

    async def is_there() -> bool:
        return abs(await scroll_y(page) - y) <= TOLERANCE

    await until_async(is_there, what=f"the page at {y} pixels")


async def scroll_to(page: Page, y: int) -> None:
    await page.evaluate(f"scrollTo(0, {y})")
    assert await scroll_y(page) == y


async def test_a_list_stands_where_it_stood_after_a_row_was_edited(manager: WatchedPage, stack: Stack) -> None:
    page, source = manager.page, f"held-{secrets.token_hex(4)}"
    for _ in range(40):
        make_failed(stack, "quarantined", source=source)
    path = f"/console/main/quarantine?source={source}"
    await manager.open(path)
    await scroll_to(page, 900)
    row = page.locator("tbody tr").nth(25)
    await row.get_by_role("button", name="Release").click()
    await expect(page.locator("[data-toast]")).to_be_visible()
    await expect(page.locator("tbody tr")).to_have_count(39)
    await assert_scrolled(page, 900)
    # Whoever comes by himself begins at the top.
    await manager.open(path)
    assert await scroll_y(page) == 0


async def test_a_bulk_action_leads_back_to_the_page_of_the_list(manager: WatchedPage, stack: Stack) -> None:
    page, source = manager.page, add_leads(stack, 90)
    await manager.open(f"/console/main/leads?source={source}")
    await page.get_by_role("link", name="Next", exact=True).click()
    await expect(page.locator(".foot")).to_contain_text("51–90 of 90")
    address = page.url
    await page.locator("tbody tr").nth(30).get_by_role("checkbox").check()
    await scroll_to(page, 800)
    # Its bar has come along.
    await page.get_by_role("button", name="Edit 1…").click()
    await page.get_by_label("Add tags").fill("kept")
    await page.locator("footer button.primary").click()
    await expect(page.locator("[data-toast]")).to_contain_text(re.compile("1 lead( is being edited|: all done)"))
    assert page.url == address
    await assert_scrolled(page, 800)


async def test_a_list_stands_where_it_stood_after_a_record_was_edited(manager: WatchedPage, stack: Stack) -> None:
    page, source = manager.page, add_leads(stack, 45)
    path = f"/console/main/leads?source={source}"
    await manager.open(path)
    await scroll_to(page, 900)
    await page.locator("tbody tr").nth(30).locator("a.name").click()
    await page.locator("button[name=starred]").click()
    await expect(page.locator("button[name=starred]")).to_have_attribute("aria-pressed", "true")
    await page.evaluate(f"location.href = {path!r}")
    await page.wait_for_url(f"**{path}")
    await expect(page.locator("tbody tr")).to_have_count(45)
    await assert_scrolled(page, 900)


async def test_a_live_list_keeps_what_is_looked_at(manager: WatchedPage, stack: Stack) -> None:
    page = manager.page
    with stack.database() as database:
        database.execute(INSERT_JOBS, (45,))
    await manager.open("/console/main/jobs")
    row = page.locator("tbody tr").nth(30)
    name = await row.get_attribute("id")
    await row.scroll_into_view_if_needed()
    with stack.database() as database:
        database.execute(INSERT_JOBS, (3,))
    await expect(page.locator("tbody tr").nth(33)).to_have_attribute("id", name or "")
    await expect(page.locator(f"#{name}")).to_be_in_viewport()
