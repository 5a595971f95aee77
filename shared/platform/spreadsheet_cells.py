"""Rows as CSV that a spreadsheet opens without executing any cell."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson

FORMULA_SIGNS = "=+-@＝＋－＠"  # the wide ones are formulas to spreadsheets in Japanese and Chinese
# A spreadsheet executes a cell that begins with one of these (OWASP, "CSV Injection").
FORMULA_STARTS = (*FORMULA_SIGNS, "\t", "\r", "\n")
# In much of Europe the list separator is a semicolon. There a semicolon, tab or end of line ends a cell in spite of the
# quotes around it, and a quote inside it may begin the next cell.
_BEFORE_FORMULA = re.compile(
    rf"""(^(?='*[{re.escape(FORMULA_SIGNS)}\t\r\n])|[;\t\r\n](?=['"]*[{re.escape(FORMULA_SIGNS)}]))('*)"""
)
_GUARDED_STARTS = ("'", *FORMULA_STARTS)


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as lines of CSV. None is empty, times are in ISO 8601, objects are JSON."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([_cell_text(value) for value in row] for row in rows)
    return text.getvalue()


def unguarded_text(text: str) -> str:
    """Return what a cell held before it was guarded. A text that no guard needs is returned as it is."""
    return _BEFORE_FORMULA.sub(lambda found: found[1] + found[2][1:], text) if "'" in text else text


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    text = orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
    # Most cells are plain, and the pattern is slower than the three questions.
    is_plain = ";" not in text and text.isprintable() and not text.startswith(_GUARDED_STARTS)
    return text if is_plain else _BEFORE_FORMULA.sub(r"\1'\2", text)
