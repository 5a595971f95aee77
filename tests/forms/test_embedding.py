"""The form on other sites: in the page, in a frame, in a dialog; hostile styles, strict policies, two sizes, two ways
to write."""

import pytest
from playwright.async_api import Browser, expect

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
    submissions_of,
)
from tests.support.stack import Stack
from tests.support.tiers import first_in_tier
from tests.support.waiting import until_async

pytestmark = needs_chromium

# What a host's sheet may do to all elements but its own.
HOSTILE_CSS = """
html { font-size: 4px; direction: rtl; }
body * { display: none !important; visibility: hidden !important; opacity: 0 !important; }
body > h1, body > p { display: block !important; visibility: visible !important; opacity: 1 !important; }
div, form, input, label, button, fieldset, p, a {
  color: red !important; font: italic 3px serif !important; width: 5px !important; transform: rotate(9deg) !important;
  pointer-events: none !important; letter-spacing: 2em !important; text-transform: uppercase !important;
}
:root { --lh-text: red; --lh-background: red; }
"""


def strict_policy(base: str, site: FormSite) -> str:
    """Nothing but our script and our addresses; the style sheet is the site's own."""
    return f"default-src 'none'; script-src {base}; connect-src {base}; style-src {site.base}"


@pytest.mark.parametrize("is_hostile", first_in_tier(True, False, ids=["hostile", "plain"]))
@pytest.mark.parametrize("viewport", first_in_tier(PHONE, DESKTOP, ids=["phone", "desktop"]))
async def test_inline_under_a_strict_policy(
    browser: Browser,
    site: FormSite,
    shared_stack: Stack,
    leads_base: str,
    stepped_form: str,
    viewport: dict[str, int],
    is_hostile: bool,
) -> None:
    site.put("/hostile.css", HOSTILE_CSS, media="text/css")
    body = f"<h1>Shop</h1>{embed_snippet(leads_base, stepped_form, height=900)}<p>Below</p>"
    # The same script again, as tag managers do.
    body += f'<script async src="{leads_base}/f/{stepped_form}/embed.js"></script>'
    head = "<link rel=stylesheet href=/hostile.css>" if is_hostile else ""
    url = site.put("/", body, strict_policy(leads_base, site), head=head)
    email = new_email()
    async with form_visit(browser, url, viewport=viewport) as visit:
        page = visit.page
        await expect(page.get_by_label("Work e-mail")).to_be_visible()
        assert await page.locator("form").count() == 1
        style = "(one) => [getComputedStyle(one).fontSize, getComputedStyle(one).color]"
        size, color = await page.get_by_label("Work e-mail").evaluate(style)
        assert size == "16px"
        assert color != "rgb(255, 0, 0)"
        await fill_stepped(page, email)
        await page.get_by_role("button", name="Send").dblclick()
        # Not focused: the second click may come after the answer, and takes the focus away.
        await expect(page.get_by_text("Thank you, Ada will call.")).to_be_visible()
        # What a host hides has no height that we could keep.
        assert is_hostile or await visit.moved() == []
        assert await visit.excess_width() <= 0
        assert visit.faults == []
        assert await visit.events() == ["ready", "start", "step", "submit", "success"]
        await expect(page.get_by_text("Below")).to_be_visible()
    assert len(await submissions_of(shared_stack, email)) == 1


async def test_in_a_frame_that_grows(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str, stepped_form: str
) -> None:
    snippet = embed_snippet(leads_base, stepped_form, 'data-mode="iframe"', height=900)
    policy = f"default-src 'none'; script-src {leads_base}; frame-src {leads_base}"
    url = site.put("/", f"<h1>Shop</h1>{snippet}<p>Below</p>", policy)
    email = new_email()
    async with form_visit(browser, f"{url}?name=Grace&utm_source=ads") as visit:
        frame = visit.page.frame_locator("iframe")
        await expect(frame.get_by_label("Your name")).to_have_value("Grace")
        height = "document.querySelector('[data-leadhub-form]').shadowRoot.querySelector('iframe').offsetHeight"
        content = await frame.locator("main").evaluate("(one) => one.getBoundingClientRect().bottom")

        # The page's policy forbids what Playwright waits for functions with.
        async def is_fitting() -> bool:
            return bool(abs(await visit.page.evaluate(height) - content) < 20)

        await until_async(is_fitting, what="the height of the content")
        before = await visit.page.evaluate(height)
        await frame.locator("[data-next]").click()

        async def has_grown() -> bool:
            return bool(await visit.page.evaluate(height) > before + 40)

        await until_async(has_grown, what="the height of the next step")
        # Nobody else sets its height.
        await visit.page.evaluate("postMessage({type: 'leadhub:height', height: 5}, '*')")
        await fill_stepped(frame, email)
        assert await visit.page.evaluate(height) > 100
        await frame.get_by_role("button", name="Send").click()
        await expect(frame.get_by_text("Thank you, Ada will call.")).to_be_visible()
        assert await visit.moved() == []
        assert visit.faults == []
    (submission,) = await submissions_of(shared_stack, email)
    assert submission["attribution"]["utm_source"] == "ads"
    assert submission["attribution"]["page_url"].startswith(f"{site.base}/?name=Grace")


@pytest.mark.parametrize("viewport", first_in_tier(PHONE, DESKTOP, ids=["phone", "desktop"]))
async def test_in_a_dialog(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str, stepped_form: str, viewport: dict[str, int]
) -> None:
    script = f'{leads_base}/f/{stepped_form}/embed.js" data-mode="popup" data-trigger="#ask" data-datalayer'
    # Of two of them, one acts.
    body = (
        f'<p><a id=ask href="{leads_base}/f/{stepped_form}">Ask us</a></p>'
        + 2 * f'<script async src="{script}></script>'
    )
    url = site.put("/", body, strict_policy(leads_base, site))
    email = new_email()
    async with form_visit(browser, url, viewport=viewport) as visit:
        page = visit.page
        await page.locator("#ask[aria-haspopup=dialog]").click()
        dialog = page.get_by_role("dialog", name="Ask for prices")
        await expect(dialog.get_by_label("Your name")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.locator("#ask")).to_be_focused()
        await page.locator("#ask").click()
        await fill_stepped(page, email)
        await dialog.get_by_role("button", name="Send").click()
        await expect(dialog.get_by_text("Thank you, Ada will call.")).to_be_visible()
        await dialog.get_by_role("button", name="Close").click()
        assert await page.locator("dialog").count() == 1
        pushed = await page.evaluate("dataLayer")
        assert await visit.excess_width() <= 0
        assert visit.faults == []
    (submission,) = await submissions_of(shared_stack, email)
    assert pushed == [{"event": "generate_lead", "form_id": stepped_form, "submission_id": submission["id"]}]


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
async def test_a_form_of_the_site_itself(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str, stepped_form: str, has_script: bool
) -> None:
    fields = "".join(f'<label>{key} <input name="{key}"></label>' for key in ("name", "email", "topics", "agree"))
    body = (
        f'<form action="{leads_base}/f/{stepped_form}" method="post">{fields}<button>Go</button></form>'
        f'<script async src="{leads_base}/f/{stepped_form}/embed.js"></script>'
    )
    url = site.put("/", body, f"{strict_policy(leads_base, site)}; form-action {leads_base}")
    email = new_email()
    async with form_visit(browser, url, java_script_enabled=has_script) as visit:
        page = visit.page
        if has_script:
            await page.locator("form[data-live]").wait_for()
        for key, value in {"name": "Ada", "email": "ada@example", "topics": "prices", "agree": "1"}.items():
            await page.get_by_label(key).fill(value)
        await page.get_by_role("button", name="Go").click()
        if has_script:
            await expect(page.locator(".lh-summary")).to_be_focused()
            await page.locator(".lh-summary a").click()
            await expect(page.get_by_label("email")).to_be_focused()
            await page.keyboard.press("Control+A")
            await page.keyboard.type(email)
            await page.get_by_role("button", name="Go").click()
            await expect(page.get_by_text("Thank you, Ada will call.")).to_be_focused()
            assert page.url == url
            assert visit.faults == []
        else:
            await page.wait_for_url(f"{leads_base}/**")
            await page.get_by_label("Work e-mail").fill(email)
            await page.get_by_role("button", name="Send").click()
            await expect(page.get_by_text("Thank you, Ada will call.")).to_be_visible()
    (submission,) = await submissions_of(shared_stack, email)
    assert submission["form"]["values"]["topics"] == "prices"


async def test_a_closed_policy_leads_to_the_frame_or_the_page(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str, stepped_form: str
) -> None:
    policy = f"default-src 'none'; script-src {leads_base}; frame-src {leads_base}; form-action {leads_base}"
    url = site.put("/", embed_snippet(leads_base, stepped_form), policy)
    async with form_visit(browser, url) as visit:
        await expect(visit.page.frame_locator("iframe").get_by_label("Your name")).to_be_visible()
    email = new_email()
    inputs = f'<input name=name value=Ada><input name=email value="{email}"><input name=topics value=terms>'
    inputs += "<input name=agree value=1>"
    body = (
        f'<form action="{leads_base}/f/{stepped_form}" method="post">{inputs}<button>Go</button>'
        f'</form><script async src="{leads_base}/f/{stepped_form}/embed.js"></script>'
    )
    url = site.put("/plain", body, policy)
    async with form_visit(browser, url) as visit:
        await visit.page.locator("form[data-live]").wait_for()
        await visit.page.get_by_role("button", name="Go").click()
        await visit.page.wait_for_url(f"{leads_base}/**")
        await expect(visit.page.get_by_text("Thank you, Ada will call.")).to_be_visible()
    assert len(await submissions_of(shared_stack, email)) == 1


async def test_an_unknown_form_leaves_the_sites_own_link(browser: Browser, site: FormSite, leads_base: str) -> None:
    url = site.put("/", embed_snippet(leads_base, "nosuchform"))
    async with form_visit(browser, url) as visit:
        await expect(visit.page.get_by_text("Our form")).to_be_visible()


@pytest.mark.parametrize("viewport", first_in_tier(PHONE, DESKTOP, ids=["phone", "desktop"]))
@pytest.mark.parametrize("language", first_in_tier("ar", "en"))
async def test_the_hosted_page_shifts_nothing(
    browser: Browser, shared_stack: Stack, leads_base: str, viewport: dict[str, int], language: str
) -> None:
    form = await make_public_form(shared_stack, STEPPED_FIELDS, language=language)
    email = new_email()
    async with form_visit(browser, f"{leads_base}/f/{form}?name=Grace&agree=1", viewport=viewport) as visit:
        page = visit.page
        assert await page.evaluate("document.documentElement.dir") == ("rtl" if language == "ar" else "ltr")
        await expect(page.get_by_label("Your name")).to_have_value("Grace")
        await expect(page.get_by_label("Size")).to_be_hidden()
        await page.locator("[data-next]").click()
        await expect(page.locator(".lh-summary")).to_be_focused()
        assert await page.locator(".lh-summary a").all_inner_texts() == ["Work e-mail", "Topics"]
        assert await page.locator("[aria-invalid=true]").count() == 2
        await page.get_by_label("more").check()
        await expect(page.get_by_label("Why that many?")).to_be_visible()
        await fill_stepped(page, email)
        await expect(page.get_by_label("Why that many?")).to_be_hidden()
        await page.locator("[data-back]").click()
        await page.keyboard.press("Tab")
        # Return goes on, and does not send.
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Size")).to_be_visible()
        # What the answer moves, the visitor has asked for, however late it comes.
        assert await visit.moved() == []
        await page.locator("[type=submit]").click()
        await expect(page.get_by_text("Thank you, Ada will call.")).to_be_focused()
        assert await visit.excess_width() <= 0
        assert visit.faults == []
    (submission,) = await submissions_of(shared_stack, email)
    assert "why" not in submission["form"]["values"]


async def test_a_success_redirects_with_the_submission(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str
) -> None:
    target = site.put("/thanks", "<h1>Bought</h1>")
    form = await make_public_form(shared_stack, [STEPPED_FIELDS[1]], redirect_url=f"{target}?from=form")
    url = site.put("/", embed_snippet(leads_base, form))
    email = new_email()
    async with form_visit(browser, url) as visit:
        await visit.page.get_by_label("Work e-mail").fill(email)
        await visit.page.get_by_role("button", name="Send").click()
        await visit.page.wait_for_url(f"{target}?from=form&submission_id=*")
        shown = visit.page.url
    (submission,) = await submissions_of(shared_stack, email)
    assert shown.endswith(submission["id"])
