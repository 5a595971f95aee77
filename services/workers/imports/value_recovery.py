"""Decide which values of a lead an undo takes back: those that an import filled and that still stand. Pure."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

CUSTOM_PREFIX = "custom_fields."
GAP = "\n\n"  # between the paragraphs of notes


class ImportedValues(NamedTuple):
    """What one row gave to a lead that existed: changes as the timeline describes them, tags, and notes."""

    changes: Mapping[str, Mapping[str, Any]]
    tags: Sequence[str]
    notes: str | None


class RecoveredValues(NamedTuple):
    """The fields to set, as an edit takes them, the tags to remove, and the places of the rows that lose something."""

    fields: dict[str, Any]
    tags: list[str]
    places: set[int]


def recovered_values(
    state: Mapping[str, Any], imported: Sequence[ImportedValues], kept_contacts: Collection[tuple[str, Any]] = ()
) -> RecoveredValues:
    """Return what to take back of a lead.

    `imported` are the rows of one lead, the last one first. A value that somebody changed since stays, and so do those
    of `kept_contacts`, fields with their values.
    """
    now = {**state, "custom_fields": dict(state["custom_fields"])}
    fields: dict[str, Any] = {}
    tags: list[str] = []
    places = set[int]()
    borne = {tag.lower() for tag in state["tags"]}
    for place, values in enumerate(imported):
        for name, change in values.changes.items():
            if (name, change.get("to")) not in kept_contacts and _take_back(now, fields, name, change):
                places.add(place)
        lost = [tag for tag in values.tags if tag.lower() in borne]
        tags += lost
        if lost:
            places.add(place)
        if values.notes and (shorter := _without_block(now["notes"], values.notes)) is not False:
            now["notes"] = fields["notes"] = shorter
            places.add(place)
    return RecoveredValues(fields, list(dict.fromkeys(tags)), places)


def _take_back(now: dict[str, Any], fields: dict[str, Any], name: str, change: Mapping[str, Any]) -> bool:
    """Take one value back if it still stands. Return whether it did."""
    before, after = change.get("from"), change.get("to")
    key = name.removeprefix(CUSTOM_PREFIX)
    if key == name:
        if name not in now or now[name] != after:
            return False
        now[name] = fields[name] = before
    elif now["custom_fields"].get(key) == after:
        now["custom_fields"][key] = before
        fields.setdefault("custom_fields", {})[key] = before
    else:
        return False
    return True


def _without_block(notes: str | None, added: str) -> str | Literal[False] | None:
    """Return the notes without what was added to them as paragraphs of their own; False if it does not stand so.

    More may stand below by now: what a merge or somebody added later. Of several the last one goes.
    """
    notes = notes or ""
    start = notes.rfind(added)
    while start >= 0:
        before, after = notes[:start], notes[start + len(added) :]
        if (not before or before.endswith(GAP)) and (not after or after.startswith(GAP)):
            rest = before.removesuffix(GAP) + (after if before else after.removeprefix(GAP))
            return rest or None
        start = notes.rfind(added, 0, start + len(added) - 1)
    return False
