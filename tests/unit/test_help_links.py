"""Where pages of the console say that more is told: each names a heading of a page of `docs/` that is there."""

import re
from pathlib import Path

import pytest

from services.console.web.rendering import FEATURE_TEMPLATES, SHARED_TEMPLATES

pytestmark = pytest.mark.unit

DOCS_FOLDER = Path(__file__).parents[2] / "docs"
LINK = re.compile(r"""docs(?:_link\(|=)'([^']+)'""")
TEMPLATES = [path for folder in (SHARED_TEMPLATES, *FEATURE_TEMPLATES.values()) for path in sorted(folder.iterdir())]
LINKS = sorted({link for path in TEMPLATES for link in LINK.findall(path.read_text("utf-8"))})


def anchors_of(page: str) -> set[str]:
    """The anchors of the headings of a page, as Git hosts make them."""
    headings = re.findall(r"^#+ (.+)$", (DOCS_FOLDER / page).read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("link", LINKS)
def test_help_of_a_page_names_a_heading_that_is_there(link: str) -> None:
    page, _, anchor = link.partition("#")
    assert (DOCS_FOLDER / page).is_file()
    assert not anchor or anchor in anchors_of(page)


def test_help_for_users_is_no_page_for_those_who_build() -> None:
    assert len(LINKS) > 20
    assert [link for link in LINKS if link.startswith(("internals/", "decisions/")) or "#glossary" in link] == []
