"""Live pages: what arrives is shown, a paused page asks for nothing, and an outage of the database is survived."""

import asyncio
import uuid

from playwright.async_api import Browser, Request

from tests.support.console import Reader, WatchedPage, console_client, needs_chromium, post_leads, watched_page
from tests.support.stack import Stack
from tests.support.waiting import background, until_async

SHOWN_WITHIN = 3.0  # seconds, from the answer to the post
QUIET_SECONDS = 3.0  # seconds in which a paused page must ask for nothing
NOW = "/console/main/now"


def new_lead(source: str) -> dict[str, str]:
    return {"email": f"{uuid.uuid4().hex}@live.example.com", "source": source}


async def accepted(watched: WatchedPage) -> str:
    """The first figure of the ledger."""
    return await watched.page.locator("#live .ledger .sum dd").inner_text()


async def until_more(watched: WatchedPage, before: str, seconds: float) -> str:
    """Wait until the ledger shows another figure than before."""
    asked = "before => document.querySelector('#live .ledger .sum dd').textContent !== before"
    await watched.page.wait_for_function(asked, arg=before, timeout=seconds * 1000)
    return await accepted(watched)


@needs_chromium
async def test_lead_that_arrives_is_shown_and_a_paused_page_is_quiet(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        page, asked = watched.page, list[Request]()
        await page.wait_for_selector("[data-live-pill]:not(.paused):not(.lost)")
        pill, before = page.locator("[data-live-pill]"), await accepted(watched)
        await post_leads(shared_stack, [new_lead("live")])
        shown = await until_more(watched, before, SHOWN_WITHIN)

        await pill.click()
        assert await pill.get_attribute("aria-pressed") == "true"
        assert "paused" in await pill.inner_text()
        page.on("request", lambda request: asked.append(request))
        await post_leads(shared_stack, [new_lead("live")])
        await asyncio.sleep(QUIET_SECONDS)
        assert [request.url for request in asked] == []
        assert await accepted(watched) == shown

        await pill.click()
        await until_more(watched, shown, SHOWN_WITHIN)
        assert watched.faults == []


@needs_chromium
async def test_page_ends_when_its_reader_signs_out_elsewhere(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["read_only"].email) as watched:
        await watched.page.wait_for_selector("[data-live-pill]:not(.paused):not(.lost)")
        async with console_client(shared_stack.base, readers["read_only"].email) as client:
            assert (await client.post("/console/me/sessions/end-others")).status == 303
        await watched.page.locator("[data-live-pill].lost", has_text="signed out").wait_for(timeout=10_000)


@needs_chromium
async def test_pages_answer_while_the_database_is_away_and_recover(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    await asyncio.to_thread(shared_stack.until_settled)
    async with (
        console_client(shared_stack.base, readers["admin"].email) as client,
        watched_page(browser, shared_stack.base, readers["admin"].email) as watched,
    ):
        assert (await client.get(NOW)).status == 200
        await watched.page.wait_for_selector("[data-live-pill]:not(.paused):not(.lost)")
        verdict = watched.page.locator("h1.verdict")
        async with background(shared_stack.away("postgres")):
            async with asyncio.timeout(20):
                answer = await client.get(NOW)
            assert answer.status in (200, 503)
            assert "LeadHub" in answer.text
            assert await verdict.inner_text()
            refused = await client.post("/console/main/queues/deliveries/resume")
            assert refused.status == 503
        await asyncio.to_thread(shared_stack.until_settled)

        async def is_back() -> bool:
            return (await client.get(NOW)).status == 200

        await until_async(is_back, 20, "the page")
        before = await accepted(watched)
        await post_leads(shared_stack, [new_lead("live")])
        await until_more(watched, before, 20)
