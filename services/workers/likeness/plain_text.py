"""Fold text to plain lower-case letters, digits and single spaces, so that spellings of one word compare equal. Pure.

Latin letters lose their marks. Cyrillic, Greek, Arabic, Hebrew, kana and Hangul are written in Latin letters, roughly:
enough to compare names across scripts, not to read them. Other letters, such as Chinese ones, stay as they are.
"""

import unicodedata
from functools import lru_cache

_LATIN = {
    "ß": "ss",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "ð": "d",
    "þ": "th",
    "æ": "ae",
    "œ": "oe",
    "ı": "i",
    "ħ": "h",
    "ŋ": "ng",
}
_CYRILLIC = dict(
    zip(
        "абвгґдеєёжзиіїйклмнопрстуфхцчшщъыьэюяў",
        "a b v g g d e ie e zh z i i i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya u".split(),
        strict=True,
    )
)
_GREEK = dict(
    zip("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f ch ps o".split(), strict=True)
)
_ARABIC = dict(
    zip(
        "ابتثجحخدذرزسشصضطظعغفقكلمنهويىةأإآؤئءپچژگکی",
        "a b t th j h kh d dh r z s sh s d t z a gh f q k l m n h w y a a a i a u i _ p ch zh g k y".split(),
        strict=True,
    )
)
_HEBREW = dict(
    zip("אבגדהוזחטיכךלמםנןסעפףצץקרשת", "a b g d h v z ch t y k k l m m n n s a p p ts ts k r sh t".split(), strict=True)
)
_LETTERS = {
    letter: "" if latin == "_" else latin
    for table in (_LATIN, _CYRILLIC, _GREEK, _ARABIC, _HEBREW)
    for letter, latin in table.items()
}
_APOSTROPHES = frozenset("'’‘ʼ`´ʻ′")
_ASCII = [chr(code) for code in range(128)]
_ASCII_MARKS = {ord(char): "" if char in _APOSTROPHES else " " for char in _ASCII if not char.isalnum()}
_NO_DIGITS = bytes(ord(char) for char in _ASCII if not char.isdigit())
_NAMED_SCRIPTS = ("HANGUL SYLLABLE ", "HIRAGANA LETTER ", "KATAKANA LETTER ")


@lru_cache(maxsize=50_000)
def fold_text(text: str) -> str:
    """Return the words of a text. Apostrophes vanish (`O'Brien` is `obrien`), other punctuation parts words."""
    if text.isascii() and text.isalnum():
        return text.lower()
    if text.isascii():
        return " ".join(text.lower().translate(_ASCII_MARKS).split())
    spelt = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold().replace("й", "y"))
    return " ".join("".join(map(_fold_char, spelt)).split())


@lru_cache(maxsize=5_000)
def _fold_char(char: str) -> str:
    if char.isascii():
        return char if char.isalnum() else "" if char in _APOSTROPHES else " "
    if char in _LETTERS:
        return _LETTERS[char]
    category = unicodedata.category(char)
    if category[0] == "M" or category == "Cf" or char in _APOSTROPHES:  # marks and invisible characters
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category[0] != "L":
        return " "
    return _latin_name(unicodedata.normalize("NFC", char)) or char


def _latin_name(char: str) -> str:
    name = unicodedata.name(char, "")
    for script in _NAMED_SCRIPTS:
        if name.startswith(script):
            return name.removeprefix(script).removeprefix("SMALL ").lower()
    return ""


def digits_of(text: str) -> str:
    """Return the digits of a text, those of other scripts as ASCII."""
    if text.isascii():
        return text.encode().translate(None, _NO_DIGITS).decode()
    return "".join(str(unicodedata.decimal(char)) for char in text if char.isdecimal())
