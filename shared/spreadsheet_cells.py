"""Rows as CSV that a spreadsheet opens without executing any cell."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet executes a cell that begins with one of them
# In much of Europe the list separator is a semicolon: there it also cuts a cell at one, and at a tab or an end of line,
# since the quotes do not begin its cells.
_EXECUTED = re.compile(r"(^(?='*[=+\-@\t\r\n])|[;\t\r\n](?='*[=+\-@]))('*)")
_FIRST_LETTERS = "'" + "".join(FORMULA_STARTS)


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as lines of CSV. None is empty, times are in ISO 8601, objects are JSON."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([_cell_text(value) for value in row] for row in rows)
    return text.getvalue()


def unguarded_text(text: str) -> str:
    """Return what a cell held before it was guarded. A text that no guard needs is returned as it is."""
    return _EXECUTED.sub(lambda found: found[1] + found[2][1:], text) if "'" in text else text


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
    # Most cells are plain, and the pattern is slower than the three questions.
    is_plain = text[:1] not in _FIRST_LETTERS and ";" not in text and text.isprintable()
    return text if is_plain else _EXECUTED.sub(r"\1'\2", text)
