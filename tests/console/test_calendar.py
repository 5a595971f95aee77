"""Fields for dates: typed in one spelling, or chosen in the calendar beside them, in the language of the page."""

import secrets

from playwright.async_api import Browser, expect

from tests.support.console import ConsoleClient, Reader, needs_chromium, watched_page
from tests.support.stack import Stack

AUDIT = "/console/main/settings/audit-log"


@needs_chromium
async def test_a_day_is_chosen_by_keys_and_keeps_the_time(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    async with watched_page(browser, shared_stack.base, readers["admin"].email) as watched:
        page = watched.page
        await watched.open(AUDIT)
        field, calendar = page.locator("#after"), page.locator("dialog.calendar")
        await field.fill("2026-01-31 09:30")
        await page.locator(".moment", has=field).get_by_role("button").click()
        await expect(calendar.locator("[data-month]")).to_have_text("January 2026")
        await expect(calendar.locator("[aria-pressed=true]")).to_be_focused()
        await page.keyboard.press("PageDown")
        await expect(calendar.locator(":focus")).to_have_text("28")  # February has no 31st
        for key in ("ArrowLeft", "ArrowUp", "Enter"):
            await page.keyboard.press(key)
        await expect(field).to_have_value("2026-02-20 09:30")
        await expect(field).to_be_focused()
        await page.locator(".moment", has=field).get_by_role("button").click()
        await page.keyboard.press("Escape")
        await expect(calendar).not_to_have_attribute("open", "")
        await field.fill("29/11/2026")
        assert not await field.evaluate("field => field.checkValidity()")
        await page.set_viewport_size({"width": 390, "height": 844})
        assert await watched.excess_width() == 0
        assert watched.faults == []


async def test_a_typed_time_is_the_readers(client: ConsoleClient) -> None:
    tag = secrets.token_hex(4)
    for typed, moment in (("2026-11-29 10:30", "2026-11-29T10%3A30%3A00Z"), ("2026-11-29", "2026-11-29T00%3A00%3A00Z")):
        answer = await client.get(f"/console/main/leads?set=1&tag={tag}&created_from={typed.replace(' ', '+')}")
        assert f"created_after={moment}" in answer.location
        shown = await client.get(answer.location)
        assert f'value="{typed if " " in typed else f"{typed} 00:00"}"' in shown.text
