"""What the form builder does with the fields of a draft: add, move, delete and change them. Pure.

Fields are named by their places, from 0. A draft may hold fields that contradict each other, so that keys are no names.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from services.console.forms.show_rules import rename_field
from shared.forms.field_definition import CHOICE_TYPES, CUSTOM_PREFIX

FieldDict = dict[str, Any]
CUSTOM_TARGET = "custom"  # in the form: a custom field, whose key stands beside it
MAX_MADE_KEY_LENGTH = 40  # characters of a key that is made of a question


def move_field(fields: Sequence[FieldDict], place: int, target: int) -> tuple[list[FieldDict], int]:
    """Return the fields with one of them at another place, and that place."""
    if not 0 <= place < len(fields):
        return list(fields), place
    moved = [field for index, field in enumerate(fields) if index != place]
    target = max(0, min(target, len(moved)))
    moved.insert(target, fields[place])
    return moved, target


def delete_field(fields: Sequence[FieldDict], place: int) -> tuple[list[FieldDict], FieldDict | None]:
    """Return the fields without one, and the one that was deleted."""
    if not 0 <= place < len(fields):
        return list(fields), None
    return [field for index, field in enumerate(fields) if index != place], fields[place]


def insert_field(fields: Sequence[FieldDict], place: int, field: FieldDict) -> list[FieldDict]:
    """Return the fields with another one at a place."""
    place = max(0, min(place, len(fields)))
    return [*fields[:place], field, *fields[place:]]


def change_field(fields: Sequence[FieldDict], place: int, changes: Mapping[str, Any]) -> list[FieldDict]:
    """Return the fields with one changed. Conditions of others follow a key that was changed."""
    if not 0 <= place < len(fields):
        return list(fields)
    old, new = fields[place]["key"], changes.get("key", fields[place]["key"])
    changed = [{**field, **changes} if index == place else field for index, field in enumerate(fields)]
    if not new or new == old or any(field["key"] == new for index, field in enumerate(fields) if index != place):
        return changed
    return [
        {**field, "show_if": rename_field(field["show_if"], old, new)} if field.get("show_if") else field
        for field in changed
    ]


def follow_label(
    fields: Sequence[FieldDict], place: int, changes: Mapping[str, Any], published_keys: Collection[str]
) -> dict[str, Any]:
    """Return the changes of a field with the key that its new question makes, if its key follows its question.

    A custom field of the same key goes along.
    """
    field, others = fields[place], [*fields[:place], *fields[place + 1 :]]
    label = changes.get("label", field["label"])
    if label == field["label"] or changes.get("key", field["key"]) != field["key"]:
        return dict(changes)
    if not follows_label(field, published_keys):
        return dict(changes)
    key = free_key(key_of_label(label or "") or field["type"], [*others, *({"key": one} for one in published_keys)])
    is_custom = changes.get("maps_to", field["maps_to"]) == f"{CUSTOM_PREFIX}{field['key']}"
    return {**changes, "key": key, **({"maps_to": f"{CUSTOM_PREFIX}{key}"} if is_custom else {})}


def follows_label(field: Mapping[str, Any], published_keys: Collection[str]) -> bool:
    """Return whether the key of a field follows its question: it was never published, and nobody chose another key."""
    base, key = key_of_label(field["label"]) or field["type"], field["key"]
    return key not in published_keys and re.fullmatch(rf"{re.escape(base)}(_\d+)?", key) is not None


def key_of_label(label: str) -> str:
    """Return the key that a question makes, such as `team_size`; nothing for one without Latin letters and digits."""
    plain = unicodedata.normalize("NFKD", label.casefold()).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.replace("'", ""))
    key = "_".join(words)
    if len(key) <= MAX_MADE_KEY_LENGTH:
        return key
    return key[: MAX_MADE_KEY_LENGTH + 1].rpartition("_")[0] or key[:MAX_MADE_KEY_LENGTH]


def place_above_consent(fields: Sequence[Mapping[str, Any]]) -> int:
    """Return where a new field of the last step goes: above the consents at its end, otherwise after all others."""
    last_step = max((field.get("step") or 1 for field in fields), default=1)
    consent_place = len(fields)
    for place in range(len(fields) - 1, -1, -1):
        field = fields[place]
        if (field.get("step") or 1) == last_step and field["type"] not in ("consent", "hidden"):
            break
        if (field.get("step") or 1) == last_step and field["type"] == "consent":
            consent_place = place
    return consent_place


def free_key(wanted: str, fields: Iterable[FieldDict]) -> str:
    """Return a key that no field has: the wanted one, otherwise with a number."""
    taken_keys = {field["key"] for field in fields}
    if wanted not in taken_keys:
        return wanted
    return next(key for number in range(2, len(taken_keys) + 3) if (key := f"{wanted}_{number}") not in taken_keys)


def free_target(wanted: str | None, fields: Iterable[FieldDict]) -> str | None:
    """Return a target if no field goes there yet, otherwise None."""
    return None if wanted in {field["maps_to"] for field in fields} else wanted


def chosen_target(field: Mapping[str, Any]) -> tuple[str, str]:
    """Return where a field goes, as a form shows it: the choice, and the key of a custom field if it is another one."""
    target = field["maps_to"] or ""
    if target.startswith(CUSTOM_PREFIX):
        custom = target.removeprefix(CUSTOM_PREFIX)
        return CUSTOM_TARGET, "" if custom == field["key"] else custom
    return target, ""


def has_options(kind: str) -> bool:
    """Return whether fields of the type may have options."""
    return kind in CHOICE_TYPES or kind == "checkbox"
