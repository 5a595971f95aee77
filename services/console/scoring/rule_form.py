"""The form of a scoring rule: what was sent as a rule, and a rule as the form shows it. Pure."""

from collections.abc import Mapping
from typing import Any

from services.console.scoring.words import ID_FIELDS
from shared.automations.conditions import OPERATORS_WITHOUT_VALUE
from shared.automations.fields import CUSTOM_FIELD_PREFIX

LIST_SIGN = "|"  # between the values of `in`
FIRST_FIELD = "email"  # of a new rule
CHOICE_FIELDS = ("status", "starred", *ID_FIELDS)  # whose values are chosen
CHOICE_OPERATORS = ("equals", "not_equals", "is_not_empty", "is_empty")
MAX_DIGITS = 6  # of points

RuleForm = dict[str, str]


def chosen_field(form: Mapping[str, str]) -> str:
    """Return the field that a form names: one of the list, or a custom field by its key."""
    key = form.get("custom", "").strip()
    return f"{CUSTOM_FIELD_PREFIX}{key}" if key else form.get("field", "")


def form_of(rule: Mapping[str, Any]) -> RuleForm:
    """Return a rule as the form shows it."""
    value = rule["value"]
    if isinstance(value, list):
        text = f" {LIST_SIGN} ".join(str(one) for one in value)
    else:
        text = "" if value is None else "true" if value is True else "false" if value is False else str(value)
    active = "1" if rule["is_active"] else ""
    return {
        "field": rule["field"],
        "operator": rule["operator"],
        "value": text,
        "points": str(rule["points"]),
        "is_active": active,
    }


def is_chosen(form: Mapping[str, str]) -> bool:
    """Return whether the value of a rule is chosen from a list: a rule of the API may hold what no list offers."""
    return form["field"] in CHOICE_FIELDS and form["operator"] in ("", *CHOICE_OPERATORS)


def rule_of(form: Mapping[str, str]) -> dict[str, Any]:
    """Return what a form sends as a rule, unchecked. Points that are no number are left as they were typed."""
    operator, points = form.get("operator", ""), form.get("points", "").strip().replace("\u2212", "-")
    rule = {
        "field": form.get("field", ""),
        "operator": operator,
        "value": None if operator in OPERATORS_WITHOUT_VALUE else _value_of(form, operator),
        "points": _whole_number(points),
        "is_active": bool(form.get("is_active")),
    }
    return rule


def _value_of(form: Mapping[str, str], operator: str) -> Any:
    text = form.get("value", "").strip()
    if operator == "in":
        return [one.strip() for one in text.split(LIST_SIGN) if one.strip()]
    field = form.get("field", "")
    if field == "starred" and text in ("true", "false"):
        return text == "true"
    if field in ID_FIELDS and text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    return text or None


def _whole_number(text: str) -> Any:
    digits = text.removeprefix("-").removeprefix("+")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS else text
