"""Rows as CSV that a spreadsheet opens without executing any cell."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet executes a cell that begins with one of them


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as lines of CSV. None is empty, times are in ISO 8601, objects are JSON."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([_cell_text(value) for value in row] for row in rows)
    return text.getvalue()


def unguarded_text(text: str) -> str:
    """Return what a cell held before it was guarded. A text that no guard needs is returned as it is."""
    return text[1:] if text.startswith("'") and _needs_guard(text) else text


def _needs_guard(text: str) -> bool:
    """Return whether a spreadsheet would execute the text, or show it without an apostrophe that belongs to it."""
    return text.lstrip("'").startswith(FORMULA_STARTS)


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
    return f"'{text}" if _needs_guard(text) else text
