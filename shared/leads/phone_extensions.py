"""Recognise extensions of phone numbers by the words that people write, and letters that are not part of a number.

The library knows `ext`, `x`, `#`, `int`, `anexo`, `доб` and `;ext=`. It turns other letters behind a number into
digits, as on a keypad, or skips them. In countries with numbers of different lengths, the extension then becomes part
of the number. This module takes digits for an extension only behind such a word.
"""

import re
import unicodedata
from typing import NamedTuple

from shared.leads import phone_parsing

# Only words that rarely mean anything else: `kl`, `p`, `w` or `доп` may mean an hour, a page or another number.
EXTENSION_NAMES = {
    "en": "ext extn extension local",
    "es, it, ro": "extensión anexo int interno interior",
    "pt": "extensão ramal",
    "fr": "poste",
    "de": "durchwahl dw nebenstelle nst apparat app klappe",
    "nl": "toestel tst",
    "sv, da, fi": "anknytning ankn lokal alanumero",
    "pl, cs, hu": "wewnętrzny wewn wew linka klapka mellék",
    "tr": "dahili",
    "el": "εσωτερικό εσωτ",
    "ru, uk, bg": "добавочный доб внутренний внутр вн додатковий дод внутрішній вътрешен вътр",
    "ja, zh, ko": "内線 内线 內線 分机 分機 转 轉 내선번호 내선 구내",
    "vi, th, id": "máy_lẻ ต่อ ekstensi pesawat",
    "ar, fa, he": "تحويلة داخلي داخلی שלוחה",
}
MAX_EXTENSION_DIGITS = 9  # more digits would be a second number

_NAME_PATTERN = "|".join(
    re.escape(name).replace("_", r"\s*+") for names in EXTENSION_NAMES.values() for name in names.split()
)
# Possessive, and the search starts at the name: no run of separators is read twice, however long it is.
_NAMED_EXTENSION = re.compile(
    rf"(?<![^\W\d_])(?=[^\W\d_])(?:{_NAME_PATTERN})[\s.:：#-]*+(?:(?:no|nr)\b\.?+|n[°º])?+[\s.:：#-]*+"
    rf"(\d{{1,{MAX_EXTENSION_DIGITS}}}+)$",
    re.IGNORECASE,
).search
_WHITESPACE_CHARS = "".join(char for char in map(chr, range(0x3001)) if char.isspace())
_CHARS_BEFORE_NAME = f"{_WHITESPACE_CHARS},;.:/([（【-"
_CHARS_AFTER_DIGITS = f"{_WHITESPACE_CHARS}.#)]）】"
_NUMBER_BEFORE_LETTERS = re.compile(r"[^+＋\d]*+([+＋\d][^A-Za-z]*+)(?=[A-Za-z])").match
_URI_PARAMETER = re.compile(r";[a-z-]++=", re.IGNORECASE)
_MIN_KEYPAD_LETTERS = 3  # the library reads this many letters as keypad letters


class SplitPhone(NamedTuple):
    """The text before the extension's name, and the extension in ASCII digits."""

    number: str
    extension: str


def split_extension(text: str) -> SplitPhone | None:
    """Split a text that ends with a named extension; return None for any other text."""
    if not any(map(str.isalpha, text)):
        return None
    text = unicodedata.normalize("NFC", text).rstrip(_CHARS_AFTER_DIGITS)
    ends, begins = phone_parsing.last_digit_gap(text)
    match = _NAMED_EXTENSION(text, ends) if 0 < len(text) - begins <= MAX_EXTENSION_DIGITS else None
    if match is None:
        return None
    number = text[: match.start()].rstrip(_CHARS_BEFORE_NAME)
    return SplitPhone(number, "".join(str(unicodedata.decimal(digit)) for digit in match[1]))


def text_before_letters(text: str) -> str | None:
    """Return the text before the first letters that follow digits, or None.

    It is None too where the library would read neither the letters, nor digits behind them, as part of the number.
    Letters of a parameter (RFC 3966, such as `;isub=`) do not count.
    """
    match = _NUMBER_BEFORE_LETTERS(_URI_PARAMETER.split(text)[0])
    if match is None:
        return None
    rest = match.string[match.end() :]
    is_number = (
        any(map(str.isdigit, rest))
        or sum(letter.isascii() and letter.isalpha() for letter in rest) >= _MIN_KEYPAD_LETTERS
    )
    return match[1] if is_number else None
