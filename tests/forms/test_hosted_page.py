"""The hosted page in a browser: at a desk and on small phones, light and dark, in both directions, without a script."""

import re
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, Request, expect

from tests.support.console import needs_chromium
from tests.support.cut_proxy import CutProxy
from tests.support.form_samples import EVERY_FIELD
from tests.support.form_sites import PHONE, STEPPED_FIELDS, form_visit, make_public_form
from tests.support.stack import Stack
from tests.support.tiers import first_in_tier

pytestmark = needs_chromium

WIDTHS = (1280, 390, 320)
SMALLEST_TARGET = 44  # pixels
RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
MAX_SENT_BYTES = 20 * 1024
# What a visitor may press or type into, by the box that takes the press.
TARGETS = ".lh-input, .lh-options label, .lh-box label, .lh-button"
SMALL_TARGETS_SCRIPT = """
([query, least]) => [...document.querySelectorAll(query)]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < least)
    .map((one) => one.outerHTML.slice(0, 80))
"""
EXCESS_SCRIPT = "() => document.documentElement.scrollWidth - innerWidth"


async def faults_of(page: Page) -> list[str]:
    """Serious faults of accessibility, targets that are too small, and what is too wide."""
    found = (await Axe().run(page, options=RULES)).response["violations"]
    faults = [f"{each['id']}: {[node['target'][0] for node in each['nodes'][:4]]}" for each in found]
    faults += await page.evaluate(SMALL_TARGETS_SCRIPT, [TARGETS, SMALLEST_TARGET])
    excess = await page.evaluate(EXCESS_SCRIPT)
    return faults + ([f"{excess} px too wide"] if excess > 0 else [])


async def send_unchecked(page: Page) -> None:
    """Press the form's button without the browser's own checks, as old browsers do."""
    await page.locator("form").evaluate("(form) => { form.noValidate = true; }")
    await page.locator("button[type=submit]").click()
    await page.wait_for_selector(".lh-summary:not([hidden])")


@pytest.mark.parametrize("language", first_in_tier("ar", "en"))
@pytest.mark.parametrize("scheme", first_in_tier("dark", "light"))
async def test_page_errors_and_thanks_are_readable_everywhere(
    browser: Browser, shared_stack: Stack, language: str, scheme: Any
) -> None:
    public_id = await make_public_form(shared_stack, EVERY_FIELD, language=language, theme={"accent": "#ffcc00"})
    faults: list[str] = []
    for width in WIDTHS:
        context = await browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, java_script_enabled=True
        )
        page = await context.new_page()
        await page.route("**/embed.js", lambda route: route.abort())  # as without a script
        await page.goto(f"{shared_stack.base}/f/{public_id}")
        faults += [f"{width}: {fault}" for fault in await faults_of(page)]
        await page.fill("#lh-mail", "aoife@example")
        await send_unchecked(page)
        assert await page.input_value("#lh-mail") == "aoife@example"
        faults += [f"{width}, errors: {fault}" for fault in await faults_of(page)]
        await page.fill("#lh-mail", "aoife@example.com")
        await page.fill("#lh-name", "Aoife Brennan")
        await page.locator(".lh-options label", has_text="6–20").click()
        await page.check("#lh-agree")
        await page.locator("button[type=submit]").click()
        await page.wait_for_selector(".lh-thanks")
        faults += [f"{width}, thanks: {fault}" for fault in await faults_of(page)]
        await page.goto(f"{shared_stack.base}/f/none?lang={language}")
        faults += [f"{width}, 404: {fault}" for fault in await faults_of(page)]
        await context.close()
    assert faults == []


async def test_form_is_sent_without_a_script(browser: Browser, shared_stack: Stack) -> None:
    public_id = await make_public_form(shared_stack, EVERY_FIELD, language="en")
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{shared_stack.base}/f/{public_id}?name=Aoife+Brennan")
    await expect(page.get_by_label("Your name")).to_have_value("Aoife Brennan")
    await page.get_by_label("Work e-mail").fill("aoife@b")
    await page.get_by_label("Budget").fill("12 abc")
    await page.get_by_label("6–20").check(force=True)
    await page.get_by_label("Your agreement").check()
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_contain_text("answer")
    await page.get_by_role("alert").get_by_role("link", name="Budget").click()
    await expect(page.get_by_label("Budget")).to_be_focused()
    await expect(page.get_by_label("Budget")).to_have_value("12 abc")
    await expect(page.get_by_label("Your agreement")).to_be_checked()
    await page.get_by_label("Budget").fill("12")
    await page.get_by_label("Work e-mail").fill("aoife@example.com")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you, we have it.")
    await context.close()


async def test_page_asks_no_other_host_and_weighs_little(browser: Browser, shared_stack: Stack) -> None:
    public_id = await make_public_form(shared_stack, EVERY_FIELD, language="ar", theme={"accent": "#006d9c"})
    context = await browser.new_context(extra_http_headers={"Accept-Encoding": "gzip"})
    page = await context.new_page()
    complaints: list[str] = []
    sent: list[Request] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfinished", lambda request: sent.append(request))
    await page.goto(f"{shared_stack.base}/f/{public_id}", wait_until="networkidle")
    addresses = [request.url for request in sent if not request.url.startswith("data:")]
    assert all(address.startswith(f"{shared_stack.base}/f/{public_id}") for address in addresses), addresses
    assert {re.sub(r".*/|\?.*", "", address) for address in addresses} >= {"form.css", "embed.js"}
    sizes = [(await request.sizes())["responseBodySize"] for request in sent if request.url in addresses]
    assert sum(sizes) <= MAX_SENT_BYTES, dict(zip(addresses, sizes, strict=False))
    assert complaints == []
    await context.close()


@pytest.mark.parametrize("language", first_in_tier("ar", "en"))
async def test_a_page_that_arrives_in_two_parts_shifts_nothing(
    browser: Browser, shared_stack: Stack, network: CutProxy, language: str
) -> None:
    """The first step is painted while the second is on its way, as on a slow network or a busy machine."""
    form = await make_public_form(shared_stack, STEPPED_FIELDS, language=language)
    network.pause_at = b'<fieldset class="lh-step" data-step="2"'
    async with form_visit(browser, f"{network.base}/f/{form}", wait_until="commit", viewport=PHONE) as visit:
        await expect(visit.page.get_by_role("checkbox", name="terms")).to_be_visible()
        await visit.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        network.resume.set()
        await expect(visit.page.locator("form[data-live]")).to_be_visible()
        await expect(visit.page.locator(".lh-progress")).to_be_visible()
        assert await visit.moved() == []


async def test_texts_of_the_owner_stand_as_their_letters_are_written(
    browser: Browser, shared_stack: Stack, leads_base: str
) -> None:
    field = {"key": "name", "label": "Your name", "type": "text", "placeholder": "مثال: آدا."}
    settings = {"submit_label": "أرسل الآن!", "success_message": "شكرًا لكم."}
    form = await make_public_form(shared_stack, [field], language="en", **settings)
    async with form_visit(browser, f"{leads_base}/f/{form}") as visit:
        page = visit.page
        bidi = "(one) => getComputedStyle(one, '::placeholder').unicodeBidi"
        assert await page.get_by_label("Your name").evaluate(bidi) == "plaintext"
        button = page.get_by_role("button", name="أرسل الآن!")
        assert await button.evaluate("(one) => getComputedStyle(one).direction") == "rtl"
        await page.get_by_label("Your name").fill("Ada")
        await button.click()
        thanks = page.get_by_text("شكرًا لكم.")
        await expect(thanks).to_be_visible()
        assert await thanks.evaluate("(one) => getComputedStyle(one).direction") == "rtl"
