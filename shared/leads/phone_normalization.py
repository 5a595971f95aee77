"""Normalise phone numbers, so that two spellings of one number compare equal: leads are deduplicated by them. Pure.

The library decides. A fast path answers for ordinary numbers before it, because this code runs for every lead.
"""

import re
import time
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumber, PhoneNumberFormat, ValidationResult

from shared.leads import phone_extensions, phone_parsing
from shared.leads.contact_text import INVISIBLE_CHARS, InvalidContact
from shared.platform.observability.gc_tuning import without_collection

# Separators from typesetting and tables, in a form that the library knows: a narrow no-break space in French, a tab,
# a middle dot.
_SPACE_CHARS = [*range(0x09, 0x0E), 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
_DOT_CHARS = [0xB7, 0x2022, 0x2027, 0x2219, 0x22C5, 0x30FB]
_PLAIN_CHARS = dict.fromkeys(INVISIBLE_CHARS) | dict.fromkeys(_SPACE_CHARS, " ") | dict.fromkeys(_DOT_CHARS, ".")

_INTERNATIONAL_PHONE = re.compile(r"\+[1-9][0-9 ().-]{6,30}").fullmatch
_DROP_SEPARATORS = dict.fromkeys(map(ord, " ().-"))


# Prefixes that the library knew for a country in earlier years, with their replacements. People still write them,
# above all `+52 1 55 1234 5678`. No valid number of these countries is that long.
# Mobile numbers of Argentina begin with 9. It is redundant beside the 15 of calls within the country, and some people
# write it before the 0 of such calls. A number with the 9 is not a landline number without it.
_RETIRED_PREFIXES = {
    code: tuple((re.compile(prefix), now) for prefix, now in changes.items())
    for code, changes in {
        52: {"0(?:[12]|4[45])|1": ""},
        54: {"90": "9", "9": ""},
        56: {"0": ""},
        992: {"8": ""},
        998: {"8": ""},
    }.items()
}
_REQUIRED_PREFIXES = {54: "9"}  # a number that began with this prefix must still begin with it
_MAX_PHONE_LENGTH = 250  # the library's own limit
# CPU seconds of this thread for one phone, so that a busy machine changes nothing. The longest text takes a hundredth
# of it. The first phone of a country with many rules takes up to a tenth, because its patterns are compiled then.
PHONE_CPU_BUDGET_SECONDS = 0.1


class PhoneTooSlow(InvalidContact):
    """The text takes longer than `PHONE_CPU_BUDGET_SECONDS` to read as a phone number."""


class NormalisedPhone(NamedTuple):
    """A phone number. Two people behind one switchboard differ in `extension`."""

    e164: str
    extension: str | None

    @property
    def identity(self) -> str:
        """The text that is unique in a workspace, such as `+12015550123` or `+12015550123;ext=12`."""
        return f"{self.e164};ext={self.extension}" if self.extension else self.e164


def normalise_phone(text: str, country: str | None) -> NormalisedPhone:
    """Return the number in E.164. A national number is read as dialled in `country` (ISO 3166 alpha-2, upper case).

    A possible number is enough, because numbering plans change faster than their metadata. A number that can only be
    dialled within its own area is not enough. A whole number with letters behind it that name no extension is not
    read, since the letters may be a name, an hour or "or". Raises `InvalidContact`, and `PhoneTooSlow` when the time
    is up.
    """
    if len(text) > _MAX_PHONE_LENGTH:
        raise InvalidContact("The phone number is too long.")
    if _INTERNATIONAL_PHONE(text):
        number = text if text[1:].isdigit() else text.translate(_DROP_SEPARATORS)
        if _is_e164(number):
            return NormalisedPhone(number, None)
    return _parse_phone(text, country)


def is_identifying_phone(text: str) -> bool:
    """Return whether a stored phone identifies its lead. A phone that could not be read does not."""
    try:
        return normalise_phone(text, None).identity == text
    except InvalidContact:
        return False


@lru_cache(maxsize=8192)
def _parse_phone(text: str, country: str | None) -> NormalisedPhone:
    if not (text.isascii() and text.isprintable()):
        text = "".join([str(int(char)) if char.isdecimal() else char for char in text.translate(_PLAIN_CHARS)])
    with without_collection():
        return _read_within_budget(text, country, time.thread_time() + PHONE_CPU_BUDGET_SECONDS)


def _read_within_budget(text: str, country: str | None, until: float) -> NormalisedPhone:
    if parted := phone_extensions.split_extension(text):
        phone = _read_phone(parted.number, country, until)
        if phone and not phone.extension:
            return NormalisedPhone(phone.e164, parted.extension)
    phone = _read_phone(text, country, until)
    if phone is None:
        raise InvalidContact("No possible number.")
    return phone


def _read_phone(text: str, country: str | None, until: float) -> NormalisedPhone | None:
    number = _number_after_zeros(text, country, until) or _parse_number(text, country, until)
    if number is None:
        return None
    number = _without_retired_prefix(number, until) or number
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    if not number.extension and _has_trailing_letters(text, country, until):
        return None
    return NormalisedPhone(phonenumbers.format_number(number, PhoneNumberFormat.E164), number.extension)


def _parse_number(text: str, country: str | None, until: float) -> PhoneNumber | None:
    """Return the number that the library reads in the text. Every step calls this function, so it checks the budget."""
    if time.thread_time() > until:
        raise PhoneTooSlow("The phone number takes too long to read.")
    spelt = phone_parsing.read_dialled(text)
    try:
        number = phonenumbers.parse(spelt.number, country) if spelt else None
    except phonenumbers.NumberParseException:
        return None
    if number and spelt and spelt.extension:
        number.extension = spelt.extension
    return number


def _number_after_zeros(text: str, country: str | None, until: float) -> PhoneNumber | None:
    """Return the valid number behind `00`, or None.

    People write `00` for `+` even in countries that dial another prefix, or that choose a carrier with it. Before the
    code of `country` it always means `+`. Before another code it does only if the text is no valid number otherwise.
    """
    text = text.lstrip()
    number = _parse_number(f"+{text[2:]}", None, until) if text.startswith("00") else None
    if number is None or not phonenumbers.is_valid_number(number):
        return None
    if country and number.country_code == phonenumbers.country_code_for_region(country):
        return number
    dialled = _parse_number(text, country, until)
    return None if dialled and phonenumbers.is_valid_number(dialled) else number


def _has_trailing_letters(text: str, country: str | None, until: float) -> bool:
    """Return whether letters follow a number that is valid without them. Letters of a keypad are part of the number."""
    before = phone_extensions.text_before_letters(text)
    if before is None:
        return False
    number = _parse_number(before, country, until)
    return number is not None and phonenumbers.is_valid_number(number)


def _without_retired_prefix(number: PhoneNumber, until: float) -> PhoneNumber | None:
    """Return the valid number that remains when an outdated prefix is removed, or None."""
    code, digits = number.country_code or 0, phonenumbers.national_significant_number(number)
    if code not in _RETIRED_PREFIXES or phonenumbers.is_valid_number(number):
        return None
    for prefix, now in _RETIRED_PREFIXES[code]:
        if (found := prefix.match(digits)) is None:
            continue
        shorter = _parse_number(f"+{code}{now}{digits[found.end() :]}", None, until)
        if shorter is not None and phonenumbers.is_valid_number(shorter) and _has_required_prefix(shorter):
            shorter.extension = number.extension
            return shorter
    return None


def _has_required_prefix(number: PhoneNumber) -> bool:
    return str(number.national_number).startswith(_REQUIRED_PREFIXES.get(number.country_code or 0, ""))


class _NumberingPlan(NamedTuple):
    """The metadata of one calling code that could still change an international number."""

    code_length: int
    trunk_prefix: re.Pattern[str] | None
    lengths: frozenset[int]


def _is_e164(number: str) -> bool:
    """Return whether the library would leave `+` and digits unchanged: no trunk prefix to strip, a possible length."""
    plan = _numbering_plan(number[1:4])
    if plan is None:
        return False
    national = number[1 + plan.code_length :]
    if len(national) not in plan.lengths:
        return False
    return plan.trunk_prefix is None or plan.trunk_prefix.match(national) is None


@lru_cache(maxsize=1000)
def _numbering_plan(first_digits: str) -> _NumberingPlan | None:
    for length in (1, 2, 3):
        code = int(first_digits[:length])
        if regions := COUNTRY_CODE_TO_REGION_CODE.get(code):
            metadata = PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0])
            if metadata is None or metadata.general_desc is None:
                return None
            prefix, retired = metadata.national_prefix_for_parsing, _RETIRED_PREFIXES.get(code, ((None, ""),))
            lengths = frozenset(metadata.general_desc.possible_length)
            return _NumberingPlan(length, re.compile(prefix) if prefix else retired[0][0], lengths)
    return None
