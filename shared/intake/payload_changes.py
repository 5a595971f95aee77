"""Changes to a submission's payload before it is replayed, and the list of differences that they make. Pure.

A field is a dotted path: `custom_fields.budget`. The part of a payload that belongs to a form or to a provider's
webhook is never changed.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from typing_extensions import TypedDict

from shared.leads.inbound import InvalidFields, validate_object
from shared.leads.submission import PART_KEYS
from shared.platform.errors import FieldErrors

PATH_SEPARATOR = "."
ABSENT_VALUE: Any = object()  # told from null, which is a value

JsonObject = dict[str, Any]


class PayloadChange(TypedDict, total=False):
    """A change: `set` a field to `value`, `map` its values by `values` (old to new), or `drop` it."""

    op: Literal["set", "map", "drop"]
    field: str
    value: Any
    values: dict[str, Any]


class PayloadDifference(TypedDict):
    """A field that differs. A side that lacks the field is null, and `op` says which it is."""

    op: Literal["added", "changed", "removed"]
    field: str
    before: Any
    after: Any


class UnchangeablePayload(ValueError):
    """A change does not fit the payload: it is no object, or a text lies where a change expects an object."""


def apply_changes(payload: Any, changes: Sequence[PayloadChange]) -> JsonObject:
    """Return the payload with the changes made, in order. The payload itself stays as it is.

    Raises UnchangeablePayload.
    """
    if not isinstance(payload, dict):
        raise UnchangeablePayload("The payload is no JSON object.")
    changed: JsonObject = payload
    for change in changes:
        changed = _apply_change(changed, change["field"].split(PATH_SEPARATOR), change)
    return changed


def replace_payload(payload: Any, replacement: JsonObject) -> JsonObject:
    """Return the replacement with the part of the old payload that belongs to a form or a webhook."""
    return {**lead_fields(replacement), **(_parts_of(payload) if isinstance(payload, dict) else {})}


def lead_fields(payload: JsonObject) -> JsonObject:
    """Return a payload without the part that belongs to a form or to a provider's webhook."""
    return {name: value for name, value in payload.items() if name not in PART_KEYS}


def _parts_of(payload: JsonObject) -> JsonObject:
    return {name: payload[name] for name in PART_KEYS if name in payload}


def checked_payload(payload: JsonObject) -> tuple[JsonObject, FieldErrors]:
    """Return a changed payload as ingest takes it, and its errors by field: those of a lead that is sent.

    A payload that came by a form or a webhook needs no email.
    """
    parts, lead = _parts_of(payload), lead_fields(payload)
    try:
        return {**validate_object(lead), **parts}, {}
    except InvalidFields as error:
        errors = dict(error.errors)
    if parts and not lead.get("email"):
        errors.pop("email", None)
    return payload, errors


def changed_payload(payload: Any, changes: Sequence[PayloadChange]) -> JsonObject:
    """Return the payload with the changes made, as ingest takes it. Raises UnchangeablePayload for a bad result too."""
    changed, errors = checked_payload(apply_changes(payload, changes))
    if errors:
        raise UnchangeablePayload(" ".join(message for messages in errors.values() for message in messages))
    return changed


def list_differences(before: Any, after: Any, field: str = "") -> list[PayloadDifference]:
    """Return the fields that differ, by path. Objects are compared field by field, all else as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = dict.fromkeys([*before, *after])
        within = f"{field}{PATH_SEPARATOR}" if field else ""
        return [
            difference
            for name in names
            for difference in list_differences(
                before.get(name, ABSENT_VALUE), after.get(name, ABSENT_VALUE), f"{within}{name}"
            )
        ]
    if _is_same(before, after):
        return []
    op: Literal["added", "changed", "removed"] = "changed"
    if before is ABSENT_VALUE:
        op = "added"
    elif after is ABSENT_VALUE:
        op = "removed"
    return [{"op": op, "field": field, "before": _or_null(before), "after": _or_null(after)}]


def _apply_change(payload: JsonObject, path: Sequence[str], change: PayloadChange) -> JsonObject:
    name, rest = path[0], path[1:]
    old_value = payload.get(name, ABSENT_VALUE)
    if rest:
        if old_value is ABSENT_VALUE and change["op"] != "set":
            return payload
        if not isinstance(old_value := {} if old_value is ABSENT_VALUE or old_value is None else old_value, dict):
            raise UnchangeablePayload(f"{change['field']}: {name} holds a value, no fields.")
        return {**payload, name: _apply_change(old_value, rest, change)}
    new = _changed_value(old_value, change)
    if new is ABSENT_VALUE:
        return {other: value for other, value in payload.items() if other != name}
    return {**payload, name: new}


def _changed_value(value: Any, change: PayloadChange) -> Any:
    if change["op"] == "drop":
        return ABSENT_VALUE
    if change["op"] == "set":
        return change.get("value")
    return change.get("values", {}).get(_map_key(value), value)


def _map_key(value: Any) -> str:
    """Return a value as the keys of `values` spell it: JSON's spelling for what is no text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or isinstance(value, dict | list) or value is ABSENT_VALUE else str(value)


def _is_same(before: Any, after: Any) -> bool:
    return type(before) is type(after) and bool(before == after)


def _or_null(value: Any) -> Any:
    return None if value is ABSENT_VALUE else value


def validate_changes(changes: Sequence[Mapping[str, Any]]) -> FieldErrors:
    """Return the errors of changes by field, such as a `map` without `values`."""
    errors: FieldErrors = {}
    for place, change in enumerate(changes):
        needed = {"set": "value", "map": "values"}.get(change["op"])
        if needed and needed not in change:
            errors[f"changes.{place}.{needed}"] = [f"A {change['op']} needs {needed}."]
        path = change["field"].split(PATH_SEPARATOR)
        if not all(path) or path[0] in PART_KEYS:
            errors[f"changes.{place}.field"] = ["The field must be the name of a field, or names joined by dots."]
    return errors
