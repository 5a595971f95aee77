"""Live pages: what arrives is shown, a paused page asks for nothing, and an outage of the database is survived."""

import asyncio
import re
import time
import uuid
from contextlib import AsyncExitStack
from urllib.parse import urlencode

from playwright.async_api import Browser, Request

from services.console.web.live_updates import MAX_ACCOUNT_STREAMS
from tests.support.console import (
    ConsoleClient,
    Reader,
    WatchedPage,
    console_client,
    make_failed,
    needs_chromium,
    post_leads,
    watched_page,
)
from tests.support.console_routes import make_cause
from tests.support.stack import Stack
from tests.support.timing import best_within_async
from tests.support.waiting import DEADLINE_SECONDS, background, until_async

SHOWN_WITHIN = 3.0  # seconds, from the answer to the post
DEADLINE = DEADLINE_SECONDS * 1000  # milliseconds
NOW = "/console/main/now"
# The answer to what the reader does is on the page when the news of a job comes.
SHOW_ANSWER = """() => {
  const button = Object.assign(document.createElement("button"), { textContent: "Close the answer" });
  button.dataset.dismiss = "toast";
  const toast = Object.assign(document.createElement("div"), { className: "toast floating" });
  toast.dataset.toast = "";
  toast.append(button);
  document.body.append(toast);
  window.jobHasEnded = new Promise((done) => {
    document.addEventListener("job-ended", () => setTimeout(done), { once: true });
  });
}"""

NEXT_MESSAGE = "() => new Promise((done) => document.addEventListener('live-message', () => done(), { once: true }))"
OPENED_IN_THE_BACKGROUND = """
let isHidden = true;
Object.defineProperty(document, "hidden", { get: () => isHidden });
window.setHidden = (value) => {
  isHidden = value;
  document.dispatchEvent(new Event("visibilitychange"));
};
"""


def new_lead(source: str) -> dict[str, str]:
    return {"email": f"{uuid.uuid4().hex}@live.example.com", "source": source}


async def accepted(watched: WatchedPage) -> str:
    """The first figure of the ledger."""
    return await watched.page.locator("#live .ledger .sum dd").inner_text()


async def until_more(watched: WatchedPage, before: str) -> str:
    """Wait until the ledger shows another figure than before."""
    asked = "before => document.querySelector('#live .ledger .sum dd').textContent !== before"
    await watched.page.wait_for_function(asked, arg=before, timeout=DEADLINE)
    return await accepted(watched)


async def seconds_until_shown(stack: Stack, watched: WatchedPage) -> float:
    """Post a lead; the time from the answer until the page shows it."""
    before = await accepted(watched)
    await post_leads(stack, [new_lead("live")])
    answered = time.monotonic()
    await until_more(watched, before)
    return time.monotonic() - answered


async def start_job(client: ConsoleClient, selection: dict[str, str], **fields: str) -> str:
    """The address of a job for all that match."""
    path = f"/console/main/jobs/confirm?{urlencode(selection)}"
    shown = (await client.get(path)).text
    hidden = dict(re.findall(r'type="hidden" name="(confirmed|counted_at)" value="([^"]+)"', shown))
    answer = await client.post(path, {**hidden, "reason": "wanted", **fields})
    assert answer.status == 303, answer.text
    return answer.location


@needs_chromium
async def test_lead_that_arrives_is_shown_and_a_paused_page_is_quiet(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with (
        watched_page(browser, shared_stack.base, readers["agent"].email) as watched,
        watched_page(browser, shared_stack.base, readers["agent"].email) as other,
    ):
        page, asked = watched.page, list[Request]()
        for tab in (watched, other):
            await tab.open("/console/main/now")
        await page.wait_for_selector("[data-live-pill]:not(.paused):not(.lost)")
        await best_within_async(SHOWN_WITHIN, lambda: seconds_until_shown(shared_stack, watched))

        pill = page.locator("[data-live-pill]")
        await pill.click()
        assert await pill.get_attribute("aria-pressed") == "true"
        assert "paused" in await pill.inner_text()
        shown = await accepted(watched)
        page.on("request", lambda request: asked.append(request))
        for _ in range(3):  # the page beside it hears of each, a second after the last
            await seconds_until_shown(shared_stack, other)
        assert [request.url for request in asked] == []
        assert await accepted(watched) == shown

        await pill.click()
        await until_more(watched, shown)
        assert watched.faults + other.faults == []


@needs_chromium
async def test_rows_of_a_job_and_causes_change_while_the_reader_keeps_their_place(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    source = f"rows-{uuid.uuid4().hex}"
    for _ in range(6):
        make_failed(shared_stack, source=source)
    form = {"kind": "replay", "source": source}
    async with (
        console_client(shared_stack.base, readers["manager"].email) as client,
        watched_page(browser, shared_stack.base, readers["manager"].email) as watched,
    ):
        job = await start_job(client, form, rate="1")
        assert (await client.post(f"{job}/pause")).status == 303
        await watched.open(f"{job}?outcome=all")
        page = watched.page
        first, last = page.locator("#row-1"), page.locator("#row-6")
        await last.get_by_text("to go").wait_for()
        await page.keyboard.press("j")
        assert await first.evaluate("row => row.contains(document.activeElement)")
        assert (await client.post(f"{job}/resume")).status == 303
        await last.get_by_text("done", exact=True).last.wait_for(timeout=DEADLINE)
        assert await first.evaluate("row => row.contains(document.activeElement)")
        assert "focused" in (await first.get_attribute("class") or "")
        await page.locator("#steering", has_text="It has ended.").wait_for(timeout=DEADLINE)

        await watched.open("/console/main/dead-letters")
        cause = make_cause(shared_stack)
        fresh = page.locator("a.fresh", has_text="new cause")
        await fresh.wait_for(timeout=DEADLINE)
        assert await page.locator(f"#cause-{cause}").count() == 0
        await page.keyboard.press(".")
        await page.locator(f"#cause-{cause}").wait_for()
        assert watched.faults == []


@needs_chromium
async def test_a_job_that_ends_is_told_to_its_owner_on_another_page(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    source = f"told-{uuid.uuid4().hex}"
    for _ in range(3):
        make_failed(shared_stack, source=source)
    async with (
        console_client(shared_stack.base, readers["manager"].email) as client,
        watched_page(browser, shared_stack.base, readers["manager"].email) as owner,
        watched_page(browser, shared_stack.base, readers["agent"].email) as other,
    ):
        for watched in (owner, other):
            await watched.open("/console/main/queues")
        await owner.page.evaluate(SHOW_ANSWER)
        job = await start_job(client, {"kind": "replay", "source": source}, rate="1")
        toast = owner.page.locator("[data-toast]", has_text="Replay 3 submissions: all done")
        await owner.page.evaluate("window.jobHasEnded")
        assert await toast.count() == 0
        await owner.page.get_by_role("button", name="Close the answer").click()
        await toast.wait_for(timeout=DEADLINE)
        assert await other.page.locator("[data-toast]").count() == 0
        await toast.get_by_role("link").click()
        await owner.page.wait_for_url(f"**{job}")
        await owner.open(NOW)
        await owner.page.wait_for_selector("[data-live-pill]:not(.paused):not(.lost)")
        for _ in range(2):  # it is told once: the news of a job would have come before the second of these
            await seconds_until_shown(shared_stack, owner)
        assert await owner.page.locator("[data-toast]").count() == 0
        assert owner.faults + other.faults == []


@needs_chromium
async def test_nine_tabs_open_and_stay_live_side_by_side(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        tabs = [watched, *[WatchedPage(await watched.page.context.new_page(), watched.base) for _ in range(8)]]
        for tab in tabs:
            await tab.open(NOW)  # without sharing, six streams leave the seventh tab no connection
        before = [await accepted(tab) for tab in tabs]
        await post_leads(shared_stack, [new_lead("tabs")])
        shown = [await until_more(tab, each) for tab, each in zip(tabs, before, strict=True)]
        assert len(shown) == 9
        for tab, path in zip(tabs, ("now?span=24h", "queues", "jobs"), strict=False):
            await tab.open(f"/console/main/{path}")  # more pages than streams: they take turns
        heard = [asyncio.create_task(tab.page.evaluate(NEXT_MESSAGE)) for tab in tabs]
        async with asyncio.timeout(30):
            await asyncio.gather(*heard)
        assert [fault for tab in tabs for fault in tab.faults] == []


@needs_chromium
async def test_hidden_tab_hears_nothing_until_it_is_seen(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["agent"].email) as watched:
        hidden = WatchedPage(await watched.page.context.new_page(), watched.base)
        await hidden.page.add_init_script(OPENED_IN_THE_BACKGROUND)
        await hidden.open(NOW)
        before = await accepted(hidden)
        await watched.open(NOW)
        await post_leads(shared_stack, [new_lead("hidden")])
        await until_more(watched, before)
        assert await accepted(hidden) == before
        await hidden.page.evaluate("setHidden(false)")
        await until_more(hidden, before)
        assert watched.faults + hidden.faults == []


async def test_reader_has_so_many_streams_and_others_have_theirs(
    shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with AsyncExitStack() as opened:
        greedy = await opened.enter_async_context(console_client(shared_stack.base, readers["read_only"].email))
        modest = await opened.enter_async_context(console_client(shared_stack.base, readers["agent"].email))
        statuses = [await open_stream(opened, greedy, f"unlike={number}") for number in range(MAX_ACCOUNT_STREAMS + 1)]
        assert statuses == [200] * MAX_ACCOUNT_STREAMS + [429]
        assert await open_stream(opened, modest) == 200


async def open_stream(opened: AsyncExitStack, client: ConsoleClient, query: str = "") -> int:
    """Open the stream of Now, until `opened` is closed, and return its status."""
    answer = await opened.enter_async_context(client.session.get(f"{client.base}{NOW}/live?{query}"))
    return answer.status


@needs_chromium
async def test_page_ends_when_its_reader_signs_out_elsewhere(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["read_only"].email) as watched:
        await watched.page.wait_for_selector("[data-live-pill]:not(.paused):not(.lost)")
        async with console_client(shared_stack.base, readers["read_only"].email) as client:
            assert (await client.post("/console/me/sessions/end-others")).status == 303
        await watched.page.locator("[data-live-pill].lost", has_text="signed out").wait_for(timeout=DEADLINE)


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
            async with asyncio.timeout(DEADLINE_SECONDS):
                answer = await client.get(NOW)
            assert answer.status in (200, 503)
            assert "LeadHub" in answer.text
            assert await verdict.inner_text()
            refused = await client.post("/console/main/queues/deliveries/resume")
            assert refused.status == 503
        await asyncio.to_thread(shared_stack.until_settled)

        async def is_back() -> bool:
            return (await client.get(NOW)).status == 200

        await until_async(is_back, what="the page")
        before = await accepted(watched)
        await post_leads(shared_stack, [new_lead("live")])
        await until_more(watched, before)
