"""Addresses that are pasted to be suppressed: read, each once, within a bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.leads.email_normalization import normalise_email
from shared.outbound.suppression_fields import MAX_PASTED_ADDRESSES, PastedAddresses, TooManyAddresses, read_addresses

pytestmark = pytest.mark.unit

SEPARATORS = (" ", "\n", "\r\n", ", ", ";", "،", "؛", "\t", "\n\n , ")


@given(
    st.lists(st.integers(0, 10_000), min_size=1, max_size=40),
    st.sampled_from(SEPARATORS),
    st.booleans(),
)
def test_addresses_are_read_whatever_stands_between_them(numbers: list[int], separator: str, has_names: bool) -> None:
    emails = [f"A{number}@Example.com" for number in numbers]
    has_names = has_names and separator != " "
    texts = [f'"Ada Lovelace" <{email}>' for email in emails] if has_names else emails
    expected = list(dict.fromkeys(email.lower() for email in emails))
    assert read_addresses(f"\n{separator.join(texts)} ") == PastedAddresses(expected)


@given(st.text(max_size=300))
def test_any_text_is_read_to_normal_addresses_and_pieces_that_are_none(text: str) -> None:
    pasted = read_addresses(text)
    assert [normalise_email(email) for email in pasted.emails] == pasted.emails
    assert all(piece in text for piece in pasted.unreadable)


def test_pieces_that_are_no_addresses_are_named() -> None:
    pasted = read_addresses("ada@example.com, nobody; <> ; Bob <bob at example.com>")
    assert pasted == PastedAddresses(["ada@example.com"], ["nobody", "<>", "bob at example.com"])


@pytest.mark.parametrize("text", ["x@example.com\n" * (MAX_PASTED_ADDRESSES + 1), "x " * 100_000, "<" * 200_000])
def test_too_many_are_refused_before_one_is_read(text: str) -> None:
    if text.startswith("<"):
        assert read_addresses(text).emails == []
        return
    with pytest.raises(TooManyAddresses):
        read_addresses(text)
