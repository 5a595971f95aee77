"""A network that breaks at every point of a post: the lead arrives, and once."""

import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser, expect

from tests.support.console import needs_chromium
from tests.support.cut_proxy import CutPoint, CutProxy
from tests.support.form_sites import (
    STEPPED_FIELDS,
    FormSite,
    embed_snippet,
    form_visit,
    make_public_form,
    new_email,
    submissions_of,
)
from tests.support.stack import Stack
from tests.support.tiers import first_in_tier
from tests.support.waiting import until_async

pytestmark = needs_chromium

EMAIL_FIELD = STEPPED_FIELDS[1]
FILE_FIELD = {"key": "cv", "label": "Your CV", "type": "file", "accept": [".txt"]}
ALL_CUTS: Sequence[CutPoint] = ("before", "midway", "answer")


async def leads_with(stack: Stack, email: str) -> int:
    """How many leads there are with an address, once its submissions are ingested."""
    async with aiohttp.ClientSession(stack.base, headers=stack.headers) as session:

        async def count() -> int:
            async with session.get("/api/v1/leads", params={"search": email}) as answer:
                return len((await answer.json())["data"])

        async def has_one() -> bool:
            return await count() > 0

        await until_async(has_one, what="a lead")
        return await count()


@pytest.mark.parametrize("cuts", first_in_tier(ALL_CUTS, *([cut] for cut in ALL_CUTS), ids=["all", *ALL_CUTS]))
async def test_a_cut_post_goes_again(
    browser: Browser, site: FormSite, shared_stack: Stack, network: CutProxy, cuts: Sequence[CutPoint]
) -> None:
    form = await make_public_form(shared_stack, [EMAIL_FIELD], language="en")
    url = site.put("/", embed_snippet(network.base, form))
    email = new_email()
    async with form_visit(browser, url) as visit:
        await visit.page.get_by_label("Work e-mail").fill(email)
        network.cuts = list(cuts)
        await visit.page.get_by_role("button", name="Send").click()
        await expect(visit.page.get_by_text("trying again")).to_be_visible()
        await expect(visit.page.get_by_text("Thank you, Ada will call.")).to_be_focused(timeout=60_000)
        assert await visit.page.evaluate("sessionStorage.length") == 0
    assert network.posts == 1 + cuts.count("answer")
    assert len(await submissions_of(shared_stack, email)) == 1
    assert await leads_with(shared_stack, email) == 1


@pytest.mark.parametrize("cut", first_in_tier(*ALL_CUTS))
@pytest.mark.parametrize("mode", first_in_tier("inline", "popup"))
async def test_a_reloaded_page_sends_what_was_left(
    browser: Browser, site: FormSite, shared_stack: Stack, network: CutProxy, cut: CutPoint, mode: str
) -> None:
    form = await make_public_form(shared_stack, [EMAIL_FIELD], language="en")
    url = site.put("/", embed_snippet(network.base, form))
    other = site.put(
        "/other",
        f"<a data-leadhub-open='{form}' href=#>Ask</a>{embed_snippet(network.base, form, f'data-mode={mode}')}",
    )
    email = new_email()
    async with form_visit(browser, url) as visit:
        await visit.page.get_by_label("Work e-mail").fill(email)
        network.cuts = [cut]
        await visit.page.get_by_role("button", name="Send").click()
        await expect(visit.page.get_by_text("trying again")).to_be_visible()
        await visit.page.goto(other)
        await visit.page.wait_for_function("formEvents.some(([name]) => name === 'success')")
        if mode == "inline":
            await expect(visit.page.get_by_text("Thank you, Ada will call.")).to_be_visible()
        assert await visit.page.evaluate("sessionStorage.length") == 0
    assert len(await submissions_of(shared_stack, email)) == 1
    assert await leads_with(shared_stack, email) == 1


@pytest.mark.extended
async def test_a_busy_server_is_given_the_time_it_asks_for(
    browser: Browser, site: FormSite, shared_stack: Stack, network: CutProxy
) -> None:
    form = await make_public_form(shared_stack, [EMAIL_FIELD], language="en")
    url = site.put("/", embed_snippet(network.base, form))
    email = new_email()
    async with form_visit(browser, url) as visit:
        await visit.page.get_by_label("Work e-mail").fill(email)
        network.cuts = ["busy"]
        began = time.monotonic()
        await visit.page.get_by_role("button", name="Send").click()
        await expect(visit.page.get_by_text("Thank you, Ada will call.")).to_be_focused(timeout=60_000)
        assert time.monotonic() - began >= 2
    assert len(await submissions_of(shared_stack, email)) == 1


@pytest.mark.extended
async def test_after_all_attempts_the_visitor_decides(
    browser: Browser, site: FormSite, shared_stack: Stack, network: CutProxy
) -> None:
    form = await make_public_form(shared_stack, [EMAIL_FIELD], language="en")
    url = site.put("/", embed_snippet(network.base, form))
    email = new_email()
    async with form_visit(browser, url) as visit:
        page = visit.page
        await page.get_by_label("Work e-mail").fill(email)
        network.cuts = ["answer", *ALL_CUTS]
        await page.get_by_role("button", name="Send").click()
        again = page.get_by_role("button", name="Try again")
        await expect(again).to_be_visible(timeout=60_000)
        await expect(page.get_by_label("Work e-mail")).to_have_value(email)
        assert await visit.events() == ["ready", "start", "submit", "error"]
        await again.click()
        await expect(page.get_by_text("Thank you, Ada will call.")).to_be_focused()
    assert len(await submissions_of(shared_stack, email)) == 1


@pytest.mark.extended
async def test_changed_answers_are_another_submission(
    browser: Browser, site: FormSite, shared_stack: Stack, network: CutProxy
) -> None:
    fields = [EMAIL_FIELD, {"key": "note", "label": "Note", "type": "text"}]
    form = await make_public_form(shared_stack, fields, language="en")
    url = site.put("/", embed_snippet(network.base, form))
    email = new_email()
    async with form_visit(browser, url) as visit:
        page = visit.page
        await page.get_by_label("Work e-mail").fill(email)
        await page.get_by_label("Note").fill("first")
        network.cuts = ["answer", "before", "before", "before"]
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("button", name="Try again")).to_be_visible(timeout=60_000)
        await page.get_by_label("Note").fill("second")
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_text("Thank you, Ada will call.")).to_be_focused()
    found = await submissions_of(shared_stack, email)
    assert [each["form"]["values"]["note"] for each in found] == ["second", "first"]
    assert await leads_with(shared_stack, email) == 1


@pytest.mark.extended
async def test_files_are_asked_for_again_and_arrive_once(
    browser: Browser, site: FormSite, shared_stack: Stack, network: CutProxy, tmp_path: Path
) -> None:
    document = tmp_path / "cv.txt"
    document.write_text("Ada Lovelace, analyst\n" * 1000)
    form = await make_public_form(shared_stack, [EMAIL_FIELD, FILE_FIELD], language="en")
    url = site.put("/", embed_snippet(network.base, form))
    email = new_email()
    async with form_visit(browser, url) as visit:
        page = visit.page
        await page.get_by_label("Work e-mail").fill(email)
        await page.get_by_label("Your CV").set_input_files(document)
        network.cuts = ["midway", "answer", "before", "before"]
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("button", name="Try again")).to_be_visible(timeout=60_000)
        await page.reload()
        await expect(page.locator(".lh-summary", has_text="choose them again")).to_be_focused()
        await expect(page.get_by_label("Work e-mail")).to_have_value(email)
        await page.get_by_label("Your CV").set_input_files(document)
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_text("Thank you, Ada will call.")).to_be_focused()
    (submission,) = await submissions_of(shared_stack, email)
    assert submission["form"]["values"]["cv"]["name"] == "cv.txt"
