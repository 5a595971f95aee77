"""Conditions in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from services.console.automations.phrases import MAX_LISTED_VALUES, Link, joined, joined_values, phrase, value_mark
from services.console.automations.reads import DefinitionNames
from services.console.leads.words import STATUS_WORDS, field_label, hides_values_of
from services.console.web.page_view import PageView
from services.console.web.payload_text import VALUE_MASK
from services.console.web.translations import mark_message as _

# In the order in which they are offered.
OPERATOR_SENTENCES: Mapping[str, str] = {
    "equals": _("%(field)s is %(value)s"),
    "not_equals": _("%(field)s is not %(value)s"),
    "in": _("%(field)s is %(value)s"),
    "contains": _("%(field)s contains %(value)s"),
    "not_contains": _("%(field)s does not contain %(value)s"),
    "is_not_empty": _("%(field)s is filled in"),
    "is_empty": _("%(field)s is empty"),
    "greater_than": _("%(field)s is more than %(value)s"),
    "less_than": _("%(field)s is less than %(value)s"),
}
AMOUNT_OPERATORS = ("greater_than", "less_than")
MAX_SHOWN_PARTS = 6  # of a group
MAX_SHOWN_COMPARISONS = 12  # of a sentence, in all its groups


@dataclass
class SentenceRoom:
    """How many comparisons a sentence may still name. Groups within groups would make it as long as their product."""

    left: int = MAX_SHOWN_COMPARISONS


def condition_sentence(
    view: PageView,
    names: DefinitionNames,
    condition: Mapping[str, Any],
    level: int = 0,
    room: SentenceRoom | None = None,
) -> Markup:
    """Return a condition as a phrase, to follow "if". Groups within groups stand in brackets."""
    room = room or SentenceRoom()
    if isinstance(condition.get("all"), list):
        return _group_sentence(view, names, condition["all"], "and", level, room)
    if isinstance(condition.get("any"), list):
        return _group_sentence(view, names, condition["any"], "or", level, room)
    if isinstance(condition.get("not"), Mapping):
        inner = condition_sentence(view, names, condition["not"], level + 1, room)
        return phrase(view.translate("not %(condition)s"), condition=inner)
    room.left -= 1
    field = str(condition.get("field") or "")
    text = view.translate(OPERATOR_SENTENCES.get(str(condition.get("operator")), OPERATOR_SENTENCES["equals"]))
    label = value_mark(field_label(view, field) if field else None)
    is_amount = condition.get("operator") in AMOUNT_OPERATORS
    return phrase(text, field=label, value=value_marks(view, names, field, condition.get("value"), is_amount))


def value_text(view: PageView, names: DefinitionNames, field: str, value: Any, is_amount: bool = False) -> str:
    """Return a value of a field as people call it. Scores and amounts have commas for thousands; years have none."""
    if field == "status":
        return view.translate_choice(STATUS_WORDS, str(value))
    if isinstance(value, bool) or (field == "starred" and str(value).lower() in ("true", "false")):
        return view.translate("yes") if str(value).lower() == "true" else view.translate("no")
    if str(value).isascii() and str(value).isdigit() and len(str(value)) < 19:
        number = int(value)
        if is_amount or field == "lead_score":
            return view.formatting.number(number)
        known = {
            "assigned_user_id": names.users.get(number),
            "pipeline_stage_id": names.stages[number].name if number in names.stages else None,
            "pipeline_id": names.pipelines.get(number),
        }
        return known.get(field) or str(value)
    return str(value)


def value_marks(view: PageView, names: DefinitionNames, field: str, value: Any, is_amount: bool = False) -> Markup:
    """Return what a field is compared with, masked where the reader may not see persons."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    if values and hides_values_of(view, field):
        return value_mark(VALUE_MASK)
    shown = [value_text(view, names, field, one, is_amount) for one in values[:MAX_LISTED_VALUES]]
    return joined_values(view, [*shown, *values[MAX_LISTED_VALUES:]])


def _group_sentence(
    view: PageView, names: DefinitionNames, parts: list[Any], link: Link, level: int, room: SentenceRoom
) -> Markup:
    shown: list[Markup] = []
    for part in parts[:MAX_SHOWN_PARTS]:
        if room.left <= 0:
            break
        shown.append(condition_sentence(view, names, part, level + 1, room))
    if more := len(parts) - len(shown):
        shown.append(phrase(view.translate_count("%(n)s more", "%(n)s more", more)))
    if not shown:
        return value_mark(None)
    together = joined(view, shown, link)
    return Markup("({})").format(together) if level and len(shown) > 1 else together
