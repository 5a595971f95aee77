"""What is sent to suppress addresses: pasted ones, and a note on why. Pure."""

import re
from dataclasses import dataclass, field
from typing import Annotated, Final

from typing_extensions import TypedDict

from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.platform.validation.schema import FieldsSchema
from shared.platform.validation.types import text_constraints

MAX_NOTE_LENGTH: Final = 200  # characters
MAX_PASTED_ADDRESSES: Final = 500  # at once

SuppressionNote = Annotated[str, text_constraints(MAX_NOTE_LENGTH)]

_SEPARATORS = re.compile(r"[\n\r\t,;،؛]")
_find_bracketed = re.compile(r"<([^<>]*)>\s*$").search


class SuppressionNoteFields(TypedDict, total=False):
    note: SuppressionNote | None


SUPPRESSION_NOTE = FieldsSchema(SuppressionNoteFields)


class TooManyAddresses(Exception):
    """More was pasted than is taken at once."""


@dataclass(frozen=True, slots=True)
class PastedAddresses:
    """Addresses, normalised and each once, and the pieces that are none, as they were pasted."""

    emails: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def read_addresses(text: str) -> PastedAddresses:
    """Return the addresses in a text with spaces, commas, semicolons or lines between them.

    One may have a name before it, as in `Name <name@example.com>`. Raises TooManyAddresses, before any is read.
    """
    pieces = [piece for part in _SEPARATORS.split(text) for piece in _address_texts(part)]
    if len(pieces) > MAX_PASTED_ADDRESSES:
        raise TooManyAddresses
    emails: dict[str, None] = {}
    unreadable: list[str] = []
    for piece in pieces:
        try:
            emails[normalise_email(piece)] = None
        except InvalidContact:
            unreadable.append(piece)
    return PastedAddresses(list(emails), unreadable)


def bare_address(text: str) -> str:
    """Return the address of a text such as `Name <name@example.com>`. Any other text stays as it is."""
    bracketed = _find_bracketed(text)
    return (bracketed[1].strip() if bracketed else "") or text.strip()


def _address_texts(part: str) -> list[str]:
    return [bare_address(part)] if _find_bracketed(part) else part.split()
