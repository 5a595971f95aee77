"""The script of embedded forms, as it is served: small, and without what strict policies forbid."""

import gzip
import re

from services.gateway.public_forms.page_handlers import SCRIPT_FILE, script_text

MAX_GZIPPED_BYTES = 12 * 1024
# What a policy of a host forbids, or what would let a text become markup.
FORBIDDEN = (
    r"\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|setAttribute\(.style|Worker|import\("
)


def test_it_is_small() -> None:
    assert len(gzip.compress(script_text().encode(), 9)) <= MAX_GZIPPED_BYTES


def test_comments_are_lines_of_their_own_and_left_out_with_all_indentation() -> None:
    source, served = SCRIPT_FILE.read_text(encoding="utf-8"), script_text()
    assert not re.search(r"(?m)^\s*//|\s// ", served)
    lines = [line.lstrip() for line in source.splitlines()]
    assert [line for line in lines if not line.startswith("//")] == served.splitlines()


def test_it_holds_nothing_that_policies_forbid() -> None:
    assert re.findall(FORBIDDEN, script_text()) == []


def test_it_names_no_host() -> None:
    assert re.findall(r"https?:\\?/\\?/[a-z]", script_text()) == []
