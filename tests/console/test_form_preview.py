"""The preview of a draft works as its page does: steps and conditions, and nothing is sent or counted."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.console import Reader, WatchedPage, needs_chromium, watched_page
from tests.support.console_routes import make_form
from tests.support.stack import Stack

pytestmark = needs_chromium

MORE = {"field": "seats", "operator": "equals", "value": "more"}
FIELDS = [
    {"key": "seats", "label": "How many seats?", "type": "radio", "options": ["few", "more"]},
    {"key": "why", "label": "Why so many?", "type": "text", "show_if": MORE},
    {"key": "email", "label": "E-mail", "type": "email", "maps_to": "email", "step": 2},
]


@pytest_asyncio.fixture
async def builder(browser: Browser, shared_stack: Stack, readers: dict[str, Reader]) -> AsyncIterator[WatchedPage]:
    """A manager at a desk, whose page makes no error."""
    async with watched_page(browser, shared_stack.base, readers["manager"].email) as watched:
        yield watched
        assert watched.faults == []


async def test_its_language_is_the_forms_and_changes_with_it(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    form = make_form(shared_stack, name="Prices", fields=FIELDS)
    async with watched_page(browser, shared_stack.base, readers["manager"].email, locale="ar") as watched:
        page = watched.page
        await watched.open(f"/console/main/forms/{form['id']}")
        preview = page.frame_locator("[data-frame] iframe").locator("html")
        shown = page.locator("#stage-languages [aria-pressed=true]")
        await expect(preview).to_have_attribute("lang", "en")
        await expect(shown).to_have_text("English")
        await page.locator("#stage-languages [lang=ar]").click()
        await expect(preview).to_have_attribute("dir", "rtl")
        await page.locator("details:has(#i-s_language) summary").click()
        await page.fill("#i-s_language", "de")
        await expect(preview).to_have_attribute("lang", "de")
        await expect(shown).to_have_text("Deutsch")
        assert watched.faults == []


async def test_steps_and_conditions_work_in_the_preview(builder: WatchedPage, shared_stack: Stack) -> None:
    form = make_form(shared_stack, name="Seats", fields=FIELDS)
    await builder.open(f"/console/main/forms/{form['id']}")
    preview = builder.page.frame_locator("[data-frame] iframe")
    await expect(preview.get_by_label("few")).to_be_visible()
    await expect(preview.get_by_label("Why so many?")).to_be_hidden()
    await preview.get_by_label("more").check()
    await expect(preview.get_by_label("Why so many?")).to_be_visible()
    await expect(preview.get_by_label("E-mail")).to_be_hidden()
    await preview.get_by_role("button", name="Next").click()
    await expect(preview.get_by_label("E-mail")).to_be_visible()
    await expect(preview.get_by_role("button", name="Send")).to_be_disabled()
    with shared_stack.database() as database:
        assert database.execute("SELECT n FROM form_counts WHERE form_id = %s", (form["id"],)).fetchall() == []
