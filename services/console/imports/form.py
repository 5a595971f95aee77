"""The form of an import's columns and options: what it sends, and what is offered for a column. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.imports.column_mapping import CUSTOM_PREFIX, MAX_KEY_LENGTH, ColumnMapping, guess_mapping, is_target
from shared.imports.import_options import parse_option_fields
from shared.imports.tag_cells import split_tags
from shared.integrations.reading.label_text import word_slug
from shared.platform.errors import FieldErrors

CUSTOM_CHOICE = "custom"
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
