"""Phone numbers: every spelling of one number is one identity, and the fast path never differs from the library."""

from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.leads import phone_normalization
from shared.leads.contact_text import InvalidContact
from shared.leads.phone_normalization import NormalisedPhone, is_identifying_phone, normalise_phone
from tests.support.wider_samples import cases_or_skip, sample_json

pytestmark = pytest.mark.unit


def sample(name: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sample_json(f"phone/{name}").get(key, [])
    return found


def read(text: str, country: str | None) -> NormalisedPhone | None:
    try:
        return normalise_phone(text, country)
    except InvalidContact:
        return None


def read_by_library(text: str, country: str | None) -> NormalisedPhone | None:
    try:
        return phone_normalization._parse_phone(text, country)
    except InvalidContact:
        return None


GROUPS = sample("same_number_many_spellings.json", "groups")
CASES = sample("tricky_cases.json", "cases") + sample("upstream_cases.json", "parse_cases")
REMARKED_ON = ("0900 332 600a5", "0900 332 600A5")  # a letter, and a digit more, behind what is a valid number already


@pytest.mark.parametrize("group", cases_or_skip(GROUPS), ids=lambda group: group["e164"])
def test_every_spelling_of_one_number_is_one_identity(group: dict[str, Any]) -> None:
    for form in group["forms"]:
        expected = NormalisedPhone(group["e164"], form["extension"])
        assert read(form["input"], form["default_region"]) == expected, form


@pytest.mark.parametrize("case", cases_or_skip(CASES), ids=lambda case: case["input"])
def test_reads_what_is_possible_and_nothing_else(case: dict[str, Any]) -> None:
    phone = read(case["input"], case["default_region"])
    if phone is not None and not case["possible"]:  # a prefix of former times is what made it impossible
        assert phonenumbers.is_valid_number(phonenumbers.parse(phone.e164))
        assert case["e164"].endswith(phone.e164.removeprefix("+52"))
    elif phone is not None:
        assert phone == (case["e164"], case["extension"])
    elif case.get("possible") and case["input"] not in REMARKED_ON:
        number = phonenumbers.parse(case["input"], case["default_region"])
        reason = phonenumbers.is_possible_number_with_reason(number)
        assert reason == phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY


@pytest.mark.parametrize(
    ("text", "expected"),
    [("+12015550123", True), ("+12015550123;ext=12", True), ("+1 201 555 0123", False), ("call me", False)],
)
def test_a_phone_as_it_is_kept_identifies_somebody_or_nobody(text: str, expected: bool) -> None:
    assert is_identifying_phone(text) is expected


@pytest.mark.parametrize(
    ("text", "country", "identity"),
    [
        ("+1 (201) 555-0123", None, "+12015550123"),
        ("+1 201 555 0123 x12", None, "+12015550123;ext=12"),
        ("+52 1 55 1234 5678 x12", "MX", "+525512345678;ext=12"),
        ("tel:+1-201-555-0123;ext=12", None, "+12015550123;ext=12"),
        ("\u202a+1\u2060 201\u200b555\u200e0123\u202c", None, "+12015550123"),
        ("+\u202d1 201 555 0123", None, "+12015550123"),
        ("٠١٠٠١٢٣٤٥٦٧", "EG", "+201001234567"),
        ("۰۹۱۲۳۴۵۶۷۸۹", "IR", "+989123456789"),
        ("+44 (0)20 7946 0958", None, "+442079460958"),
        ("+39 02 36618300", "US", "+390236618300"),
        ("0041 44 668 18 00", "DE", "+41446681800"),
        ("050 123 4567", "SA", "+966501234567"),
        ("00966501234567", "SA", "+966501234567"),
    ],
)
def test_phone_spelling_maps_to_its_identity(text: str, country: str | None, identity: str) -> None:
    assert normalise_phone(text, country).identity == identity


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("", "US"),
        ("call me", "US"),
        ("2015550123", None),
        ("2015550123", "XX"),
        ("5550123", "US"),
        ("+1 555 0123", None),
        ("911", "US"),
        ("+999 123456789", None),
        ("+1 201 555 0123 / +1 201 555 0124", None),
        ("\ud800", "US"),
        ("1" * 100_000, "US"),
    ],
)
def test_refuses_what_could_not_be_dialled_from_anywhere(text: str, country: str | None) -> None:
    with pytest.raises(InvalidContact):
        normalise_phone(text, country)


COUNTRIES = st.sampled_from([None, "US", "CA", "GB", "IT", "AR", "BR", "SA", "KZ", "XX"])
CODES = st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
SPACED_DIGITS = st.lists(
    st.tuples(st.sampled_from("0123456789"), st.sampled_from(["", "", "", " ", "-", ".", "(", ")", " ("])),
    min_size=3,
    max_size=14,
).map(lambda pairs: "".join(digit + gap for digit, gap in pairs))


@given(CODES, SPACED_DIGITS, COUNTRIES)
def test_fast_path_equals_the_library(code: int, rest: str, country: str | None) -> None:
    text = f"+{code}{rest}"
    assert read(text, country) == read_by_library(text, country)


@given(st.from_regex(r"\+1[2-9][0-9]{9}", fullmatch=True).filter(str.isascii), COUNTRIES)
def test_ten_digits_after_plus_one_are_taken_as_they_are(text: str, country: str | None) -> None:
    assert normalise_phone(text, country) == read_by_library(text, country) == NormalisedPhone(text, None)


@given(st.text(st.characters(exclude_categories=[]), max_size=40), COUNTRIES)
def test_any_text_is_a_number_or_invalid(text: str, country: str | None) -> None:
    for candidate in (text, f"+1201{text}", f"+{text}"):
        phone = read(candidate, country)
        assert phone == read_by_library(candidate, country)
        assert phone is None or phone.e164[1:].isascii()


def is_space(character: str) -> bool:
    return character.isspace() and not "\x1c" <= character <= "\x1f" and character != "\x85"  # not control characters


SPACES = [character for character in map(chr, range(0x10000)) if is_space(character)]


@pytest.mark.parametrize("between", [*SPACES, "\u00b7", "\u2022", "\u2027", "\u2219"], ids=ascii)
def test_typographic_separators_between_digits_are_ignored(between: str) -> None:
    for digits, country in (("06 12 34 56 78", "FR"), ("+33 6 12 34 56 78", None), ("0033 612 345678", "FR")):
        assert normalise_phone(digits.replace(" ", between), country).e164 == "+33612345678"
