"""Check the built HTML: each link leads to a file and an anchor that are there, and nothing comes from another host."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

LOADED_ATTRIBUTES = {("img", "src"), ("script", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}
UNCHECKED_NAMES = {"404.html"}  # it is shown at any address, and its links begin at the root
SCRIPT_ROUTES = "/"  # an anchor that begins so is a route of a page's own script


@dataclass
class PageLinks(HTMLParser):
    """The anchors of a page, and its links with whether the browser loads them."""

    anchors: set[str] = field(default_factory=set)
    links: list[tuple[str, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            if (name == "href" or (tag, name) in LOADED_ATTRIBUTES) and value is not None:
                self.links.append((value, (tag, name) in LOADED_ATTRIBUTES))


def broken_links(root: Path) -> list[str]:
    """Return a line for each link of the pages below `root` that leads nowhere, or loads from another host."""
    _read_page.cache_clear()
    pages = (page for page in sorted(root.rglob("*.html")) if page.name not in UNCHECKED_NAMES)
    return [f"{page.relative_to(root)}: {problem}" for page in pages for problem in _page_problems(page, root)]


def _page_problems(page: Path, root: Path) -> Iterator[str]:
    for link, is_loaded in dict.fromkeys(_read_page(page).links):
        if urlsplit(link).scheme or link.startswith("//"):
            if is_loaded and not link.startswith("data:"):
                yield f"{link} comes from another host"
        elif problem := _link_problem(link, page, root):
            yield f"{link} {problem}"


def _link_problem(link: str, page: Path, root: Path) -> str:
    address, anchor = urldefrag(link)
    path = unquote(urlsplit(address).path)
    target = (page.parent / path).resolve() if path else page
    if path and (path.endswith("/") or target.is_dir()):
        target /= "index.html"
    if not target.is_relative_to(root.resolve()) or not target.is_file():
        return "is not there"
    if not anchor or anchor.startswith(SCRIPT_ROUTES) or target.suffix != ".html":
        return ""
    return "" if unquote(anchor) in _read_page(target).anchors else "has no such anchor"


@cache
def _read_page(page: Path) -> PageLinks:
    found = PageLinks()
    found.feed(page.read_text(encoding="utf-8"))
    return found
