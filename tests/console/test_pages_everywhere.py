"""Every page among hostile texts, on a phone and at a desk, light and dark, in English and Arabic.

Each page is visited once in each language: readable, reachable, within its window, and nothing of a text runs.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser

from tests.support import pseudo_locale
from tests.support.console import ConsoleClient, Reader, WatchedPage, console_client, needs_chromium, watched_page
from tests.support.console_routes import PAGE_ROUTES, example_path
from tests.support.hostile_texts import MADE_OF_TEXTS, bring_hostile_texts, paused_for_a_hostile_reason
from tests.support.serving import served, settings_of
from tests.support.stack import Stack
from tests.support.tiers import every_nth_in_tier

pytestmark = needs_chromium

Scheme = Literal["light", "dark"]
SIZES = {"phone": (390, 844), "desk": (1440, 900)}
SERIOUS = ("serious", "critical")
RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
# Where the text of the command ends: what bleeds over an edge need not make the window scroll.
COMMAND_END = """
() => {
  const range = document.createRange();
  range.selectNodeContents(document.querySelector(".command-line"));
  return range.getBoundingClientRect().right;
}
"""
# A page says what it is for below its title, and where more is said. These need no more words than they have.
HELP = "main p:has(> .docs-link)"
SELF_EXPLAINING = ("/leads/{id}", "/leads/{id}/peek", "/leads/{id}/timeline", "/search", "/more")
ANONYMOUS_PAGES = ("/console/sign-in", "/console/forgotten", "/console/welcome/{token}")
FORM_PREVIEW, FORM_TEST = (f"/console/{{workspace}}/forms/{{id}}/{page}" for page in ("preview", "test"))
PROJECT = Path(__file__).parents[2]
ROUTES = [route.path for route in PAGE_ROUTES]


@dataclass
class Visitors:
    """Somebody at a browser in one language, signed in as an operator with a hostile name, and somebody who is not."""

    signed_in: WatchedPage
    stranger: WatchedPage

    def of(self, route: str) -> WatchedPage:
        return self.stranger if route in ANONYMOUS_PAGES else self.signed_in


@dataclass
class PseudoReaders:
    """Two browsers without scripts whose language is the one that nobody speaks."""

    signed_in: ConsoleClient
    stranger: ConsoleClient

    def of(self, route: str) -> ConsoleClient:
        return self.stranger if route in ANONYMOUS_PAGES else self.signed_in


@pytest_asyncio.fixture(scope="module")
async def hostile_operator(shared_stack: Stack) -> AsyncIterator[str]:
    """The e-mail address of an operator in an installation full of hostile texts."""
    shared_stack.until_settled()
    email = await bring_hostile_texts(shared_stack)
    async with paused_for_a_hostile_reason(shared_stack, email):
        yield email


@pytest_asyncio.fixture(scope="module")
async def pages(shared_stack: Stack, hostile_operator: str) -> dict[str, str]:
    """Addresses of all pages, by route, with records to show."""
    return {route.path: example_path(route, shared_stack, owner="pages everywhere") for route in PAGE_ROUTES}


@pytest_asyncio.fixture(scope="module")
async def english(browser: Browser, shared_stack: Stack, hostile_operator: str) -> AsyncIterator[Visitors]:
    async with (
        watched_page(browser, shared_stack.base, hostile_operator) as signed_in,
        watched_page(browser, shared_stack.base) as stranger,
    ):
        yield Visitors(signed_in, stranger)


@pytest_asyncio.fixture(scope="module")
async def arabic(browser: Browser, shared_stack: Stack, hostile_operator: str) -> AsyncIterator[Visitors]:
    options = {"locale": "ar", "color_scheme": "dark"}
    async with (
        watched_page(browser, shared_stack.base, hostile_operator, **options) as signed_in,
        watched_page(browser, shared_stack.base, **options) as stranger,
    ):
        yield Visitors(signed_in, stranger)


@pytest_asyncio.fixture(scope="module")
async def pseudo_readers(shared_stack: Stack, hostile_operator: str) -> AsyncIterator[PseudoReaders]:
    """The same console in this process, which speaks a language that nobody does."""
    settings = settings_of(shared_stack.database_url, shared_stack.folder, spool_url=shared_stack.spool_url)
    base, language = f"http://{settings.host}:{settings.port}", {"Accept-Language": pseudo_locale.CODE}
    with pseudo_locale.pseudo_language():
        async with (
            served(settings, with_console=True),
            console_client(base, hostile_operator, **language) as signed_in,
            console_client(base, **language) as stranger,
        ):
            yield PseudoReaders(signed_in, stranger)


async def show(watched: WatchedPage, size: str, scheme: Scheme) -> None:
    """Give the window a size and its reader a wish."""
    width, height = SIZES[size]
    await watched.page.set_viewport_size({"width": width, "height": height})
    await watched.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")


async def is_page(watched: WatchedPage, path: str) -> bool:
    """Whether an address is a page, and no download or data."""
    answer = await watched.page.request.get(watched.base + path, max_redirects=5)
    is_html = answer.headers.get("content-type", "").startswith("text/html")
    return is_html and "attachment" not in answer.headers.get("content-disposition", "")


async def axe_faults(watched: WatchedPage, options: dict[str, Any]) -> list[str]:
    """Serious faults of accessibility, each with the elements that have it."""
    found = (await Axe().run(watched.page, options=options)).response["violations"]
    return [
        f"{fault['id']}: {', '.join(str(node['target'][0]) for node in fault['nodes'][:4])}"
        for fault in found
        if fault["impact"] in SERIOUS
    ]


async def help_faults(watched: WatchedPage, route: str) -> list[str]:
    """A page of a workspace or an account without a sentence of what it is for, or whose link leads nowhere."""
    if route in (*ANONYMOUS_PAGES, FORM_PREVIEW, FORM_TEST) or route.endswith(SELF_EXPLAINING):
        return []
    texts = await watched.page.locator(HELP).all_inner_texts()
    said = [text for text in texts if len(text.split()) > 8]
    files = [found for text in said for found in re.findall(r"docs/[a-z/_-]+\.md", text)]
    missing = [f"no file {file}" for file in files if not (PROJECT / file).is_file()]
    return missing if files else [f"no sentence of what it is for: {texts}"]


async def visit(watched: WatchedPage, path: str, *, scheme: Scheme, rules: dict[str, Any] | None) -> list[str]:
    """Open a page on a phone, and return its faults there and at a desk."""
    await show(watched, "phone", scheme)
    await watched.open(path)
    faults = [f"phone, {scheme}: {fault}" for fault in await axe_faults(watched, rules)] if rules else []
    for size in SIZES:
        await show(watched, size, scheme)
        if (excess := await watched.excess_width()) > 0:
            faults.append(f"{excess} px too wide at the {size}")
    if await watched.page.evaluate("window.hostileTextRan") is not None:
        faults.append("a text ran")
    if await watched.page.locator(MADE_OF_TEXTS).count():
        faults.append("a text is markup")
    faults += watched.faults
    watched.faults.clear()
    return faults


@pytest.mark.parametrize("route", every_nth_in_tier(4, ROUTES))
async def test_page_has_no_fault(english: Visitors, arabic: Visitors, pages: dict[str, str], route: str) -> None:
    if not await is_page(english.of(route), pages[route]):
        return
    assert await visit(english.of(route), pages[route], scheme="light", rules=RULES) == []
    assert await help_faults(english.of(route), route) == []
    assert await visit(arabic.of(route), pages[route], scheme="dark", rules=None) == []
    # A form is in its own language, whoever looks at it.
    direction = "ltr" if route in (FORM_PREVIEW, FORM_TEST) else "rtl"
    assert await arabic.of(route).page.get_attribute("html", "dir") == direction


@pytest.mark.parametrize("route", ROUTES)
async def test_page_has_no_text_that_was_never_translated(
    pseudo_readers: PseudoReaders, pages: dict[str, str], route: str
) -> None:
    page = await pseudo_readers.of(route).get(pages[route])
    is_html = page.headers.get("Content-Type", "").startswith("text/html")
    if page.status != 200 or not is_html or route in (FORM_PREVIEW, FORM_TEST):
        return
    assert pseudo_locale.OPENS in page.text
    assert pseudo_locale.untranslated_texts(page.text) == []


@pytest.mark.extended
@pytest.mark.parametrize("route", ROUTES)
async def test_page_has_no_fault_in_other_looks(english: Visitors, pages: dict[str, str], route: str) -> None:
    watched = english.of(route)
    if not await is_page(watched, pages[route]):
        return
    await show(watched, "phone", "dark")
    await watched.open(pages[route])
    faults = [f"phone, dark: {fault}" for fault in await axe_faults(watched, COLOURS)]
    looks: tuple[tuple[Scheme, dict[str, Any]], ...] = (("light", RULES), ("dark", COLOURS))
    for scheme, rules in looks:
        await show(watched, "desk", scheme)
        faults += [f"desk, {scheme}: {fault}" for fault in await axe_faults(watched, rules)]
    assert faults == []


async def test_empty_pages_fit_and_the_dialogue_of_keys_stands_in_the_middle(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    stranger = readers["stranger"]
    async with watched_page(
        browser, shared_stack.base, stranger.email, viewport={"width": 390, "height": 844}
    ) as watched:
        for page in ("submissions", "leads"):
            await watched.open(f"/console/{stranger.workspace}/{page}")
            await watched.page.locator(".command-line code#first-lead").wait_for()
            assert await watched.excess_width() <= 0
            assert await watched.page.evaluate(COMMAND_END) <= SIZES["phone"][0]
        await show(watched, "desk", "light")
        await watched.page.keyboard.press("?")
        box = await watched.page.locator("dialog#keys").bounding_box()
        assert box is not None
        assert abs(box["x"] + box["width"] / 2 - SIZES["desk"][0] / 2) < 20
        assert abs(box["y"] + box["height"] / 2 - SIZES["desk"][1] / 2) < 20
