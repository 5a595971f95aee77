"""Make Zensical's configuration of one language from mkdocs.yml, and say what its navigation lacks."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml  # type: ignore[import-untyped]

from docs.site.page_sources import API_PAGE, ARABIC_FOLDER, PROJECT_ROOT, SiteTree

CONFIGURATION_NAME = "mkdocs.yml"
ARABIC_CONFIGURATION = f"{ARABIC_FOLDER}/site.yml"
LANGUAGE_NAMES = {"en": "English", "ar": "العربية"}
PAGES_FOLDER, BUILT_FOLDER = "pages", "built"  # beside the staged configuration
INDEX_NAME = "index.md"


def read_configurations() -> dict[str, dict[str, Any]]:
    """Return the configuration of each language, with folders in place of their pages in `nav`."""
    english = _read(CONFIGURATION_NAME)
    return {"en": english, "ar": _arabic(english, _read(ARABIC_CONFIGURATION))}


def complete_configuration(
    configuration: Mapping[str, Any], tree: SiteTree, trees: Sequence[SiteTree]
) -> dict[str, Any]:
    """Return what Zensical reads: each page of `nav`, and the way to the other languages."""
    alternates = [
        {"name": LANGUAGE_NAMES[one.language], "link": language_link(tree, one), "lang": one.language} for one in trees
    ]
    return {
        **configuration,
        "docs_dir": PAGES_FOLDER,
        "site_dir": BUILT_FOLDER,
        "nav": _expand(configuration["nav"], tree),
        "extra": {**configuration["extra"], "alternate": alternates},
    }


def language_link(tree: SiteTree, other: SiteTree) -> str:
    """Return the way from the root of one tree to that of another."""
    return posixpath.relpath(other.folder, tree.folder) + "/"


def missing_pages(configuration: Mapping[str, Any], tree: SiteTree) -> set[str]:
    """Return the pages of a tree that stand in no place of its navigation."""
    return set(tree.pages.values()) - set(_places(_expand(configuration["nav"], tree)))


def strange_entries(configuration: Mapping[str, Any], tree: SiteTree) -> set[str]:
    """Return the entries of a navigation that are no page of the tree."""
    generated = {API_PAGE} if tree.language == "en" else set()
    return set(_places(_expand(configuration["nav"], tree))) - set(tree.pages.values()) - generated


def repeated_entries(configuration: Mapping[str, Any], tree: SiteTree) -> set[str]:
    """Return the pages that stand in a navigation more than once."""
    places = list(_places(_expand(configuration["nav"], tree)))
    return {place for place in places if places.count(place) > 1}


def _read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((PROJECT_ROOT / name).read_text(encoding="utf-8"))
    return found


def _arabic(english: Mapping[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    toggles = changes.pop("toggles")
    palette = [
        {**entry, "toggle": {**entry["toggle"], "name": name}}
        for entry, name in zip(english["theme"]["palette"], toggles, strict=True)
    ]
    return {**english, **changes, "theme": {**english["theme"], "language": "ar", "palette": palette}}


def _expand(nav: Sequence[Any], tree: SiteTree) -> list[Any]:
    """Return a navigation with the pages of a folder in place of its name, the folder's index first."""
    return [_expand_entry(entry, tree) for entry in nav]


def _expand_entry(entry: Any, tree: SiteTree) -> Any:
    if isinstance(entry, str):
        return entry
    ((title, value),) = entry.items()
    if isinstance(value, list):
        return {title: _expand(value, tree)}
    return {title: _folder_pages(value, tree)} if value.endswith("/") else entry


def _folder_pages(folder: str, tree: SiteTree) -> list[str]:
    found = sorted(place for place in tree.pages.values() if place.startswith(folder))
    index = folder + INDEX_NAME
    return [index, *(place for place in found if place != index)] if index in found else found


def _places(nav: Sequence[Any]) -> Iterator[str]:
    for entry in nav:
        value = entry if isinstance(entry, str) else next(iter(entry.values()))
        if isinstance(value, list):
            yield from _places(value)
        else:
            yield value
