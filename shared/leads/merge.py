"""What a duplicate changes on the lead that is there already: a decision on values, taken without the database."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import orjson

from shared.leads.contact import is_identity

Policy = Literal["fill_empty", "overwrite", "keep"]

# Only what describes the person. Status, source, pipeline, stage, assignee, score and star are the team's work on the
# lead, which no duplicate may undo.
FIELDS = ("first_name", "last_name", "email", "phone", "company", "job_title", "country")

# How much a lead may gather from its duplicates: each of them reads and writes it all. As much as one body may hold.
MOST_CUSTOM = 256 << 10  # bytes of custom fields, as JSON
MOST_NOTES = 100_000  # characters


def merge(existing: Mapping[str, Any], sent: Mapping[str, Any], policy: Policy, *, older: bool) -> dict[str, Any]:
    """The fields that change and their new values; `custom_fields` is whole where one of its keys changes.

    A phone that nobody can read never takes the place of another, and gives way to a number that can be dialled.
    `older` says that the submission was received before the lead's last one. It may fill gaps but not overwrite, else
    workers in parallel, or a late entry of the spool, would bring old values back.
    """
    if policy == "keep":
        return {}
    overwrite = policy == "overwrite" and not older
    person = {name: sent[name] for name in FIELDS if name in sent}
    held = dict(existing)
    if is_identity(person.get("phone") or ""):
        held["phone"] = held["phone"] if is_identity(held.get("phone") or "") else None
    elif not _is_empty(held.get("phone")):
        person.pop("phone", None)
    changed = _winners(held, person, overwrite)
    custom = existing.get("custom_fields") or {}
    if won := _winners(custom, sent.get("custom_fields") or {}, overwrite):
        changed["custom_fields"] = {**custom, **won}
    return changed


def append_notes(existing: str | None, sent: str) -> str:
    """The notes with the sent ones below, after a blank line."""
    return f"{existing}\n\n{sent}" if existing and not _is_empty(existing) else sent


def has_room(existing: Mapping[str, Any], custom: Mapping[str, Any]) -> bool:
    """Whether a lead with `existing` custom fields may come to hold `custom`."""
    size = len(orjson.dumps(custom))
    return size <= MOST_CUSTOM or size <= len(orjson.dumps(existing))


def changes(existing: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """For the timeline: `{field: {"from": …, "to": …}}`, custom fields one by one as `custom_fields.<key>`.

    A custom field that is missing from a changed `custom_fields` was removed: its `to` is null.
    """
    told = _differences(existing, changed, changed)
    if "custom_fields" in changed:
        told.pop("custom_fields", None)
        before, after = existing.get("custom_fields") or {}, changed["custom_fields"] or {}
        custom = _differences(before, after, [*before, *(key for key in after if key not in before)])
        told |= {f"custom_fields.{key}": change for key, change in custom.items()}
    return told


def _differences(
    before: Mapping[str, Any], after: Mapping[str, Any], names: Iterable[str]
) -> dict[str, dict[str, Any]]:
    return {
        name: {"from": before.get(name), "to": after.get(name)}
        for name in names
        if not _is_same(before.get(name), after.get(name))
    }


def _winners(existing: Mapping[str, Any], sent: Mapping[str, Any], overwrite: bool) -> dict[str, Any]:
    return {
        name: value
        for name, value in sent.items()
        if not _is_empty(value)
        and (overwrite or _is_empty(existing.get(name)))
        and not _is_same(existing.get(name), value)
    }


def _is_empty(value: Any) -> bool:
    """Null, blank text, an empty list or object. 0 and false are answers."""
    return not value.strip() if isinstance(value, str) else value is None or value == [] or value == {}


def _is_same(old: Any, new: Any) -> bool:
    # In Python 1 == True; in JSON a number is no boolean.
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)
