"""What the buttons of the form builder do to the fields of a draft."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from services.console.forms.draft_fields import (
    FieldDict,
    delete_field,
    free_key,
    free_target,
    has_options,
    insert_field,
    key_of_label,
    move_field,
    place_above_consent,
)
from services.console.forms.draft_form import SentDraft
from services.console.forms.words import FIELD_TYPE_WORDS
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _

# What a new field begins with, by the entry of the menu: its type, question, and where it goes.
NEW_FIELDS: Mapping[str, tuple[str, str, str | None]] = {
    "full_name": ("text", _("Your name"), "full_name"),
    "first_name": ("text", _("First name"), "first_name"),
    "last_name": ("text", _("Last name"), "last_name"),
    "email": ("email", _("E-mail"), "email"),
    "phone": ("phone", _("Phone"), "phone"),
    "company": ("text", _("Company"), "company"),
    "message": ("textarea", _("Your message"), "notes"),
}
# New questions without a place of their own, by type.
NEW_QUESTIONS: Mapping[str, str] = {
    "text": _("New question"),
    "textarea": _("New question"),
    "number": _("How many?"),
    "date": _("Which day?"),
    "url": _("Web address"),
    "select": _("Choose one"),
    "radio": _("Choose one"),
    "multiselect": _("Choose several"),
    "checkbox": _("Yes, please"),
    "file": _("A file"),
    "hidden": _("Hidden value"),
    "consent": _("Consent"),
}
CONSENT_TEXT = _("I agree that my answers are kept in order to reply to me.")
MAX_PLACE_DIGITS = 5
NEW_CHOICES = (_("First choice"), _("Second choice"))


@dataclass(frozen=True)
class ActionOutcome:
    """The fields after an action, the place of the open one, and the field that was deleted."""

    fields: list[FieldDict]
    place: int | None
    deleted: FieldDict | None = None


def apply_action(view: PageView, sent_draft: SentDraft, fields: list[FieldDict]) -> ActionOutcome:
    """Return what comes of the action of a button. One that only saves leaves the fields as they are."""
    action, argument = sent_draft.action, sent_draft.argument
    place = int(argument) if argument.isascii() and argument.isdigit() and len(argument) < MAX_PLACE_DIGITS else None
    if action == "add":
        added = new_field(view, argument, fields)
        place = len(fields) if added["type"] == "consent" else place_above_consent(fields)
        return ActionOutcome(insert_field(fields, place, added), place)
    if action == "move":
        start, _sign, end = argument.partition("-")
        if start.isdigit() and end.isdigit() and len(argument) < 2 * MAX_PLACE_DIGITS:
            return ActionOutcome(*move_field(fields, int(start), int(end)))
    if place is None:
        return ActionOutcome(fields, sent_draft.state.place)
    if action == "open":
        return ActionOutcome(fields, place)
    if action in ("up", "down"):
        return ActionOutcome(*move_field(fields, place, place + (1 if action == "down" else -1)))
    if action == "delete":
        left, deleted = delete_field(fields, place)
        return ActionOutcome(left, min(place, len(left) - 1) if left else None, deleted)
    if action == "undo" and (removed := _removed(sent_draft)):
        return ActionOutcome(insert_field(fields, place, removed), place)
    return ActionOutcome(fields, sent_draft.state.place)


def new_field(view: PageView, entry: str, fields: list[FieldDict]) -> FieldDict:
    """Return a new field for an entry of the menu; a line of text for one that does not exist."""
    kind, label, target = NEW_FIELDS.get(entry) or (entry, NEW_QUESTIONS.get(entry, ""), None)
    if kind not in FIELD_TYPE_WORDS:
        kind, label = "text", NEW_QUESTIONS["text"]
    label = view.translate(label)
    is_named = entry in NEW_FIELDS or kind == "consent"
    key = free_key(entry if is_named else key_of_label(label) or f"{kind}_{len(fields) + 1}", fields)
    field: FieldDict = {"key": key, "type": kind, "label": label}
    field["maps_to"] = free_target(target, fields) or (None if kind == "consent" else f"custom_fields.{key}")
    if has_options(kind) and kind != "checkbox":
        field["options"] = [view.translate(text) for text in NEW_CHOICES]
    if kind == "consent":
        field |= {"required": True, "consent_text": view.translate(CONSENT_TEXT)}
    last = max((one.get("step") or 1 for one in fields), default=1)
    return {**field, "step": last}


def _removed(sent_draft: SentDraft) -> FieldDict | None:
    """Return the field that was deleted, as the toast of the page sends it back. It is checked like any other."""
    try:
        removed_field: Any = orjson.loads(sent_draft.texts.get("removed", ""))
    except orjson.JSONDecodeError:
        return None
    return removed_field if isinstance(removed_field, dict) and isinstance(removed_field.get("key"), str) else None
