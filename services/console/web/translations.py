"""Translations of the console: one catalogue per language, read from `locale/<language>/console.po`.

English is the source language and has no catalogue. A translator adds a folder, and no code.
"""

import gettext
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

LOCALE_DIR = Path(__file__).parents[1] / "locale"
CATALOGUE_NAME = "console.po"
SOURCE_LANGUAGE = "en"
CONTEXT_SEPARATOR = "\x04"


def mark_message(message: str) -> str:
    """Mark a message of a table for translation, imported as `_`. Who shows it translates it."""
    return message


class Translations(gettext.NullTranslations):
    """The translations of one catalogue. A message without one is shown in English."""

    def __init__(self, catalogue: Catalog) -> None:
        super().__init__()
        self._forms: dict[str, tuple[str, ...]] = {}
        for message in catalogue:
            if not message.id or message.fuzzy:
                continue
            texts = [message.string] if isinstance(message.string, str) else list(message.string or ())
            key = message.id[0] if isinstance(message.id, (tuple, list)) else message.id
            if all(texts):
                self._forms[f"{message.context}{CONTEXT_SEPARATOR}{key}" if message.context else key] = tuple(texts)
        self._plural_index: Callable[[int], int] = gettext.c2py(catalogue.plural_expr)

    def gettext(self, message: str) -> str:
        """Return a message in this language."""
        return self._forms.get(message, (message,))[0]

    def pgettext(self, context: str, message: str) -> str:
        """Return a message that has several meanings; the context names the one that is meant."""
        return self._forms.get(f"{context}{CONTEXT_SEPARATOR}{message}", (message,))[0]

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return the form of a message that fits a number."""
        forms = self._forms.get(msgid1)
        return forms[self._plural_index(n)] if forms else super().ngettext(msgid1, msgid2, n)


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
        return str(self.locale.text_direction)

    @property
    def is_right_to_left(self) -> bool:
        return self.direction == "rtl"


def load_languages() -> Mapping[str, Language]:
    """Return English and every language that has a catalogue, by code."""
    found = {SOURCE_LANGUAGE: Language(SOURCE_LANGUAGE, gettext.NullTranslations())}
    for path in sorted(LOCALE_DIR.glob(f"*/{CATALOGUE_NAME}")):
        with path.open("rb") as file:
            found[path.parent.name] = Language(path.parent.name, Translations(read_po(file, locale=path.parent.name)))
    return found


def preferred_language(languages: Mapping[str, Language], accepted: str) -> Language:
    """Return the first language of an `Accept-Language` header that the console speaks, otherwise English."""
    weighted = []
    for position, part in enumerate(accepted.split(",")[:20]):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weighted.append((-float(quality or 1), position, tag.split("-")[0].lower()))
        except ValueError:
            continue
    return next((languages[code] for _, _, code in sorted(weighted) if code in languages), languages[SOURCE_LANGUAGE])
