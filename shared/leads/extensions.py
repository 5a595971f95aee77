"""Extensions of phone numbers under the names that people write, and letters that belong to no number.

The library knows `ext`, `x`, `#`, `int`, `anexo`, `доб` and `;ext=`. Of other letters behind a number it makes digits,
as on a keypad, or passes over them: where numbers differ in length, the extension becomes a part of the number. Here
digits are an extension where a name says so; behind other letters nothing is taken for anything.
"""

import re
import unicodedata
from typing import NamedTuple

from shared.leads import phone_text

# Words alone that mean this and hardly anything else: `kl`, `p`, `w` or `доп` are an hour, a page or one more number.
NAMES = {
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
MOST = 9  # digits: more would be a second number

_NAME = "|".join(re.escape(name).replace("_", r"\s*+") for names in NAMES.values() for name in names.split())
# Possessive, and begun at the name: no run of separators is gone through twice, however long it is.
_NAMED = re.compile(
    rf"(?<![^\W\d_])(?=[^\W\d_])(?:{_NAME})[\s.:：#-]*+(?:(?:no|nr)\b\.?+|n[°º])?+[\s.:：#-]*+"
    rf"(\d{{1,{MOST}}}+)$",
    re.IGNORECASE,
).search
_SPACES = "".join(char for char in map(chr, range(0x3001)) if char.isspace())
_BEFORE_NAME = f"{_SPACES},;.:/([（【-"
_BEHIND_DIGITS = f"{_SPACES}.#)]）】"
_LETTERS = re.compile(r"[^+＋\d]*+([+＋\d][^A-Za-z]*+)(?=[A-Za-z])").match
_PARAMETER = re.compile(r";[a-z-]++=", re.IGNORECASE)
_WORD = 3  # letters from which the library takes them for a keypad's


class Parted(NamedTuple):
    """What stands before the extension's name, and the extension in ASCII digits."""

    number: str
    extension: str


def part(text: str) -> Parted | None:
    """A text that ends with an extension under its name, parted."""
    if not any(map(str.isalpha, text)):
        return None
    text = unicodedata.normalize("NFC", text).rstrip(_BEHIND_DIGITS)
    ends, begins = phone_text.gap(text)
    found = _NAMED(text, ends) if 0 < len(text) - begins <= MOST else None
    if found is None:
        return None
    number = text[: found.start()].rstrip(_BEFORE_NAME)
    return Parted(number, "".join(str(unicodedata.decimal(digit)) for digit in found[1]))


def before_letters(text: str) -> str | None:
    """What stands before the first letters behind a beginning of a number, if the library would take them, or digits
    behind them, for a part of it. Letters of a parameter (RFC 3966, `;isub=`) are none of these."""
    found = _LETTERS(_PARAMETER.split(text)[0])
    if found is None:
        return None
    rest = found.string[found.end() :]
    taken = any(map(str.isdigit, rest)) or sum(letter.isascii() and letter.isalpha() for letter in rest) >= _WORD
    return found[1] if taken else None
