"""Texts that try to become scripts or markup, where a form gives back what was typed."""

import pytest
from playwright.async_api import Browser

from tests.support.console import needs_chromium, watched_page
from tests.support.hostile_texts import PAYLOADS
from tests.support.stack import Stack

pytestmark = needs_chromium


@pytest.mark.parametrize("text", PAYLOADS[:6] + PAYLOADS[8:10])
async def test_what_a_form_gives_back_is_text(shared_stack: Stack, browser: Browser, text: str) -> None:
    """A form that is refused shows what was typed; so do searches and addresses that do not exist."""
    async with watched_page(browser, shared_stack.base) as watched:
        await watched.open("/console/sign-in?next=" + text)
        await watched.page.evaluate("document.querySelector('form').noValidate = true")
        await watched.page.fill("input[name=password]", "wrong")
        await watched.page.locator("input[name=email]").evaluate("(field, text) => { field.value = text }", text)
        await watched.page.click("main form button[type=submit]")
        await watched.page.wait_for_load_state()
        assert await watched.page.evaluate("window.hostileTextRan") is None
        assert await watched.page.input_value("input[name=email]") == text.strip()
        assert [fault for fault in watched.faults if "Failed to load" not in fault] == []
    with shared_stack.database() as database:
        database.execute("DELETE FROM sign_in_failures")
