"""Say which file of the repository becomes which page of the site. Pure, but for looking at folders."""

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
DOCS_FOLDER = "docs"
ARABIC_FOLDER = "docs/ar"
PICTURE_SUFFIXES = (".png", ".webp", ".svg")
# Pages of the repository that stand outside docs/.
PROJECT_PAGES = {
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/security.md",
    "CODE_OF_CONDUCT.md": "project/conduct.md",
    "THIRD-PARTY-NOTICES.md": "project/notices.md",
    "demo/README.md": "project/demo.md",
    "bench/README.md": "project/benchmark.md",
}
CLIENTS_PATTERN = "integrations/*/README.md"
FRONT_PAGES = {"README.md": "docs/index.md"}  # a link to the first leads to the second
API_PAGE = "api.md"
OPENAPI_SOURCE, OPENAPI_PLACE = "docs/openapi.json", "openapi.json"


@dataclass(frozen=True)
class SiteTree:
    """The files of one language.

    `folder` is its address below the site, such as `ar/0.1`. `files` has the place of each file of the repository in
    the tree, both with `/`.
    """

    language: str
    folder: str
    files: Mapping[str, str]

    @property
    def pages(self) -> dict[str, str]:
        """The places of the pages, by the file of the repository."""
        return {source: place for source, place in self.files.items() if place.endswith(".md")}

    def address_of(self, place: str) -> str:
        """Return the address of a page or file below the site, that of a page without the slash at its end."""
        return posixpath.normpath(posixpath.join(self.folder, page_folder(place)))


def site_trees(version: str, root: Path = PROJECT_ROOT) -> tuple[SiteTree, SiteTree]:
    """Return the English and the Arabic tree of a version such as `0.1`."""
    pictures = {path: path.removeprefix("docs/") for path in _names(root, DOCS_FOLDER, PICTURE_SUFFIXES)}
    arabic_pages = _pages_below(root, ARABIC_FOLDER)
    english_pages = {
        source: place for source, place in _pages_below(root, DOCS_FOLDER).items() if source not in arabic_pages
    }
    borrowed = {**PROJECT_PAGES, **_client_pages(root), OPENAPI_SOURCE: OPENAPI_PLACE}
    english_files = {**pictures, **borrowed, **english_pages}
    return SiteTree("en", version, english_files), SiteTree("ar", f"ar/{version}", arabic_pages)


def page_folder(place: str) -> str:
    """Return the folder that is a page's address: `forms` for `forms.md`, `providers` for `providers/index.md`."""
    stem = place.removesuffix(".md")
    return posixpath.dirname(stem) if posixpath.basename(stem) == "index" else stem


def _pages_below(root: Path, folder: str) -> dict[str, str]:
    return {name: _place(name.removeprefix(f"{folder}/")) for name in _names(root, folder, (".md",))}


def _place(name: str) -> str:
    """Return the place of a page: the README of a folder is its index."""
    return posixpath.join(posixpath.dirname(name), "index.md") if posixpath.basename(name) == "README.md" else name


def _client_pages(root: Path) -> dict[str, str]:
    found = sorted(root.glob(CLIENTS_PATTERN))
    return {path.relative_to(root).as_posix(): f"clients/{path.parent.name}.md" for path in found}


def _names(root: Path, folder: str, suffixes: Iterable[str]) -> list[str]:
    found = [path for suffix in suffixes for path in (root / folder).rglob(f"*{suffix}")]
    return sorted(path.relative_to(root).as_posix() for path in found if "site" not in path.relative_to(root).parts)
