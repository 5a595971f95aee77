"""Translations of the console: one catalogue per language, read from `locale/<language>/console.po`.

English is the source language and has no catalogue. A translator adds a folder, and no code.
"""

import gettext
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared.platform.languages import accepted_languages, language_direction

LOCALE_DIR = Path(__file__).parents[1] / "locale"
CATALOGUE_NAME = "console.po"
SOURCE_LANGUAGE = "en"


def mark_message(message: str) -> str:
    """Mark a message of a table for translation, imported as `_`. Who shows it translates it."""
    return message


@dataclass(frozen=True)
class Language:
    """A language that the console speaks. `code` is what `lang` says in a page."""

    code: str
    translations: gettext.NullTranslations

    @cached_property
    def locale(self) -> Locale:
        return Locale.parse(self.code)

    @property
    def own_name(self) -> str:
        """The language's name in that language."""
        return (self.locale.get_display_name(self.code) or self.code).capitalize()

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return language_direction(self.code)

    @property
    def is_right_to_left(self) -> bool:
        return self.direction == "rtl"


def load_languages() -> Mapping[str, Language]:
    """Return English and every language that has a catalogue, by code."""
    languages = {SOURCE_LANGUAGE: Language(SOURCE_LANGUAGE, gettext.NullTranslations())}
    for path in sorted(LOCALE_DIR.glob(f"*/{CATALOGUE_NAME}")):
        code = path.parent.name
        languages[code] = Language(code, _read_translations(path, code))
    return languages


def preferred_language(languages: Mapping[str, Language], accepted: str) -> Language:
    """Return the first language of an `Accept-Language` header that the console speaks, otherwise English."""
    known = [code for code in accepted_languages(accepted) if code in languages]
    return languages[known[0] if known else SOURCE_LANGUAGE]


def _read_translations(path: Path, code: str) -> gettext.GNUTranslations:
    """Read a catalogue. A message without a translation is shown in English."""
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
