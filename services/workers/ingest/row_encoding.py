"""Encode a batch's rows for its statement: one JSON document with a list for each row and columns by position.

PostgreSQL parses the document once and finds a position in a list directly. Objects with `json_to_recordset` cost twice
as much: each becomes a hash table, and `jsonb` values are parsed again. An array parameter for each column costs even
more, since psycopg writes it element by element.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.platform.db.connections import as_json

ColumnTypes = dict[str, str]  # SQL types by column name


def parse_columns(text: str) -> ColumnTypes:
    """Parse column definitions such as `"id bigint, name text"`."""
    named = [column.partition(" ") for column in text.split(", ")]
    return {name: kind for name, _, kind in named}


def encode_rows(records: Iterable[Mapping[str, Any]], columns: ColumnTypes) -> str:
    """Return the JSON document. A column that a record lacks is null."""
    return as_json([[*map(record.get, columns)] for record in records])


def rows_query(columns: ColumnTypes) -> str:
    """Return the query that turns the document, its only parameter, into rows."""
    fields = [f"{_column_expression(place, kind)} AS {name}" for place, (name, kind) in enumerate(columns.items())]
    return f"SELECT {', '.join(fields)} FROM jsonb_array_elements(%s::jsonb) AS rows(r)"


def _column_expression(position: int, sql_type: str) -> str:
    text = f"(r->>{position})"
    if sql_type == "jsonb":
        return f"nullif(r->{position}, 'null')"
    if sql_type == "text[]":
        return f"CASE WHEN {text} IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(r->{position})) END"
    if sql_type == "bigint[]":
        return f"translate({text}, '[]', '{{}}')::bigint[]"  # only the brackets differ from JSON
    return text if sql_type == "text" else f"{text}::{sql_type}"
