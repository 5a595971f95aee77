"""Texts of a form's pages in six languages, and the choice among them. Pure.

Each file of `shared/form_pages/messages` holds the texts of one language. A form in another language has its own tag
and direction, and the English texts.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale

from shared.platform.languages import accepted_languages, base_language, language_direction

MESSAGES_DIR = Path(__file__).with_name("messages")
MESSAGE_LANGUAGES = ("en", "ar", "de", "es", "fr", "pt")
DEFAULT_LANGUAGE = "en"  # the first of them
MAX_JUDGED_LETTERS = 500  # of the owner's texts


@dataclass(frozen=True)
class PageMessages:
    """The texts of a page. `language` is the page's tag, and `texts` are those of the nearest language there is."""

    language: str
    texts: Mapping[str, Any]

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return language_direction(self.language)

    def problem(self, code: str, params: Mapping[str, Any]) -> str:
        """Return the wording of a problem. An unknown code gets a general one."""
        problems = self.texts["problems"]
        return fill_text(problems.get(code, problems["invalid"]), params)

    def counted(self, name: str, n: int) -> str:
        """Return the form of a text that fits a number: for exactly this number, otherwise for its plural category."""
        forms: Mapping[str, str] = self.texts[name]
        category = Locale.parse(nearest_language(self.language)).plural_form(n)
        return fill_text(forms.get(str(n)) or forms.get(category) or forms["other"], {"n": n})


def page_messages(language: str) -> PageMessages:
    """Return the texts for a language tag such as `pt-BR`."""
    return PageMessages(language, _read_messages(nearest_language(language)))


def fill_text(text: str, params: Mapping[str, Any]) -> str:
    """Return a text with its `{placeholders}` replaced. Braces in the values stay as they are."""
    parts = text.split("{")
    filled = [parts[0]]
    for part in parts[1:]:
        name, closing, rest = part.partition("}")
        filled.append(f"{params[name]}{rest}" if closing and name in params else f"{{{part}")
    return "".join(filled)


def choose_language(
    form_language: str | None, accepted: str, wanted: str | None = None, *, texts: Sequence[str] = ()
) -> str:
    """Return the tag of the language of a page. `texts` are the owner's, such as questions.

    `wanted` (the parameter `lang`) counts if we have its texts. Otherwise the form's own language, otherwise the first
    of the `Accept-Language` header that we have and that is written in the direction of the owner's texts, which
    another would mirror. Otherwise English, or Arabic for texts from right to left.
    """
    if wanted and base_language(wanted) in MESSAGE_LANGUAGES:
        return base_language(wanted)
    if form_language:
        return form_language
    direction = text_direction(texts) if texts else None
    known = [one for one in accepted_languages(accepted) if one in MESSAGE_LANGUAGES]
    return next(one for one in (*known, *MESSAGE_LANGUAGES) if direction in (None, language_direction(one)))


def text_direction(texts: Sequence[str]) -> str:
    """Return `ltr` or `rtl`, as most letters of the texts are written. It looks at the first of them."""
    balance = letters = 0
    for text in texts:
        for sign in text[:MAX_JUDGED_LETTERS]:
            kind = unicodedata.bidirectional(sign)
            balance += (kind in ("R", "AL")) - (kind == "L")
            letters += kind in ("R", "AL", "L")
        if letters >= MAX_JUDGED_LETTERS:
            break
    return "rtl" if balance > 0 else "ltr"


def nearest_language(tag: str) -> str:
    """Return the language whose texts a page in that language shows."""
    base = base_language(tag)
    return base if base in MESSAGE_LANGUAGES else DEFAULT_LANGUAGE


@cache
def _read_messages(language: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((MESSAGES_DIR / f"{language}.json").read_text(encoding="utf-8"))
    return found
