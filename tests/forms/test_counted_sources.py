"""Views, starts and sendings of one visit are counted under one source, wherever the form stands."""

from typing import Any

import pytest
from playwright.async_api import Browser, FrameLocator, Page, expect

from tests.support.console import needs_chromium
from tests.support.form_sites import STEPPED_FIELDS, FormSite, embed_snippet, form_visit, make_public_form, new_email
from tests.support.stack import Stack
from tests.support.waiting import until_async

pytestmark = needs_chromium

COUNTS = """
SELECT outcome, source, sum(n)::int FROM form_counts
WHERE form_id = (SELECT id FROM forms WHERE public_id = %s) GROUP BY 1, 2 ORDER BY 1, 2
"""
EARLIER_TOUCH = """
localStorage.setItem("leadhub:touches", JSON.stringify({last: {at: new Date().toISOString(), utm_source: "earlier"}}))
"""
ADDRESS = "/?utm_source=spring&utm_medium=mail&gclid=g1&email=ada@example.com"


def bodies(base: str, form: str) -> dict[str, str]:
    """The ways to show a form on a site."""
    field = '<label>Work e-mail <input name="email"></label><button>Send</button>'
    return {
        "script": embed_snippet(base, form),
        "frame": embed_snippet(base, form, 'data-mode="iframe"'),
        "window": f'<a href="{base}/f/{form}" data-leadhub-open="{form}">Ask us</a>'
        f'<script async src="{base}/f/{form}/embed.js" data-mode="popup"></script>',
        "own-form": f'<form action="{base}/f/{form}" method="post">{field}</form>'
        f'<script async src="{base}/f/{form}/embed.js"></script>',
        "plain-frame": f'<iframe src="{base}/f/{form}?embed=1" height="600"></iframe>',
        "link": f'<a href="{base}/f/{form}">Ask us</a>',
    }


async def send(page: Page, way: str) -> None:
    if way in ("window", "link"):
        await page.get_by_role("link", name="Ask us").click()
    scope: Page | FrameLocator = page.frame_locator("iframe") if "frame" in way else page
    await scope.get_by_label("Work e-mail").fill(new_email())
    await scope.get_by_role("button", name="Send").click()
    await expect(scope.get_by_text("Thank you, Ada will call.")).to_be_visible()


async def assert_counted(stack: Stack, form: str, source: str) -> None:
    expected = [(outcome, source, 1) for outcome in ("start", "submission", "view")]

    def counted() -> list[tuple[Any, ...]]:
        with stack.database() as database:
            return database.execute(COUNTS, (form,)).fetchall()

    await until_async(lambda: len(counted()) >= 3, what="all three counts")
    assert counted() == expected


@pytest.mark.parametrize(
    ("way", "address", "source"),
    [
        ("script", ADDRESS, "spring"),
        ("script", "/", "search.test"),
        ("frame", ADDRESS, "spring"),
        ("frame", "/", "search.test"),
        ("window", "/", "search.test"),
        pytest.param("own-form", "/", "search.test", marks=pytest.mark.extended),
        # Without the script they know the site alone.
        pytest.param("plain-frame", ADDRESS, "shop.test", marks=pytest.mark.extended),
        pytest.param("link", ADDRESS, "shop.test", marks=pytest.mark.extended),
    ],
)
async def test_a_visit_is_counted_under_the_source_of_its_page(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str, way: str, address: str, source: str
) -> None:
    form = await make_public_form(shared_stack, [STEPPED_FIELDS[1]], language="en")
    url = site.put("/", bodies(leads_base, form)[way])
    before = site.put("/before", f'<a href="{url}{address[1:]}">A shop</a>')
    async with form_visit(browser, before.replace("shop.test", "search.test")) as visit:
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        await visit.page.get_by_role("link", name="A shop").click()
        await send(visit.page, way)
        assert visit.faults == []
    await assert_counted(shared_stack, form, source)
    # The page's own query goes nowhere before the visitor sends.
    assert not [one for one in asked if one.startswith(leads_base) and "ada@" in one.replace("%40", "@")]


@pytest.mark.parametrize("way", ["script", "frame"])
async def test_nobody_refers_a_visitor_who_opens_the_page(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str, way: str
) -> None:
    form = await make_public_form(shared_stack, [STEPPED_FIELDS[1]], language="en")
    async with form_visit(browser, site.put("/", bodies(leads_base, form)[way])) as visit:
        await send(visit.page, way)
    await assert_counted(shared_stack, form, "direct")


async def test_consent_that_comes_later_moves_no_count(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str
) -> None:
    form = await make_public_form(shared_stack, [STEPPED_FIELDS[1]], language="en")
    url = site.put("/", bodies(leads_base, form)["script"])
    async with form_visit(browser, site.put("/earlier", "")) as visit:
        page = visit.page
        await page.evaluate(EARLIER_TOUCH)
        await page.goto(url)
        await page.get_by_label("Work e-mail").wait_for()
        await page.evaluate("dispatchEvent(new CustomEvent('leadhub:consent', {detail: 'granted'}))")
        await send(page, "script")
    await assert_counted(shared_stack, form, "direct")


async def test_a_long_source_is_cut_alike(
    browser: Browser, site: FormSite, shared_stack: Stack, leads_base: str
) -> None:
    form = await make_public_form(shared_stack, [STEPPED_FIELDS[1]], language="en")
    url = site.put("/", bodies(leads_base, form)["script"])
    async with form_visit(browser, f"{url}?utm_source={'é' * 500}") as visit:
        await send(visit.page, "script")
    await assert_counted(shared_stack, form, "é" * 100)
