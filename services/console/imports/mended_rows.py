"""A row of a file as a lead: its phones as they are stored, and the form of a lead that somebody mends it in."""

from collections.abc import Mapping

from services.console.leads.edit_form import CUSTOM_PREFIX, FORM_FIELDS, REFERENCE_FIELDS
from services.console.leads.words import STATUS_WORDS
from shared.imports.import_control import ImportJson
from shared.leads.contact_text import InvalidContact
from shared.leads.full_name import split_name
from shared.leads.phone_normalization import normalise_phone
from shared.platform.spreadsheet_cells import unguarded_text


def stored_phones(import_row: ImportJson, cells: Mapping[str, str] | None, country: str | None) -> dict[str, str]:
    """Return phones by their columns, as they are stored, where that differs from how they stand in the file.

    `country` is that of the workspace, for an import that has none of its own.
    """
    mapping = import_row["mapping"]
    phones = {column: cell for column, cell in (cells or {}).items() if mapping.get(column) == "phone"}
    stored = {column: stored_phone(import_row, cell, country) for column, cell in phones.items()}
    return {column: phone for column, phone in stored.items() if phone != phones[column].strip()}


def stored_phone(import_row: ImportJson, cell: str, country: str | None) -> str:
    """Return a phone as it is stored. One that cannot be read stays as it stands."""
    text = unguarded_text(cell).strip()
    try:
        return normalise_phone(text, import_row["phone_country"] or country).identity if text else ""
    except InvalidContact:
        return text


def lead_texts(import_row: ImportJson, cells: Mapping[str, str], country: str | None) -> dict[str, str]:
    """Return what the form of a new lead is filled with: what it has a field for, as far as it can be taken."""
    texts = {"source": import_row["source"] or ""}
    for column, cell in cells.items():
        target, text = import_row["mapping"].get(column), unguarded_text(cell).strip()
        if not target or not text:
            continue
        if target == "full_name":
            first, last = split_name(text)
            texts = {"first_name": first, "last_name": last, **texts}
        elif target == "phone":
            texts[target] = stored_phone(import_row, text, country)
        elif target == "notes":
            texts[target] = "\n".join(filter(None, (texts.get(target), text)))
        elif _is_taken(target, text):
            texts[target] = text
    return texts


def _is_taken(target: str, text: str) -> bool:
    if target == "status":
        return text in STATUS_WORDS
    if target in REFERENCE_FIELDS:
        return text.isascii() and text.isdigit()
    return target in FORM_FIELDS or target.startswith(CUSTOM_PREFIX)
