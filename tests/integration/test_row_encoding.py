"""Rows travel to PostgreSQL as they are, whatever is in them."""

from typing import Any

import pytest

from services.workers.ingest.row_encoding import encode_rows, parse_columns, rows_query
from shared.platform.db.connections import Connection

pytestmark = pytest.mark.integration

KINDS = parse_columns(
    "n bigint, small smallint, at float8, said text, id uuid, flag boolean, words text[], ids bigint[], data jsonb"
)
FULL: dict[str, Any] = {
    "n": 2**63 - 1,
    "small": -1,
    "at": 1_764_147_600_123,
    "said": "\"'\\ \n\t{}[],null 李雷 \U0001f600 \x01",
    "id": "018f3c5e-0000-7000-8000-000000000001",
    "flag": False,
    "words": ["", "a,b", '"', "\\", "NULL", "{x}", "[y]"],
    "ids": [1, -2, 2**63 - 1],
    "data": {"a": None, "b": [1.5, "x", {}], "": "[1, 2]"},
}
EMPTY: dict[str, Any] = {"n": 0, "said": "", "words": [], "ids": [], "data": {}}


async def test_rows_are_read_as_they_were_written(database: Connection) -> None:
    records: list[dict[str, Any]] = [FULL, EMPTY, {}, dict.fromkeys(FULL), {**FULL, "other": 1, "said": "null"}]
    answer = await database.execute(f"SELECT * FROM ({rows_query(KINDS)}) AS written", (encode_rows(records, KINDS),))
    rows = [dict(zip(KINDS, row, strict=True)) for row in await answer.fetchall()]
    assert [{**row, "id": row["id"] and str(row["id"])} for row in rows] == [
        {name: record.get(name) for name in KINDS} for record in records
    ]


async def test_empty_row_document_yields_no_rows(database: Connection) -> None:
    answer = await database.execute(rows_query(KINDS), (encode_rows([], KINDS),))
    assert await answer.fetchall() == []
