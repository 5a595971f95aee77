"""Texts of the mails to the people of a workspace, in the languages of the console. Pure.

Each file of `shared/outbound/staff_messages` holds the texts of one language. In Arabic, values of others are isolated
from the direction of the sentence.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

MESSAGES_DIR = Path(__file__).with_name("staff_messages")
STAFF_LANGUAGES = ("en", "ar")
DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True)
class StaffTexts:
    """The texts of one language."""

    language: str
    texts: Mapping[str, Any]

    def mail(self, name: str, /, **values: object) -> tuple[str, str]:
        """Return the subject and the body of a mail. Numbers get thousands separators."""
        shown = {key: f"{value:,}" if isinstance(value, int) else value for key, value in values.items()}
        return self.texts[name]["subject"].format(**shown), self.texts[name]["body"].format(**shown)

    def fill(self, name: str, part: str, /, **values: object) -> str:
        """Return another text of a mail."""
        return str(self.texts[name][part].format(**values))

    def counted(self, name: str, n: int) -> str:
        """Return a number of things in words, such as `3 submissions`."""
        forms: Mapping[str, str] = self.texts["counts"][name]
        return forms.get(plural_category(self.language, n), forms["other"]).format(n=f"{n:,}")

    def sentence(self, template: str, /, **values: str) -> str:
        """Return a sentence of the service's own, such as a reason. `template` is the English one, as is an unknown."""
        found: str = self.texts["sentences"].get(template, template)
        return found % values if values else found


def staff_texts(language: str | None) -> StaffTexts:
    """Return the texts of a language. Who has not chosen one of them gets English."""
    return _read_texts(language if language in STAFF_LANGUAGES else DEFAULT_LANGUAGE)


def plural_category(language: str, n: int) -> str:
    """Return the plural category of a whole number, as CLDR names it."""
    if language != "ar":
        return "one" if n == 1 else "other"
    if n < 3:
        return ("zero", "one", "two")[n]
    if 3 <= n % 100 <= 10:
        return "few"
    return "many" if n % 100 > 10 else "other"


@cache
def _read_texts(language: str) -> StaffTexts:
    return StaffTexts(language, json.loads((MESSAGES_DIR / f"{language}.json").read_text(encoding="utf-8")))
