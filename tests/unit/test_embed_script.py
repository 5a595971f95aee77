"""The script of embedded forms, as it is served: small, and without what strict policies forbid."""

import gzip
import re

import pytest

from cli.embed_script import SCRIPT_FILE, build_script
from services.gateway.public_forms.page_handlers import script_text

MAX_BYTES, MAX_GZIPPED_BYTES = 26 * 1024, 11 * 1024
# What a policy of a host forbids, or what would let a text become markup.
FORBIDDEN = (
    r"\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|setAttribute\(.style|Worker|import\("
)


def test_it_is_small() -> None:
    assert len(script_text().encode()) <= MAX_BYTES
    assert len(gzip.compress(script_text().encode(), 9)) <= MAX_GZIPPED_BYTES


def test_it_is_what_the_build_makes_of_its_modules() -> None:
    built = build_script()
    if built is None:
        pytest.skip("needs npm, and its registry for the first time")
    assert SCRIPT_FILE.read_bytes() == built, "run `python -m cli.embed_script`"


def test_browsers_of_2019_can_read_it() -> None:
    assert re.findall(r"\?\?|\?\.(?!\d)|\d_\d|static\s*\{|#[a-z]\w*\s*[=(]", script_text()) == []


def test_it_holds_nothing_that_policies_forbid() -> None:
    assert re.findall(FORBIDDEN, script_text()) == []


def test_it_names_no_host() -> None:
    assert re.findall(r"https?:\\?/\\?/[a-z]", script_text()) == []
