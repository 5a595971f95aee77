"""Forms as people with assistive technology meet them: judged by axe-core in each state."""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, expect

from tests.support.console import needs_chromium
from tests.support.form_sites import (
    DESKTOP,
    PHONE,
    STEPPED_FIELDS,
    FormSite,
    embed_snippet,
    fill_stepped,
    form_visit,
    make_public_form,
    new_email,
)
from tests.support.stack import Stack
from tests.support.tiers import first_in_tier

pytestmark = needs_chromium

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


async def faults_of(page: Page) -> list[str]:
    """The violations that axe-core finds, each with where."""
    found = await Axe().run(page, options=RULES)
    return [f"{one['id']}: {node['target']}" for one in found.response["violations"] for node in one["nodes"]]


@pytest.mark.parametrize("scheme", first_in_tier("light", "dark"))
@pytest.mark.parametrize("language", first_in_tier("ar", "en"))
async def test_the_hosted_page_in_each_state(
    browser: Browser, shared_stack: Stack, leads_base: str, language: str, scheme: str
) -> None:
    form = await make_public_form(shared_stack, STEPPED_FIELDS, language=language)
    # The policy of the page forbids axe itself.
    options: dict[str, Any] = {"color_scheme": scheme, "viewport": PHONE, "bypass_csp": True}
    async with form_visit(browser, f"{leads_base}/f/{form}", **options) as visit:
        page = visit.page
        assert await faults_of(page) == []
        await page.locator("[data-next]").click()
        await expect(page.locator(".lh-summary")).to_be_focused()
        assert await faults_of(page) == []
        await fill_stepped(page, new_email())
        assert await faults_of(page) == []
        await page.locator("[type=submit]").click()
        await expect(page.get_by_text("Thank you, Ada will call.")).to_be_focused()
        assert await faults_of(page) == []


@pytest.mark.parametrize("mode", first_in_tier("inline", "popup"))
async def test_an_embedded_form_in_each_state(
    browser: Browser, site: FormSite, leads_base: str, stepped_form: str, mode: str
) -> None:
    opener = f'<p><a data-leadhub-open="{stepped_form}" href="{leads_base}/f/{stepped_form}">Ask us</a></p>'
    body = f"<main><h1>Shop</h1>{opener}{embed_snippet(leads_base, stepped_form, f'data-mode={mode}')}</main>"
    async with form_visit(browser, site.put("/", body), viewport=DESKTOP) as visit:
        page = visit.page
        if mode == "popup":
            await page.get_by_role("link", name="Ask us").click()
        await page.locator("[data-next]").click()
        await expect(page.locator(".lh-summary")).to_be_focused()
        assert await faults_of(page) == []
        await fill_stepped(page, new_email())
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_text("Thank you, Ada will call.")).to_be_focused()
        assert await faults_of(page) == []


async def test_a_keyboard_and_large_targets_suffice(browser: Browser, leads_base: str, stepped_form: str) -> None:
    async with form_visit(browser, f"{leads_base}/f/{stepped_form}", viewport=PHONE, has_touch=True) as visit:
        page = visit.page
        for text in ("Ada Lovelace", new_email()):
            await page.keyboard.press("Tab")
            await page.keyboard.type(text)
        await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Size")).to_be_visible()
        await page.get_by_role("checkbox", name="Agreement").press("Space")
        await page.get_by_role("button", name="Send").press("Enter")
        await expect(page.get_by_text("Thank you, Ada will call.")).to_be_focused()
    async with form_visit(browser, f"{leads_base}/f/{stepped_form}", viewport=PHONE) as visit:
        small = await visit.page.evaluate(
            "[...document.querySelectorAll('button, .lh-options label, input.lh-input')]"
            ".filter((one) => one.offsetHeight && one.offsetHeight < 44).map((one) => one.outerHTML)"
        )
        assert small == []
