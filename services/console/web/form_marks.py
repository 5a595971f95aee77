"""Forms that another window or person saved meanwhile: a form carries a mark of the values that it showed."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from services.console.web.page_view import PageView

MARK_FIELD: Final = "shown_values"
MARK_LENGTH: Final = 16  # characters


def mark_values(values: Mapping[str, Any]) -> str:
    """Return the mark of the values that a form shows: 16 hexadecimal digits."""
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()[:MARK_LENGTH]


def outdated_problem(view: PageView, sent_mark: str, values: Mapping[str, Any]) -> str:
    """Return what to tell whoever sends a form whose values have changed since; nothing if they have not.

    A form without a mark is not checked.
    """
    if not sent_mark or sent_mark == mark_values(values):
        return ""
    return view.translate(
        "It was changed meanwhile, perhaps in another window. What you typed is still here, and not saved: save it "
        "again to have it so."
    )
