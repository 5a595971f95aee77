"""A batch's rows as its statement takes them: one JSON document, in it a list for each row, columns by their places.

PostgreSQL reads the document once and finds a place in a list at once. Objects by `json_to_recordset` cost twice as
much: each becomes a hash table, and what of it is `jsonb` is read again. An array parameter for each column costs more
still, since psycopg writes it element by element.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.db import as_json

Columns = dict[str, str]  # their types, by name


def columns(text: str) -> Columns:
    """Of `"id bigint, name text"`."""
    named = [column.partition(" ") for column in text.split(", ")]
    return {name: kind for name, _, kind in named}


def document(records: Iterable[Mapping[str, Any]], wanted: Columns) -> str:
    """The parameter; what a record does not have is null."""
    return as_json([[*map(record.get, wanted)] for record in records])


def read(wanted: Columns) -> str:
    """The query that makes rows of the document, whose only parameter it is."""
    fields = [f"{_field(place, kind)} AS {name}" for place, (name, kind) in enumerate(wanted.items())]
    return f"SELECT {', '.join(fields)} FROM jsonb_array_elements(%s::jsonb) AS rows(r)"  # noqa: S608  # constants only


def _field(place: int, kind: str) -> str:
    text = f"(r->>{place})"
    if kind == "jsonb":
        return f"nullif(r->{place}, 'null')"
    if kind == "text[]":
        return f"CASE WHEN {text} IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(r->{place})) END"
    if kind == "bigint[]":
        return f"translate({text}, '[]', '{{}}')::bigint[]"  # JSON's brackets are all that differs
    return text if kind == "text" else f"{text}::{kind}"
