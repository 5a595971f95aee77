"""A lead as a row of a table, from which an import reads it again. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from shared.imports.tag_cells import tags_text

LEAD_COLUMNS: Final = (
    *("id", "first_name", "last_name", "email", "phone", "company", "job_title", "country", "source", "status"),
    *("email_as_given", "lead_score", "starred", "pipeline_id", "pipeline_stage_id", "assigned_user_id", "notes"),
    *("tags", "custom_fields", "created_at", "updated_at"),
)
CUSTOM_PREFIX: Final = "custom_fields."
MAX_KEY_COLUMNS: Final = 200
MAX_KEY_LENGTH: Final = 100  # characters, as an import takes them


def key_columns(keys: Iterable[str]) -> list[str]:
    """Return the custom fields that get a column: those whose name a header can carry, if they are not too many."""
    fit = sorted(key for key in keys if key == " ".join(key.split()) and 0 < len(key) <= MAX_KEY_LENGTH)
    return fit if len(fit) <= MAX_KEY_COLUMNS else []


def header_of(keys: Sequence[str]) -> list[str]:
    """Return the names of the columns."""
    return [*LEAD_COLUMNS, *(CUSTOM_PREFIX + key for key in keys)]


def cells_of(lead: Mapping[str, Any], keys: Sequence[str]) -> list[Any]:
    """Return the cells of a lead.

    Custom fields stand in their columns. What a column cannot say exactly stands in `custom_fields` too, as JSON:
    numbers, which would come back as text, lists, and fields without a column.
    """
    custom = lead["custom_fields"]
    typed = {key: value for key, value in custom.items() if not _is_plain(value) or key not in keys}
    cells = {
        **{name: lead[name] for name in LEAD_COLUMNS},
        "starred": "true" if lead["starred"] else "false",
        "tags": tags_text(lead["tags"]),
        "custom_fields": typed or None,
    }
    return [*cells.values(), *(_shown(custom.get(key)) for key in keys)]


def _is_plain(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()
