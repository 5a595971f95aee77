"""The form of an import's columns and options: what it sends, and what is offered for a column. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.imports.column_mapping import CUSTOM_PREFIX, MAX_KEY_LENGTH, ColumnMapping, guess_mapping, is_target
from shared.imports.import_options import parse_option_fields
from shared.imports.tag_cells import split_tags
from shared.integrations.reading.label_text import word_slug
from shared.platform.errors import FieldErrors

CUSTOM_CHOICE = "custom"
NAMING_TARGETS = frozenset(("email", "phone", "first_name", "last_name", "full_name"))
MAX_TAGS_LENGTH = 2_000  # characters of the tags that are typed


def sent_mapping(columns: Sequence[str], form: Mapping[str, str]) -> ColumnMapping:
    """Return the mapping that a form sends: `target-<n>` for the n-th column, with `key-<n>` for a custom field."""
    mapping: ColumnMapping = {}
    for number, column in enumerate(columns, 1):
        choice = form.get(f"target-{number}", "")
        if choice == CUSTOM_CHOICE:
            key = " ".join(form.get(f"key-{number}", "").split())[:MAX_KEY_LENGTH] or suggested_key(column)
            choice = f"{CUSTOM_PREFIX}{key}"
        mapping[column] = choice if is_target(choice) else None
    return mapping


def sent_options(form: Mapping[str, str], errors: FieldErrors) -> dict[str, Any]:
    """Return the options that a form sends. Errors go into `errors`, by the form's fields."""
    fields: dict[str, Any] = {
        "source": form.get("source", ""),
        "merge_policy": form.get("merge_policy", ""),
        "invalid": form.get("invalid", ""),
        "phone_country": form.get("phone_country", ""),
        "tags": split_tags(form.get("tags", "")[:MAX_TAGS_LENGTH]),
    }
    return parse_option_fields(fields, errors)


def names_people(mapping: ColumnMapping) -> bool:
    """Return whether a column says who a row is about: such a file can be tried as its columns were guessed."""
    return not NAMING_TARGETS.isdisjoint(target for target in mapping.values() if target)


def is_revised(import_row: Mapping[str, Any], form: Mapping[str, str]) -> bool:
    """Return whether a form has other columns or options than the import that it showed. None has some of neither."""
    if "target-1" not in form:
        return False
    columns, shown_fields = import_row["columns"], _shown_fields(import_row)
    return (
        form.get("encoding", import_row["encoding"]) != import_row["encoding"]
        or sent_mapping(columns, form) != sent_mapping(columns, shown_fields)
        or sent_options(form, {}) != sent_options(shown_fields, {})
    )


def _shown_fields(import_row: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of the form as it shows an import."""
    fields = {
        "source": import_row["source"] or "",
        "merge_policy": import_row["merge_policy"] or "",
        "invalid": import_row["invalid_contacts"],
        "phone_country": import_row["phone_country"] or "",
        "encoding": import_row["encoding"],
        "tags": ", ".join(import_row["tags"]),
    }
    for number, column in enumerate(import_row["columns"], 1):
        target = import_row["mapping"][column]
        fields |= {f"target-{number}": choice_of(target), f"key-{number}": key_of(target, column)}
    return fields


def choice_of(target: str | None) -> str:
    """Return which choice of a column's field stands for a target."""
    return CUSTOM_CHOICE if target and target.startswith(CUSTOM_PREFIX) else target or ""


def key_of(target: str | None, column: str) -> str:
    """Return the custom field of a column: that of its target, otherwise the one that would be suggested."""
    if target and target.startswith(CUSTOM_PREFIX):
        return target.removeprefix(CUSTOM_PREFIX)
    return suggested_key(column)


def suggested_key(column: str) -> str:
    """Return the name of a custom field that a column would become."""
    guessed = guess_mapping([column])[column] or ""
    return guessed.removeprefix(CUSTOM_PREFIX) if guessed.startswith(CUSTOM_PREFIX) else word_slug(column) or "column"
