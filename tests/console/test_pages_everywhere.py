"""Every page at a desk and on a phone, light and dark, and in Arabic: readable, reachable, within its window."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser

from tests.support.console import (
    Reader,
    WatchedPage,
    make_failed,
    needs_chromium,
    post_leads,
    watched_page,
)
from tests.support.console_routes import PAGE_ROUTES, example_path
from tests.support.people import People
from tests.support.stack import Stack

pytestmark = needs_chromium

LEADS = 30
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SERIOUS = ("serious", "critical")
RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
ANONYMOUS_PAGES = ("/console/sign-in", "/console/forgotten", "/console/welcome/{token}")


@pytest_asyncio.fixture(scope="module")
async def pages(shared_stack: Stack) -> dict[str, str]:
    """Addresses of all pages, by route, in an installation that has something to show."""
    people = People("console", 7)
    await post_leads(shared_stack, [people.lead() for _ in range(LEADS)])
    make_failed(shared_stack)
    make_failed(shared_stack, "quarantined")
    return {route.path: example_path(route, shared_stack) for route in PAGE_ROUTES}


@pytest_asyncio.fixture(scope="module")
async def watched(browser: Browser, shared_stack: Stack, readers: dict[str, Reader]) -> AsyncIterator[WatchedPage]:
    """An operator at a desk."""
    async with watched_page(browser, shared_stack.base, readers["operator"].email) as signed_in:
        yield signed_in


async def axe_faults(watched: WatchedPage, options: dict[str, Any]) -> list[str]:
    """Serious faults of accessibility, each with the elements that have it."""
    found = (await Axe().run(watched.page, options=options)).response["violations"]
    return [
        f"{fault['id']}: {', '.join(str(node['target'][0]) for node in fault['nodes'][:4])}"
        for fault in found
        if fault["impact"] in SERIOUS
    ]


async def is_page(watched: WatchedPage, path: str) -> bool:
    """Open an address, and say whether it is a page and no download or data."""
    answer = await watched.page.request.get(watched.base + path, max_redirects=5)
    if not answer.headers.get("content-type", "").startswith("text/html"):
        return False
    if "attachment" in answer.headers.get("content-disposition", ""):
        return False
    await watched.open(path)
    return True


async def check_everywhere(watched: WatchedPage, path: str) -> list[str]:
    """Faults of a page in both themes and both widths."""
    faults: list[str] = []
    page = watched.page
    await page.emulate_media(color_scheme="light", reduced_motion="reduce")
    await page.set_viewport_size(DESK)  # type: ignore[arg-type]
    if not await is_page(watched, path):
        return []
    for name, size in (("desk", DESK), ("phone", PHONE)):
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        await page.emulate_media(color_scheme="light", reduced_motion="reduce")
        faults += [f"{name}: {fault}" for fault in await axe_faults(watched, RULES)]
        await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        faults += [f"{name}, dark: {fault}" for fault in await axe_faults(watched, COLOURS)]
        if (excess := await watched.excess_width()) > 0:
            faults.append(f"{name}: {excess} px too wide")
    faults += watched.faults
    watched.faults.clear()
    return faults


@pytest.mark.parametrize("route", [one.path for one in PAGE_ROUTES if one.path not in ANONYMOUS_PAGES])
async def test_page_has_no_fault(watched: WatchedPage, pages: dict[str, str], route: str) -> None:
    assert await check_everywhere(watched, pages[route]) == []


@pytest.mark.parametrize("route", ANONYMOUS_PAGES)
async def test_page_before_the_sign_in_has_no_fault(
    browser: Browser, shared_stack: Stack, pages: dict[str, str], route: str
) -> None:
    async with watched_page(browser, shared_stack.base) as watched:
        assert await check_everywhere(watched, pages[route]) == []


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_pages_fit_in_arabic(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader], pages: dict[str, str], size: dict[str, int]
) -> None:
    faults: list[str] = []
    options = {"locale": "ar", "viewport": size, "color_scheme": "dark"}
    async with watched_page(browser, shared_stack.base, readers["operator"].email, **options) as watched:
        for path in pages.values():
            if await is_page(watched, path):
                assert await watched.page.get_attribute("html", "dir") == "rtl", path
                if (excess := await watched.excess_width()) > 0:
                    faults.append(f"{path}: {excess} px too wide")
        assert faults + watched.faults == []
