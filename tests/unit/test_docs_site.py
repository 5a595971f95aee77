"""The site of the documentation, unbuilt: its navigation, its generated pages, its links and its versions."""

import json
import re
from pathlib import Path

import pytest

from docs.provider_pages import PROVIDERS_FOLDER, provider_pages
from docs.site.api_pages import SWAGGER_FOLDER, SWAGGER_NAMES, api_page
from docs.site.link_check import broken_links
from docs.site.link_rewriting import rewrite_links
from docs.site.page_sources import ARABIC_FOLDER, PROJECT_ROOT, SiteTree, site_trees
from docs.site.site_build import CURRENT_VERSION
from docs.site.site_configuration import (
    complete_configuration,
    missing_pages,
    read_configurations,
    repeated_entries,
    strange_entries,
)
from docs.site.site_versions import add_version
from services.console.web.docs_links import DOCS_VERSION, DocsPlace, site_path
from shared.integrations.catalogue import PROVIDERS_BY_TYPE

pytestmark = pytest.mark.unit

TREES = site_trees(CURRENT_VERSION)
ENGLISH, ARABIC = TREES
CONFIGURATIONS = read_configurations()
SHELL_BLOCK = re.compile(r"^```(?:sh|python)\n.*?^```$", re.MULTILINE | re.DOTALL)
MAX_PICTURE_BYTES, MAX_PICTURES_BYTES = 60_000, 2_000_000
TRANSLATED_PAGES = ("index.md", "start.md", "guides/developer.md", "guides/marketer.md", "guides/operator.md")


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.language)
def test_each_page_stands_in_the_navigation_once(tree: SiteTree) -> None:
    """A page that is named here needs a line in `nav` of mkdocs.yml, or of docs/ar/site.yml."""
    configuration = CONFIGURATIONS[tree.language]
    assert missing_pages(configuration, tree) == set()
    assert strange_entries(configuration, tree) == set()
    assert repeated_entries(configuration, tree) == set()


def test_a_page_without_a_place_is_named() -> None:
    tree = SiteTree("en", "0.1", {**ENGLISH.files, "docs/calendars.md": "calendars.md"})
    assert missing_pages(CONFIGURATIONS["en"], tree) == {"calendars.md"}


def test_a_folder_of_the_navigation_stands_for_its_pages_with_the_index_first() -> None:
    complete = complete_configuration({"nav": [{"Providers": "providers/"}], "extra": {}}, ENGLISH, TREES)
    ((_, pages),) = complete["nav"][0].items()
    assert pages[:2] == ["providers/index.md", "providers/calendly.md"]
    assert len(pages) == len(PROVIDERS_BY_TYPE) + 1


def test_no_program_of_the_docs_is_a_file_of_the_site() -> None:
    assert {Path(place).suffix for tree in TREES for place in tree.files.values()} <= {".md", ".png", ".webp", ".json"}


def test_pages_of_providers_are_those_of_the_registry() -> None:
    """If they are not: `.venv/bin/python -m docs.provider_pages`."""
    assert {path.name: path.read_text(encoding="utf-8") for path in PROVIDERS_FOLDER.glob("*.md")} == provider_pages()


def test_each_provider_has_a_small_picture() -> None:
    """If one has none: `.venv/bin/python -m docs.pictures connect`."""
    pictures = {path.stem: path.stat().st_size for path in (PROJECT_ROOT / "docs/pictures/connect").glob("*.webp")}
    assert pictures.keys() == PROVIDERS_BY_TYPE.keys()
    assert max(pictures.values()) <= MAX_PICTURE_BYTES
    assert sum(pictures.values()) <= MAX_PICTURES_BYTES


def test_the_start_prints_examples_of_the_readme() -> None:
    """Those of the README are run as printed."""
    readme = (PROJECT_ROOT / "README.md").read_text(encoding="utf-8")
    blocks = SHELL_BLOCK.findall((PROJECT_ROOT / "docs/start.md").read_text(encoding="utf-8"))
    assert len(blocks) >= 4
    assert [block for block in blocks if block not in readme] == []


@pytest.mark.parametrize("name", TRANSLATED_PAGES)
def test_an_arabic_page_has_the_sections_and_the_code_of_the_english_one(name: str) -> None:
    english = (PROJECT_ROOT / "docs" / name).read_text(encoding="utf-8")
    arabic = (PROJECT_ROOT / ARABIC_FOLDER / name).read_text(encoding="utf-8")
    assert SHELL_BLOCK.findall(arabic) == SHELL_BLOCK.findall(english)
    if name != "index.md":  # it says that its reference is English
        assert arabic.count("\n## ") == english.count("\n## ")
        assert sorted(_anchored(arabic)) == sorted(_anchored(english))


def _anchored(text: str) -> list[str]:
    """The files that a page links to, without those below its own folder."""
    return [Path(target).name for target in re.findall(r"\]\(((?:\.\./)+[^)#]+)", text)]


def test_every_operation_has_a_link_into_the_reference() -> None:
    document = json.loads((PROJECT_ROOT / "docs/openapi.json").read_text(encoding="utf-8"))
    page = api_page()
    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict) and not operation.get("x-sdk-ignore"):
                assert f"/{operation['operationId']})" in page


def test_files_of_swagger_ui_that_the_reference_takes_are_there() -> None:
    assert [name for name in SWAGGER_NAMES if not (SWAGGER_FOLDER / name).is_file()] == []


TREE = SiteTree("en", "0.1", {"docs/a.md": "a.md", "docs/x/README.md": "x/index.md", "demo/README.md": "project/d.md"})
OTHER = SiteTree("ar", "ar/0.1", {"docs/ar/b.md": "b.md"})


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("docs/a.md", "[X](x/README.md#top)", "[X](x/index.md#top)"),
        ("docs/x/README.md", "[A](../a.md)", "[A](../a.md)"),
        ("docs/a.md", "[demo](../demo/README.md)", "[demo](project/d.md)"),
        ("demo/README.md", "[A](../docs/a.md#b)", "[A](../a.md#b)"),
        ("docs/a.md", "[code](../shared/errors.py) and more", "code and more"),
        ("docs/a.md", "[arabic](ar/b.md#c)", "[arabic](../ar/0.1/b/#c)"),
        ("docs/a.md", "[here](#top) [out](https://example.com/x)", "[here](#top) [out](https://example.com/x)"),
        ("docs/a.md", "```md\n[code](../x.py)\n```", "```md\n[code](../x.py)\n```"),
    ],
)
def test_links_lead_to_pages_of_the_site(source: str, text: str, expected: str) -> None:
    assert rewrite_links(text, source, TREE, [OTHER]) == expected


def test_latest_leads_to_the_newest_version(tmp_path: Path) -> None:
    for version in ("0.9", "0.10", "0.2"):
        page = tmp_path / version / "forms" / "index.html"
        page.parent.mkdir(parents=True)
        page.touch()
        (tmp_path / version / "index.html").touch()
        add_version(tmp_path, version)
    listed = json.loads((tmp_path / "versions.json").read_text(encoding="utf-8"))
    assert [(entry["version"], entry["aliases"]) for entry in listed] == [
        ("0.10", ["latest"]),
        ("0.9", []),
        ("0.2", []),
    ]
    assert "../../0.10/forms/" in (tmp_path / "latest/forms/index.html").read_text(encoding="utf-8")
    assert "latest/" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert broken_links(tmp_path) == []


def test_the_check_of_links_names_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "index.html").write_text('<h1 id="one">A</h1><a href="../#two">up</a>', encoding="utf-8")
    (tmp_path / "index.html").write_text(
        '<h1 id="two">B</h1><a href="a/#one">good</a><a href="a/#three">bad</a><a href="b/">gone</a>'
        '<a href="https://example.com/">out</a><script src="https://example.com/x.js"></script>',
        encoding="utf-8",
    )
    assert broken_links(tmp_path) == [
        "index.html: a/#three has no such anchor",
        "index.html: b/ is not there",
        "index.html: https://example.com/x.js comes from another host",
    ]


@pytest.mark.parametrize(
    ("place", "address"),
    [
        (DocsPlace(), ""),
        (DocsPlace(folder_url="https://git.example.com/docs/"), "https://git.example.com/docs/forms.md#spam"),
        (DocsPlace("https://docs.example.com/"), f"https://docs.example.com/{DOCS_VERSION}/forms/#spam"),
        (DocsPlace("https://docs.example.com", "https://x.y"), f"https://docs.example.com/{DOCS_VERSION}/forms/#spam"),
    ],
)
def test_the_console_links_to_the_site_where_its_address_is_set(place: DocsPlace, address: str) -> None:
    assert place.address_of("forms.md#spam") == address
    assert (f'href="{address}"' in place.link_to("forms.md#spam", str)) is bool(address)


def test_the_console_and_the_site_agree_on_addresses() -> None:
    assert DOCS_VERSION == CURRENT_VERSION
    for source, place in ENGLISH.pages.items():
        if source.startswith("docs/"):
            shown = f"{DOCS_VERSION}/{site_path(source.removeprefix('docs/'))}".rstrip("/")
            assert shown == ENGLISH.address_of(place)
