"""What the form builder does with the fields of a draft: add, move, delete and change them. Pure.

Fields are named by their places, from 0. A draft may hold fields that contradict each other, so that keys are no names.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.console.show_rules import rename_field
from shared.forms.field_definition import CHOICE_TYPES, CUSTOM_PREFIX

FieldDict = dict[str, Any]
CUSTOM_TARGET = "custom"  # in the form: a custom field, whose key stands beside it


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


def free_key(wanted: str, fields: Iterable[FieldDict]) -> str:
    """Return a key that no field has: the wanted one, otherwise with a number."""
    taken = {field["key"] for field in fields}
    if wanted not in taken:
        return wanted
    return next(key for number in range(2, len(taken) + 3) if (key := f"{wanted}_{number}") not in taken)


def free_target(wanted: str | None, fields: Iterable[FieldDict]) -> str | None:
    """Return a target if no field goes there yet, otherwise None."""
    return None if wanted in {field["maps_to"] for field in fields} else wanted


def chosen_target(field: Mapping[str, Any]) -> tuple[str, str]:
    """Return where a field goes, as a form shows it: the choice, and the key of a custom field."""
    target = field["maps_to"] or ""
    if target.startswith(CUSTOM_PREFIX):
        return CUSTOM_TARGET, target.removeprefix(CUSTOM_PREFIX)
    return target, ""


def has_options(kind: str) -> bool:
    """Return whether fields of the type may have options."""
    return kind in CHOICE_TYPES or kind == "checkbox"
