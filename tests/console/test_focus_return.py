"""Where the focus is after an action: whoever works with the keyboard goes on from there, not from the page's top."""

import secrets

from playwright.async_api import Browser, Locator, Page, expect

from tests.support.console import Reader, make_failed, needs_chromium, watched_page
from tests.support.console_failures import add_cause, add_submission
from tests.support.stack import Stack

pytestmark = needs_chromium


def toast_of(page: Page) -> Locator:
    return page.locator("[data-toast]")


async def test_a_row_that_goes_hands_the_focus_on(browser: Browser, stack: Stack, readers: dict[str, Reader]) -> None:
    """The page says what was done; then comes the next row."""
    async with watched_page(browser, stack.base, readers["manager"].email) as watched:
        page = watched.page
        source = f"held-{secrets.token_hex(4)}"
        for _ in range(3):
            make_failed(stack, "quarantined", source=source)
        await watched.open(f"/console/main/quarantine?source={source}")
        rows = page.locator("tbody tr")
        following = await rows.nth(2).locator("a.name").get_attribute("href")
        await rows.nth(1).get_by_role("button", name="Release").press("Enter")
        await expect(rows).to_have_count(2)
        await expect(toast_of(page)).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(toast_of(page).get_by_role("button", name="Close")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(rows.nth(1).locator("a.name")).to_be_focused()
        await expect(rows.nth(1).locator("a.name")).to_have_attribute("href", following or "")
        assert watched.faults == []


async def test_a_dialog_gives_the_focus_back(browser: Browser, stack: Stack, readers: dict[str, Reader]) -> None:
    """To its link if closed or saved, to the field if refused."""
    async with watched_page(browser, stack.base, readers["manager"].email) as watched:
        page = watched.page
        names = [f"{letter}-{secrets.token_hex(4)}" for letter in "ab"]
        for name in names:
            await watched.open("/console/main/settings/tags?new=1")
            await page.get_by_label("Name", exact=True).fill(name)
            await page.keyboard.press("Enter")
            await expect(toast_of(page)).to_be_focused()
        opener = page.get_by_role("link", name=names[0], exact=True)
        await opener.press("Enter")
        await expect(page.get_by_label("Name", exact=True)).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(opener).to_be_focused()
        await page.keyboard.press("Enter")
        await page.get_by_label("Name", exact=True).fill(names[1])
        await page.get_by_role("button", name="Save").press("Enter")
        await expect(page.locator("#name-problem")).to_be_visible()
        await expect(page.get_by_label("Name", exact=True)).to_be_focused()
        await page.get_by_label("Name", exact=True).fill(f"{names[0]}-new")
        await page.keyboard.press("Enter")
        await expect(toast_of(page)).to_be_focused()
        await toast_of(page).get_by_role("button", name="Close").press("Enter")
        await expect(page.get_by_role("link", name=f"{names[0]}-new", exact=True)).to_be_focused()
        assert ["422" in fault for fault in watched.faults] == [True]  # the name that was taken


async def test_another_page_begins_at_its_top(browser: Browser, stack: Stack, readers: dict[str, Reader]) -> None:
    """A view of the same address with other rows begins at their beginning."""
    async with watched_page(browser, stack.base, readers["manager"].email) as watched:
        page = watched.page
        await watched.open("/console/main/settings/tags")
        await page.get_by_role("navigation", name="Main").get_by_role("link", name="Jobs").press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Bulk jobs")
        assert await page.evaluate("document.activeElement === document.body")
        with stack.database() as database:
            cause = add_cause(database, "submission", f"focus {secrets.token_hex(4)}")
            add_submission(database, "dead", {"email": "focus@example.com"}, cause=cause)
        await watched.open("/console/main/dead-letters")
        await page.locator(f"#cause-{cause} a").first.press("Enter")
        await page.wait_for_url(f"**cause={cause}**")
        await expect(page.locator("#main")).to_be_focused()
        assert watched.faults == []


async def test_the_focus_stays_in_the_part_of_a_page_that_is_saved(
    browser: Browser, stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, stack.base, readers["admin"].email) as watched:
        page = watched.page
        await watched.open("/console/main/settings/workspace")
        threshold = page.locator("#w-spam")
        for points in ("51", "50"):  # ends at the default: other tests read this workspace
            await threshold.fill(points)
            await threshold.press("Enter")
            await page.wait_for_url(f"**spam_threshold={points}**#spam")
            preview = page.locator("#spam").get_by_role("button", name="See what a change does")
            await expect(preview).to_be_focused()
            await page.keyboard.press("Tab")
            save = page.locator("#spam").get_by_role("button", name="Save the change")
            await expect(save).to_be_focused()
            await page.keyboard.press("Enter")
            await expect(toast_of(page)).to_be_focused()
            await toast_of(page).get_by_role("button", name="Close").press("Enter")
            await expect(preview).to_be_focused()
        await page.get_by_role("navigation", name="Main").get_by_role("link", name="Jobs").press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Bulk jobs")
        assert watched.faults == []
