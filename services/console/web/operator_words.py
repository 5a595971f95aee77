"""Operators of conditions as choices."""

from collections.abc import Mapping

from services.console.web.translations import mark_message as _

OPERATOR_WORDS: Mapping[str, str] = {
    "equals": _("is"),
    "not_equals": _("is not"),
    "contains": _("contains"),
    "not_contains": _("does not contain"),
    "in": _("is one of"),
    "is_not_empty": _("is filled in"),
    "is_empty": _("is empty"),
    "greater_than": _("is more than"),
    "less_than": _("is less than"),
}
