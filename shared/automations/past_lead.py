"""A lead as it stood at an earlier time: the changes on its timeline since then, undone. Pure.

Nothing is stored for this. What the timeline cannot tell keeps its value of now, and is named as such.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from shared.automations.action_handlers import LeadDict, copy_lead
from shared.automations.fields import custom_key
from shared.leads.lead_events import MERGE_EVENTS

# Fields that change without an entry that says what they were.
UNDATED_FIELDS = frozenset(("updated_at", "possible_duplicate_of"))


class LeadEntry(NamedTuple):
    """An entry of a lead's timeline, as far as automations look at it."""

    id: int
    type: str
    data: Mapping[str, Any]
    at: datetime

    def is_by_automation(self, automation_id: int) -> bool:
        """Return whether an automation made the entry."""
        by = self.data.get("by") or {}
        return bool(by.get("kind") == "automation" and by.get("id") == automation_id)


@dataclass(frozen=True)
class PastLead:
    """A lead at an earlier time. `knows_nothing`: all values are those of now."""

    lead: LeadDict
    unknown_fields: frozenset[str] = UNDATED_FIELDS
    knows_nothing: bool = False

    def knows(self, field: str) -> bool:
        """Return whether the value of a field is the one of that time, and not the one of now."""
        return not self.knows_nothing and field not in self.unknown_fields


def lead_before(lead: LeadDict, later: Sequence[LeadEntry]) -> PastLead:
    """Return the lead as it stood before the `later` entries of its timeline, which come newest first.

    A merge brings the entries of another lead along, so nothing is undone behind one.
    """
    if any(entry.type in MERGE_EVENTS for entry in later):
        return PastLead(lead, knows_nothing=True)
    past, unknown = copy_lead(lead), set(UNDATED_FIELDS)
    for entry in later:
        _undo_changes(past, entry.data.get("changes") or {})
        _undo_tags(past, entry.data)
        if entry.data.get("notes_added"):
            unknown.add("notes")
    return PastLead(past, frozenset(unknown))


def _undo_changes(lead: LeadDict, changes: Mapping[str, Mapping[str, Any]]) -> None:
    for name, change in changes.items():
        key, before = custom_key(name), change.get("from")
        if key is None:
            lead[name] = before
        elif before is None:
            lead["custom_fields"].pop(key, None)
        else:
            lead["custom_fields"][key] = before


def _undo_tags(lead: LeadDict, data: Mapping[str, Any]) -> None:
    added = {tag.casefold() for tag in data.get("tags_added") or ()}
    lead["tags"] = [tag for tag in lead["tags"] if tag.casefold() not in added]
    lead["tags"] += [tag for tag in data.get("tags_removed") or () if tag not in lead["tags"]]
