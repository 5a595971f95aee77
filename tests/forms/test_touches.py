"""First and last touch, and what of them is kept: only as consent allows."""

import json
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.support.console import needs_chromium
from tests.support.form_sites import (
    STEPPED_FIELDS,
    FormSite,
    FormVisit,
    embed_snippet,
    form_visit,
    make_public_form,
    new_email,
    submissions_of,
)
from tests.support.stack import Stack

pytestmark = needs_chromium

KEPT = "JSON.parse(localStorage.getItem('leadhub:touches'))"
GRANT = "function gtag() { dataLayer.push(arguments); } "
# What a page may say, and whether touches are kept then.
SIGNALS: dict[str, tuple[str, str, bool]] = {
    "granted": ('data-consent="granted"', "", True),
    "denied": ('data-consent="denied"', GRANT + "gtag('consent', 'default', {ad_storage: 'granted'})", False),
    "nothing": ("", "", False),
    "default": ("", GRANT + "gtag('consent', 'default', {ad_storage: 'denied', ad_user_data: 'denied'})", False),
    "update": (
        "",
        GRANT
        + "gtag('consent', 'default', {ad_storage: 'denied'}); gtag('consent', 'update', {ad_storage: 'granted'})",
        True,
    ),
    "region": (
        "",
        GRANT + "gtag('consent', 'default', {ad_storage: 'denied', region: ['DE']});"
        "gtag('consent', 'default', {ad_storage: 'granted'})",
        False,
    ),
    "tcf": (
        "",
        "window.tcf = {gdprApplies: true, eventStatus: 'tcloaded', purpose: {consents: {1: true, 7: true}}}",
        True,
    ),
    "tcf-denied": ("", "window.tcf = {gdprApplies: true, eventStatus: 'tcloaded', purpose: {consents: {}}}", False),
    "tcf-open": (
        "",
        "window.tcf = {gdprApplies: true, eventStatus: 'cmpuishown', purpose: {consents: {1: true}}}",
        False,
    ),
}
PLATFORM = "window.__tcfapi = (command, version, callback) => window.tcf && callback(window.tcf, true);"


async def send(visit: FormVisit, email: str) -> None:
    await visit.page.get_by_label("Work e-mail").fill(email)
    await visit.page.get_by_role("button", name="Send").click()
    await expect(visit.page.get_by_text("Thank you, Ada will call.")).to_be_visible()


@pytest.fixture(scope="module")
async def short_form(shared_stack: Stack) -> str:
    return await make_public_form(shared_stack, [STEPPED_FIELDS[1]], language="en")


@pytest.mark.parametrize("signal", SIGNALS)
async def test_touches_are_kept_as_consent_allows(
    browser: Browser, site: FormSite, leads_base: str, short_form: str, signal: str
) -> None:
    attributes, script, is_kept = SIGNALS[signal]
    head = f"<script>window.dataLayer = []; {PLATFORM} {script}</script>"
    url = site.put("/", embed_snippet(leads_base, short_form, attributes), head=head)
    async with form_visit(browser, f"{url}?utm_source=ads&GCLID=g1") as visit:
        await visit.page.get_by_label("Work e-mail").wait_for()
        kept = await visit.page.evaluate(KEPT)
        assert (kept is not None) == is_kept
        if is_kept:
            assert kept["first"]["click_ids"] == {"gclid": "g1"}
            assert kept["last"] == kept["first"]


async def test_first_and_last_touch_come_with_the_submission(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str, short_form: str
) -> None:
    url = site.put("/", embed_snippet(leads_base, short_form))
    email = new_email()
    async with form_visit(browser, f"{url}?utm_source=first&fbclid=f1") as visit:
        page = visit.page
        await page.context.add_cookies([{"name": "_fbp", "value": "fb.1.2.3", "url": site.base}])
        # The banner is answered after the arrival.
        await page.get_by_label("Work e-mail").wait_for()
        assert await page.evaluate("localStorage.length") == 0
        consent = {"ad_storage": "granted", "ad_user_data": True, "ad_personalization": "denied"}
        options = f"{{bubbles: true, detail: {json.dumps(consent)}}}"
        event = f"document.dispatchEvent(new CustomEvent('leadhub:consent', {options}))"
        await page.evaluate(event)
        await page.goto(f"{url}?utm_source=last&utm_campaign=spring")
        await page.evaluate(event)
        # A page of the same site is no touch.
        await page.evaluate(f"location.href = '{url}'")
        await page.wait_for_url(url)
        await page.get_by_label("Work e-mail").wait_for()
        await page.evaluate(event)
        await send(visit, email)
    (submission,) = await submissions_of(shared_stack, email)
    part: dict[str, Any] = submission["form"]
    assert part["first_touch"]["utm_source"] == "first"
    assert part["first_touch"]["click_ids"] == {"fbclid": "f1"}
    last = part["attribution"]
    assert (last["utm_source"], last["utm_campaign"]) == ("last", "spring")
    assert last["consent"] == {"ad_storage": True, "ad_user_data": True, "ad_personalization": False}
    assert last["browser_ids"] == {"_fbp": "fb.1.2.3"}
    assert last["page_url"] == url


async def test_without_consent_a_touch_is_known_for_its_page_alone(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str, short_form: str
) -> None:
    url = site.put("/", embed_snippet(leads_base, short_form))
    email = new_email()
    async with form_visit(browser, f"{url}?utm_source=gone") as visit:
        page = visit.page
        await page.get_by_label("Work e-mail").wait_for()
        await page.goto(url)
        await send(visit, email)
        assert await page.evaluate("localStorage.length + sessionStorage.length") == 0
        assert await page.context.cookies() == []
    (submission,) = await submissions_of(shared_stack, email)
    assert "utm_source" not in submission["form"]["attribution"]


async def test_old_touches_are_forgotten(browser: Browser, site: FormSite, leads_base: str, short_form: str) -> None:
    url = site.put("/", embed_snippet(leads_base, short_form, 'data-consent="granted"'))
    old = json.dumps({"first": {"at": "2020-01-01T00:00:00Z", "utm_source": "old"}, "last": {"at": "x"}})
    async with form_visit(browser, site.put("/empty", "")) as visit:
        await visit.page.evaluate(f"localStorage.setItem('leadhub:touches', {json.dumps(old)})")
        await visit.page.goto(f"{url}?utm_source=new")
        await visit.page.get_by_label("Work e-mail").wait_for()
        assert (await visit.page.evaluate(KEPT))["first"]["utm_source"] == "new"


async def test_a_proof_of_work_is_brought(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str
) -> None:
    spam = {"threshold": 1000, "proof_of_work": "always"}
    form = await make_public_form(shared_stack, [STEPPED_FIELDS[1]], language="en", spam=spam)
    url = site.put("/", embed_snippet(leads_base, form))
    email = new_email()
    # WebCrypto is there on pages with TLS, and on this machine's own.
    async with form_visit(browser, url.replace("shop.test", "localhost")) as visit:
        await send(visit, email)
    (submission,) = await submissions_of(shared_stack, email)
    assert not [one for one in submission["form"]["spam"]["reasons"] if "proof" in one["code"]]
