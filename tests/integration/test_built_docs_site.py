"""The documentation's site as it is built: strictly, in two languages, without a request to another host."""

import json
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Page, expect

from docs.site.api_pages import REFERENCE_FOLDER
from docs.site.page_sources import SiteTree
from docs.site.site_build import CURRENT_VERSION, build_site, stage_tree
from docs.site.site_configuration import read_configurations
from docs.site.site_tool import BuildFailed, ToolUnavailable, build_pages, site_tool
from services.console.web.docs_links import site_path
from shared.integrations.catalogue import PROVIDERS_BY_TYPE
from tests.support.console import chromium, needs_chromium
from tests.support.serving import served, settings_of
from tests.support.source_tree import ROOT
from tests.unit.test_help_links import LINKS

pytestmark = [pytest.mark.integration, pytest.mark.extended]

ENGLISH_HOME, ARABIC_HOME = f"{CURRENT_VERSION}/", f"ar/{CURRENT_VERSION}/"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
DESKTOP, PHONE = (1440, 900), (390, 844)


@dataclass(frozen=True)
class BuiltSite:
    """The site in its folder, and where it is served."""

    folder: Path
    url: str


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def built_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltSite]:
    """The site of this version. Building it checks each link."""
    folder = tmp_path_factory.mktemp("docs-site")
    try:
        site_tool()
    except ToolUnavailable as reason:
        pytest.skip(f"Zensical cannot be installed here: {reason}")
    build_site(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield BuiltSite(folder, f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened_browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture
async def page(opened_browser: Browser, built_site: BuiltSite) -> AsyncIterator[Page]:
    """A page that fails the test if it asked another host for anything."""
    context = await opened_browser.new_context(viewport={"width": DESKTOP[0], "height": DESKTOP[1]})
    opened = await context.new_page()
    requested: list[str] = []
    opened.on("request", lambda request: requested.append(request.url))
    yield opened
    await context.close()
    assert [url for url in requested if not url.startswith((built_site.url, "data:", "blob:"))] == []


def test_the_site_has_both_languages_and_no_program(built_site: BuiltSite) -> None:
    for home in (ENGLISH_HOME, ARABIC_HOME, "latest/", "ar/latest/", f"{ENGLISH_HOME}{REFERENCE_FOLDER}/"):
        assert (built_site.folder / home / "index.html").is_file()
    assert list(built_site.folder.rglob("*.py*")) == []


def test_each_link_of_the_console_leads_to_a_heading(built_site: BuiltSite) -> None:
    for link in [*LINKS, *(f"providers/{type_}.md" for type_ in PROVIDERS_BY_TYPE)]:
        path, _, anchor = site_path(link).partition("#")
        html = (built_site.folder / ENGLISH_HOME / path / "index.html").read_text(encoding="utf-8")
        assert not anchor or f'id="{anchor}"' in html, link


def test_a_broken_link_and_a_broken_anchor_stop_the_build(built_site: BuiltSite, tmp_path: Path) -> None:
    tree = SiteTree("ar", ARABIC_HOME, {"docs/ar/start.md": "index.md"})
    stage_tree(tmp_path, tree, [tree], {**read_configurations()["ar"], "nav": ["index.md"]})
    (tmp_path / "pages" / "index.md").write_text("# A\n\n[gone](gone.md) [nowhere](#nowhere)\n", encoding="utf-8")
    with pytest.raises(BuildFailed) as refusal:
        build_pages(tmp_path)
    assert "gone.md" in str(refusal.value)
    assert "nowhere" in str(refusal.value)


@needs_chromium
@pytest.mark.parametrize(
    ("home", "word", "found"),
    [(ENGLISH_HOME, "quarantine", "failed-leads"), (ARABIC_HOME, "عملاء", "guides/")],
)
async def test_search_finds_a_word(page: Page, built_site: BuiltSite, home: str, word: str, found: str) -> None:
    await page.goto(built_site.url + home)
    field = page.locator("dialog [role=combobox]")
    await field.wait_for(state="attached")  # before that, letters are keys of the page
    await page.keyboard.press("Control+k")
    await field.fill(word)
    await expect(page.locator(f'a[href*="{home}"][href*="{found}"][href*="h="]').first).to_be_visible()


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width_and_height", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("home", [ENGLISH_HOME, ARABIC_HOME])
async def test_the_start_is_accessible_and_fits(
    page: Page, built_site: BuiltSite, home: str, width_and_height: tuple[int, int], scheme: str
) -> None:
    width, height = width_and_height
    await page.set_viewport_size({"width": width, "height": height})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    await page.goto(f"{built_site.url}{home}start/")
    found = (await Axe().run(page, options=RULES)).response["violations"]
    assert [(one["id"], node["target"]) for one in found for node in one["nodes"]] == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await page.evaluate("getComputedStyle(document.body).direction") == ("rtl" if home == ARABIC_HOME else "ltr")


@needs_chromium
async def test_a_reader_changes_the_language_and_sees_the_version(page: Page, built_site: BuiltSite) -> None:
    await page.goto(f"{built_site.url}latest/")
    await page.wait_for_url(f"{built_site.url}{ENGLISH_HOME}")
    await expect(page.locator(".md-version__current")).to_have_text(CURRENT_VERSION)
    await page.locator("a[hreflang=ar]").first.evaluate("(link) => link.click()")
    await page.wait_for_url(f"{built_site.url}{ARABIC_HOME}")
    await expect(page.locator(".md-version__current")).to_have_text(CURRENT_VERSION)


@needs_chromium
async def test_an_address_of_latest_keeps_its_anchor(page: Page, built_site: BuiltSite) -> None:
    await page.goto(f"{built_site.url}latest/forms/#spam")
    await page.wait_for_url(f"{built_site.url}{ENGLISH_HOME}forms/#spam")


@needs_chromium
async def test_the_reference_tries_a_request_against_the_readers_server(
    opened_browser: Browser, built_site: BuiltSite, database_url: str, tmp_path: Path
) -> None:
    settings = settings_of(database_url, tmp_path)
    page = await opened_browser.new_page()
    async with served(settings):
        await page.goto(f"{built_site.url}{ENGLISH_HOME}{REFERENCE_FOLDER}/#/service/get_me")
        await page.get_by_label("Address of your LeadHub").fill(f"http://127.0.0.1:{settings.port}/")
        await page.get_by_role("button", name="Use it").click()
        operation = page.locator("#operations-service-get_me")
        await operation.get_by_role("button", name="Try it out").click()
        await operation.get_by_role("button", name="Execute").click()
        answer = operation.locator(".live-responses-table .response")
        await expect(answer.first).to_contain_text("401")
        await expect(answer.first).to_contain_text("UNAUTHORIZED")
        assert f"127.0.0.1:{settings.port}/api/v1/me" in await operation.locator(".curl").inner_text()
    await page.close()


def test_the_versions_are_listed(built_site: BuiltSite) -> None:
    for root in (built_site.folder, built_site.folder / "ar"):
        listed = json.loads((root / "versions.json").read_text(encoding="utf-8"))
        assert listed == [{"version": CURRENT_VERSION, "title": CURRENT_VERSION, "aliases": ["latest"]}]
    assert ROOT.joinpath("mkdocs.yml").is_file()
