"""Split one timeline entry into the single facts that automations and webhooks react to. Pure.

The `data` of an entry may hold `changes` (`{field: {"from", "to"}}`, custom fields as `custom_fields.<key>`),
`tags_added` and `tags_removed` (names), `notes_added`, and `by` (the actor).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MERGE_EVENTS = ("lead.merged", "lead.unmerged")


@dataclass(frozen=True, slots=True)
class EventFact:
    """A single thing that happened, such as `tag.added`, and its details."""

    type: str
    data: dict[str, Any]


def event_facts(entry_type: str, data: Mapping[str, Any]) -> list[EventFact]:
    """Return the facts of an entry, the main one first. Their order is always the same, so they can be numbered."""
    if entry_type == "lead.deleted":
        return [EventFact(entry_type, {"lead": data.get("lead")})]
    if entry_type in MERGE_EVENTS:
        return list(_merge_facts(entry_type, data))
    facts = list(_main_facts(entry_type, data))
    if facts:
        facts.extend(_detail_facts(data))
    return facts


def _merge_facts(entry_type: str, data: Mapping[str, Any]) -> Iterator[EventFact]:
    """Yield the facts of a merge or its undoing. Tags and stages that a lead brings are no news of the person."""
    yield EventFact(entry_type, _pick_present(data, "merge_id", "merged_lead_id", "winner_id", "restored_lead_id"))
    if fields := [*(data.get("changes") or {}), *(["notes"] if data.get("notes_added") else [])]:
        yield EventFact("lead.updated", {"fields": fields, "changes": data.get("changes") or {}})


def _main_facts(entry_type: str, data: Mapping[str, Any]) -> Iterator[EventFact]:
    if entry_type == "lead.created":
        yield EventFact(entry_type, _pick_present(data, "source", "channel", "submission_id"))
        return
    if entry_type == "lead.duplicate":
        yield EventFact(entry_type, _pick_present(data, "matched_on", "source", "channel", "submission_id"))
    fields = changed_fields(data)
    if fields and entry_type in ("lead.updated", "lead.duplicate"):
        yield EventFact("lead.updated", {"fields": fields, "changes": data.get("changes") or {}})


def changed_fields(data: Mapping[str, Any]) -> list[str]:
    """Return the fields of the lead that an entry changed, custom fields one by one."""
    fields = list(data.get("changes") or {})
    if data.get("notes_added") and "notes" not in fields:
        fields.append("notes")
    if data.get("tags_added") or data.get("tags_removed"):
        fields.append("tags")
    return fields


def _detail_facts(data: Mapping[str, Any]) -> Iterator[EventFact]:
    changes = data.get("changes") or {}
    if stage := changes.get("pipeline_stage_id"):
        yield EventFact("lead.stage_changed", dict(stage))
    if user := data.get("user_id"):  # a new lead that arrived with an assignee
        yield EventFact("lead.assigned", {"from": None, "to": user})
    elif (user := changes.get("assigned_user_id")) and user["to"] is not None:
        yield EventFact("lead.assigned", dict(user))
    for tag in data.get("tags_added") or ():
        yield EventFact("tag.added", {"tag": tag})
    if score := changes.get("lead_score"):
        yield EventFact("lead.score_changed", dict(score))
    if form := data.get("form_id"):
        yield EventFact("form.submitted", {"form_id": form})


def _pick_present(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: data[name] for name in names if data.get(name) is not None}
