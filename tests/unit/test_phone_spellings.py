"""Phone numbers as people go on writing them: prefixes of former times, and extensions under many names."""

from itertools import product

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.leads import phone_extensions, phone_normalization
from shared.leads.contact_text import InvalidContact
from shared.leads.phone_normalization import NormalisedPhone, normalise_phone

pytestmark = pytest.mark.unit

BASES = ("+4930123456", "+12015550123", "+74951234567", "+33123456789", "+81312345678", "+525512345678")
NAMES = [name.replace("_", " ") for names in phone_extensions.EXTENSION_NAMES.values() for name in names.split()]
CODES = st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


def read(text: str, country: str | None = None) -> NormalisedPhone | None:
    try:
        return normalise_phone(text, country)
    except InvalidContact:
        return None


@pytest.mark.parametrize(
    ("e164", "country", "spellings"),
    [
        ("+525512345678", "MX", ["55 1234 5678", "044 55 1234 5678", "045 55 1234 5678", "01 55 1234 5678"]),
        ("+525512345678", "MX", ["521 55 1234 5678", "0052 1 55 1234 5678", "1 55 1234 5678"]),
        ("+525512345678", None, ["+5215512345678", "+52 1 55 1234 5678", "+52 (01) 55 1234-5678"]),
        ("+525512345678", None, ["+52 044 55 1234 5678", "+52 045 5512345678"]),
        ("+5491123456789", None, ["+54 9 11 2345 6789", "+54 11 15 2345-6789", "+54 9 11 15 2345 6789"]),
        ("+5491123456789", None, ["+54 9 (011) 2345-6789", "+54 9 0 11 2345 6789", "+54 9 011 15 2345 6789"]),
        ("+5491123456789", "AR", ["011 15 2345-6789", "11 15 2345 6789", "9 11 2345 6789", "0 9 11 15 2345 6789"]),
        ("+5511912345678", None, ["+55 11 91234-5678", "+55 011 91234-5678", "+55 (0xx11) 91234-5678"]),
        ("+5511912345678", "BR", ["(11) 91234-5678", "015 11 91234-5678", "0 21 11 91234 5678"]),
        ("+56987654321", "CL", ["9 8765 4321", "09 8765 4321", "+56 0 9 8765 4321", "+560987654321"]),
        ("+998901234567", "UZ", ["90 123 45 67", "8 90 123 45 67", "+998 8 90 123 45 67"]),
        ("+992917123456", "TJ", ["917 12 34 56", "8 917 12 34 56", "+992 8 917123456"]),
    ],
)
def test_a_prefix_of_former_times_makes_no_other_number(e164: str, country: str | None, spellings: list[str]) -> None:
    for text in spellings:
        assert read(text, country) == NormalisedPhone(e164, None), text
        assert read(f"{text} ext 7", country) == NormalisedPhone(e164, "7"), text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+54 9 11 2345 6789", "+54 11 2345 6789"),  # a mobile number, and one of the fixed network
        ("+54 9 (0351) 412-3456", "+54 351 412-3456"),
        ("+55 11 9123-4567", "+55 11 99123-4567"),  # an old one, or a new one that lacks a digit
        ("+52 1 55 1234 5678", "+52 155 123 4567"),
        ("+52 1 55 1234 5678", "+52 1 55 1234 567"),
    ],
)
def test_ambiguous_spellings_stay_different_numbers(one: str, other: str) -> None:
    assert read(one) != read(other)


@given(CODES, st.from_regex(r"[0-9]{4,13}", fullmatch=True).filter(str.isascii))
def test_valid_number_is_kept_unchanged(code: int, digits: str) -> None:
    number = phonenumbers.parse(f"+{code}{digits}")
    if phonenumbers.is_valid_number(number):
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert read(f"+{code}{digits}") == NormalisedPhone(e164, None)


@given(CODES, st.from_regex(r"[0-9]{4,14}", fullmatch=True).filter(str.isascii))
def test_normalised_phone_keeps_its_last_digits(code: int, digits: str) -> None:
    """The end of a number is what tells it from others: 15 is all that is taken from between area and number."""
    phone = read(f"+{code}{digits}")
    assert phone is None or len(phone.e164) < 10 or digits.endswith(phone.e164[-6:])


@pytest.mark.parametrize("code", phone_normalization._RETIRED_PREFIXES)
def test_digits_too_short_without_a_prefix_are_refused(code: int) -> None:
    for digits in ("".join(some) for n in range(4) for some in product("0123456789", repeat=n)):
        for text, country in ((f"+{code}{digits}", None), (digits, phonenumbers.region_code_for_country_code(code))):
            phone = read(text, country)
            assert phone is None or phone.e164.startswith(f"+{code}")


@pytest.mark.parametrize(
    ("country", "text", "e164"),
    [
        ("CO", "0057 351 130 4767", "+573511304767"),  # by the plan carrier 005, and a number in Russia
        ("KR", "0082 10-2345-6789", "+821023456789"),
        ("TH", " 0066 85 834 5738", "+66858345738"),
        ("AU", "0061 412 345 678", "+61412345678"),
        ("BR", "0055 11 96123-4567", "+5511961234567"),
        ("JP", "００８１ 90-1234-5678", "+819012345678"),
        ("US", "0044 20 7946 0018", "+442079460018"),
        ("US", "001 201 555 0123", "+12015550123"),
        ("AU", "0011 44 20 7946 0018", "+442079460018"),  # what is dialled there
        ("CO", "009 1 201 555 0123", "+12015550123"),  # by a carrier
        ("DE", "0049 30 123456", "+4930123456"),
        (None, "0049 30 123456", "+4930123456"),
    ],
)
def test_two_zeros_stand_for_a_plus_wherever_they_are_not_dialled(country: str | None, text: str, e164: str) -> None:
    assert read(text, country) == NormalisedPhone(e164, None)


@pytest.mark.parametrize("country", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_two_zeros_before_the_countrys_own_code(country: str) -> None:
    number = phonenumbers.example_number(country)
    assert number is not None
    if phonenumbers.is_valid_number(number):
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert read(f"00{e164[1:]}", country) == read(e164)


@pytest.mark.parametrize("spelt", ["x１２", "#١٢", ";ext=१२", "ｅｘｔ １２", " ext. 1２"])
def test_extension_may_use_digits_of_any_script(spelt: str) -> None:
    assert read(f"+1 201 555 0123{spelt}") == NormalisedPhone("+12015550123", "12")


@pytest.mark.parametrize("name", NAMES)
def test_an_extension_under_its_name(name: str) -> None:
    for base in BASES:
        for text in (f"{base} {name} 12", f"{base}, {name}. 12", f"{base} ({name.upper()}: 12)", f"{base}{name}12"):
            assert read(text) == NormalisedPhone(base, "12"), text
    assert read(f"+49 30 123456 {name} １２") == NormalisedPhone("+4930123456", "12")


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("+49 30 123456 Durchwahl Nr. 12", "+4930123456;ext=12"),
        ("+33 1 23 45 67 89 - poste n° 12", "+33123456789;ext=12"),
        ("+81 3-1234-5678（内線：12）", "+81312345678;ext=12"),
        ("+1 201 555 0123 ext#12", "+12015550123;ext=12"),
        ("+1 800 FLOWERS ext 12", "+18003569377;ext=12"),
        ("(530) 583-6985 x302/x2303", "+15305836985;ext=302"),
        ("1-800-APP-1234", "+18002771234"),
        ("1-800-CALL-411", "+18002255411"),
        ("tel:+12015550123;ext=12", "+12015550123;ext=12"),
        ("tel:+12015550123;isub=12", "+12015550123"),
        ("+49 30 123456-12", "+493012345612"),  # dialled through: a number of its own
        ("+49 30 123456 M", "+4930123456"),
        ("+49 30 123456 HH", "+4930123456"),
    ],
)
def test_names_and_letters(text: str, identity: str) -> None:
    phone = read(text, "US")
    assert phone is not None
    assert phone.identity == identity


@pytest.mark.parametrize("remark", ["p. 12", "kl. 12", "after 6", "or 30 123457", "Mobil", "доп. 12", "DW 1234567890"])
def test_remark_behind_a_number_is_refused(remark: str) -> None:
    assert read(f"+49 30 123456 {remark}") is None


@given(
    st.sampled_from(BASES),
    st.text("abcdeghijklmnopqrstuvwyzABCDW .:-()", min_size=1, max_size=12).filter(lambda t: any(map(str.isalpha, t))),
    st.from_regex(r"[0-9]{1,11}", fullmatch=True).filter(str.isascii),
)
def test_digits_behind_letters_are_never_the_numbers(base: str, letters: str, digits: str) -> None:
    phone = read(f"{base}{letters}{digits}")
    assert phone is None or phone == NormalisedPhone(base, digits)
