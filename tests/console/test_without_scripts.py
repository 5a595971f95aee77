"""The console in a browser without JavaScript: links and forms do it all."""

from playwright.async_api import Browser

from tests.support.console import Reader, needs_chromium, watched_page
from tests.support.stack import Stack

pytestmark = needs_chromium


async def test_a_lane_is_paused_and_resumed_without_scripts(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["manager"].email, java_script_enabled=False) as watched:
        page = watched.page
        await page.wait_for_url("**/console/main/now")
        assert await page.locator("h1.verdict").inner_text()
        await page.locator("nav.nav").get_by_role("link", name="Queues").click()
        await page.wait_for_url("**/queues")
        await page.locator("tr", has_text="Deliveries").get_by_role("link", name="Pause").click()
        await page.fill("input[name=reason]", "the receiver asked for it")
        await page.locator("form.dialog footer button").click()
        await page.wait_for_url("**/queues")
        assert "the receiver asked for it" in await page.locator(".strip").first.inner_text()
        assert await page.locator(".toast").count() == 1
        await page.locator(".strip").get_by_role("button", name="Resume now").click()
        await page.wait_for_url("**/queues")
        assert await page.locator(".strip").count() == 0
        assert watched.faults == []


async def test_theme_and_sign_out_without_scripts(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["manager"].email, java_script_enabled=False) as watched:
        page = watched.page
        await page.get_by_role("button", name="Theme").click()
        await page.wait_for_selector("html[data-theme=dark]")
        await page.get_by_role("button", name="Theme").click()
        await page.wait_for_selector("html[data-theme=light]")
        await page.locator("details.drop.end > summary").click()
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url("**/console/sign-in")
        await watched.open("/console/main/now")
        assert "/console/sign-in" in page.url
