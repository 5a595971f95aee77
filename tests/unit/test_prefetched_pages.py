"""Pages that a browser may ask for before they are opened: only those that bring themselves up to date."""

import re

import pytest

from services.console.web.navigation import NAVIGATION_ENTRIES
from services.console.web.rendering import FEATURE_TEMPLATES, SHARED_TEMPLATES

pytestmark = pytest.mark.unit

RULES = (SHARED_TEMPLATES / "_prefetch.html").read_text("utf-8")
[LISTED] = re.findall(r"live_pages = \[(.*)\]", RULES)
PAGES = re.findall(r"'([^']+)'", LISTED)


@pytest.mark.parametrize("page", PAGES)
def test_a_prefetched_page_is_one_of_the_navigation_and_live(page: str) -> None:
    assert page in {entry.page for entry in NAVIGATION_ENTRIES}
    folder = FEATURE_TEMPLATES[page.replace("-", "_")]
    texts = [path.read_text("utf-8") for path in sorted(folder.glob("*.html"))]
    assert any(f"page_id = '{page}'" in text and "live_topic" in text for text in texts)


def test_some_pages_are_prefetched() -> None:
    assert len(PAGES) == 5
