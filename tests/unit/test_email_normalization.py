"""E-mail addresses: what counts as one mailbox, and that the fast path never differs from the library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.leads import email_normalization
from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from tests.support.wider_samples import cases_or_skip, sample_json

pytestmark = pytest.mark.unit


def sample_pairs() -> list[tuple[str, str, str]]:
    pairs = sample_json("email/email_normalisation.json").get("pairs", [])
    return [(pair["a"], pair["b"], pair["match_level"]) for pair in pairs]


@pytest.mark.parametrize(("first", "second", "level"), cases_or_skip(sample_pairs(), 3))
def test_sample_pairs_are_one_identity_where_they_are_one_mailbox(first: str, second: str, level: str) -> None:
    same = normalise_email(first) == normalise_email(second)
    same_folded = normalise_email(first, fold_gmail=True) == normalise_email(second, fold_gmail=True)
    assert same == (level == "identity key" or first == second)
    assert same_folded == (same or level == "strong duplicate signal")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Ada@Example.COM\n", "ada@example.com"),
        ("\u200eada@example.com\u200f", "ada@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--BCHER-KVA.example", "ada@xn--bcher-kva.example"),
        ("ada@ｅｘａｍｐｌｅ。com", "ada@example.com"),
        ("JO\u0308RG@example.com", "j\u00f6rg@example.com"),
        ("\u0124\u0331a@example.com", "\u1e96\u0302a@example.com"),  # in lower case its marks change places
        ("o'brien/sales@example.com", "o'brien/sales@example.com"),
        ("ada@crm.test", "ada@crm.test"),
        ("ada@printer.local", "ada@printer.local"),
        ("ada@nowhere.invalid", "ada@nowhere.invalid"),
    ],
)
def test_accepts_and_normalises(text: str, expected: str) -> None:
    assert normalise_email(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@test",
        "a b@example.com",
        "a..b@example.com",
        ".a@example.com",
        "a@example..com",
        "a@-example.com",
        "a@example.123",
        "a@[127.0.0.1]",
        '"a b"@example.com',
        "Ada <ada@example.com>",
        "ada@example.com, bob@example.com",
        "ada@example.com\nBcc: bob@example.com",
        "a\u0000@example.com",
        "\ud800@example.com",
        f"a@{'b' * 64}.com",
        f"{'a' * 250}@example.com",
        "a" * 100_000,
    ],
)
def test_refuses_what_is_no_address(text: str) -> None:
    with pytest.raises(InvalidContact):
        normalise_email(text)


def test_folding_leaves_an_address_that_is_nothing_but_a_tag() -> None:
    assert normalise_email("+x@gmail.com", fold_gmail=True) == "+x@gmail.com"


ORDINARY = st.from_regex(r"[A-Za-z0-9_+.-]{1,20}@[A-Za-z0-9.-]{1,30}\.[A-Za-z]{1,6}", fullmatch=True)


@given(
    st.one_of(ORDINARY, st.emails()).filter(lambda text: email_normalization._ORDINARY_EMAIL(text) and len(text) <= 64)
)
def test_fast_path_equals_the_library(text: str) -> None:
    assert normalise_email(text) == email_normalization._validate_email(text)


@given(st.one_of(st.emails(), st.builds("{}@{}.com".format, st.text(max_size=12), st.text(max_size=12))))
def test_is_stable_and_blind_to_case_of_ascii(text: str) -> None:
    try:
        once = normalise_email(text)
    except InvalidContact:
        return
    assert normalise_email(once) == once
    if text.isascii():
        assert normalise_email(text.swapcase()) == once


@given(st.text(st.characters(exclude_categories=[]), max_size=80))
def test_any_text_is_an_address_or_invalid(text: str) -> None:
    for candidate in (text, f"{text}@example.com", f"ada@{text}.com"):
        try:
            assert "@" in normalise_email(candidate, fold_gmail=True)
        except InvalidContact:
            continue
