"""Decide how a duplicate submission changes its existing lead. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import orjson

from shared.leads.phone_normalization import is_identifying_phone

MergePolicy = Literal["fill_empty", "overwrite", "keep"]

# Only fields that describe the person. Status, source, pipeline, stage, assignee, score and star are the team's work,
# and no duplicate may undo it.
PERSON_FIELDS = ("first_name", "last_name", "email", "email_as_given", "phone", "company", "job_title", "country")

# The most that a lead may gather from its duplicates, as much as one body may hold. Each duplicate reads and writes
# all of it.
MAX_CUSTOM_FIELDS_BYTES = 256 << 10  # bytes of custom fields, as JSON
MAX_NOTES_LENGTH = 100_000  # characters


def merge_duplicate(
    existing: Mapping[str, Any], new_fields: Mapping[str, Any], policy: MergePolicy, *, older: bool
) -> dict[str, Any]:
    """Return the fields that change, with their new values. `custom_fields` is whole if one of its keys changes.

    A phone that cannot be read never replaces another phone, and is replaced by a number that can be dialled.
    `older` means that the submission was received before the lead's newest one. It may fill gaps but not overwrite.
    Otherwise parallel workers, or a late entry of the spool, would bring old values back.
    """
    if policy == "keep":
        return {}
    overwrite = policy == "overwrite" and not older
    person = {name: new_fields[name] for name in PERSON_FIELDS if name in new_fields}
    held = dict(existing)
    if is_identifying_phone(person.get("phone") or ""):
        held["phone"] = held["phone"] if is_identifying_phone(held.get("phone") or "") else None
    elif not is_empty_value(held.get("phone")):
        person.pop("phone", None)
    changed = _winning_values(held, person, overwrite)
    prefer_read_email(existing, changed)
    custom = existing.get("custom_fields") or {}
    if won := _winning_values(custom, new_fields.get("custom_fields") or {}, overwrite):
        changed["custom_fields"] = {**custom, **won}
    return changed


def prefer_read_email(existing: Mapping[str, Any], changed: dict[str, Any]) -> None:
    """Have a lead with an email hold no text in place of one. `changed` are the fields that change."""
    if is_empty_value(changed.get("email", existing.get("email"))):
        return
    changed.pop("email_as_given", None)
    if existing.get("email_as_given") is not None:
        changed["email_as_given"] = None


def append_notes(existing: str | None, sent: str) -> str:
    """Return the notes with the sent notes below, after a blank line."""
    return f"{existing}\n\n{sent}" if existing and not is_empty_value(existing) else sent


def is_empty_value(value: Any) -> bool:
    """Return whether a value is null, blank text, or an empty list or object. 0 and false are not empty."""
    return not value.strip() if isinstance(value, str) else value is None or value == [] or value == {}


def has_room_for_custom_fields(existing: Mapping[str, Any], custom: Mapping[str, Any]) -> bool:
    """Return whether the custom fields of a lead may change from `existing` to `custom`."""
    size = len(orjson.dumps(custom))
    return size <= MAX_CUSTOM_FIELDS_BYTES or size <= len(orjson.dumps(existing))


def describe_changes(existing: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the changes for the timeline: `{field: {"from": …, "to": …}}`, custom fields as `custom_fields.<key>`.

    A custom field that is missing from a changed `custom_fields` was removed, so its `to` is null.
    """
    differences = _field_differences(existing, changed, changed)
    if "custom_fields" in changed:
        differences.pop("custom_fields", None)
        before, after = existing.get("custom_fields") or {}, changed["custom_fields"] or {}
        custom = _field_differences(before, after, [*before, *(key for key in after if key not in before)])
        differences |= {f"custom_fields.{key}": change for key, change in custom.items()}
    return differences


def _field_differences(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Iterable[str]
) -> dict[str, dict[str, Any]]:
    return {
        name: {"from": before.get(name), "to": after.get(name)}
        for name in names
        if not _is_same(before.get(name), after.get(name))
    }


def _winning_values(existing: Mapping[str, Any], new_fields: Mapping[str, Any], overwrite: bool) -> dict[str, Any]:
    return {
        name: value
        for name, value in new_fields.items()
        if not is_empty_value(value)
        and (overwrite or is_empty_value(existing.get(name)))
        and not _is_same(existing.get(name), value)
    }


def _is_same(old: Any, new: Any) -> bool:
    # In Python 1 == True, but in JSON a number is not a boolean.
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)
