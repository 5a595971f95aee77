"""Decide whether a fact about a lead sets off a trigger, and say why it does not. Pure.

The engine looks triggers up by key: a trigger is filed under each of `trigger_keys`, a fact is looked up under each of
`lookup_keys`. `trigger_matches` decides by the same keys, for one trigger.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.leads.lead_events import EventFact

TRIGGER_BY_EVENT = {
    "lead.created": "lead_created",
    "lead.updated": "lead_updated",
    "lead.stage_changed": "lead_stage_changed",
    "lead.assigned": "lead_assigned",
    "tag.added": "tag_added",
    "lead.score_changed": "lead_score_crossed",
    "form.submitted": "form_submitted",
    "lead.duplicate": "duplicate_received",
}
EVENT_BY_TRIGGER = {trigger: event for event, trigger in TRIGGER_BY_EVENT.items()}

ANY_VALUE = None  # the key of triggers that match any value


@dataclass(frozen=True)
class TriggerAnswer:
    """Whether a trigger was set off. `code` names the sentence that says why, `values` fill it in."""

    matched: bool
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


def trigger_keys(trigger: Mapping[str, Any]) -> list[Hashable]:
    """Return the keys that a trigger is filed under."""
    match trigger["type"]:
        case "lead_created":
            return [source.casefold() for source in trigger.get("sources") or ()] or [ANY_VALUE]
        case "lead_updated":
            return list(trigger.get("fields") or ()) or [ANY_VALUE]
        case "lead_stage_changed":
            return [trigger.get("to_stage_id")]
        case "tag_added":
            return [trigger["tag"].casefold()]
        case "form_submitted":
            return [trigger.get("form_id")]
    return [ANY_VALUE]


def lookup_keys(fact: EventFact) -> list[Hashable]:
    """Return the keys that a fact is looked up under."""
    data = fact.data
    match fact.type:
        case "lead.created":
            return [ANY_VALUE, str(data.get("source") or "").casefold()]
        case "lead.updated":
            return [ANY_VALUE, *data["fields"]]
        case "lead.stage_changed":
            return [ANY_VALUE, data["to"]] if data["to"] is not None else [ANY_VALUE]
        case "tag.added":
            return [str(data["tag"]).casefold()]
        case "form.submitted":
            return [ANY_VALUE, data["form_id"]]
    return [ANY_VALUE]


def passes_filter(trigger: Mapping[str, Any], fact: EventFact) -> bool:
    """Return whether a fact that was found under a trigger's keys also passes what no key says."""
    if fact.type == "lead.stage_changed":
        return trigger.get("from_stage_id") in (None, fact.data["from"])
    if fact.type == "lead.score_changed":
        before, after = score_change(fact)
        low, high = sorted((before, after))
        return low < trigger["threshold"] <= high and trigger.get("direction") in (None, _direction(before, after))
    return True


def score_change(fact: EventFact) -> tuple[int, int]:
    """Return the score before and after. A score equal to a threshold counts as above it."""
    return fact.data["from"] or 0, fact.data["to"] or 0


def trigger_matches(trigger: Mapping[str, Any], fact: EventFact) -> bool:
    """Return whether a fact sets off a trigger."""
    if TRIGGER_BY_EVENT.get(fact.type) != trigger["type"]:
        return False
    return not set(trigger_keys(trigger)).isdisjoint(lookup_keys(fact)) and passes_filter(trigger, fact)


def is_of_kind(trigger: Mapping[str, Any], facts: Sequence[EventFact]) -> bool:
    """Return whether one of the facts is of the kind that the trigger waits for, whatever its details."""
    return any(TRIGGER_BY_EVENT.get(fact.type) == trigger["type"] for fact in facts)


def answer_trigger(trigger: Mapping[str, Any], facts: Sequence[EventFact]) -> TriggerAnswer:
    """Return whether the facts of one event set off a trigger, and if not, the detail that differs."""
    if trigger["type"] == "manual":
        return TriggerAnswer(False, "only_by_hand")
    if trigger["type"] == "no_activity":
        return TriggerAnswer(False, "only_by_inactivity", {"minutes": trigger["minutes"]})
    near = [fact for fact in facts if TRIGGER_BY_EVENT.get(fact.type) == trigger["type"]]
    if any(trigger_matches(trigger, fact) for fact in near):
        return TriggerAnswer(True, "started")
    if not near:
        met = [fact.type for fact in facts]
        return TriggerAnswer(False, "other_event", {"met": met, "wanted": EVENT_BY_TRIGGER[trigger["type"]]})
    return _mismatch(trigger, near)


def _mismatch(trigger: Mapping[str, Any], near: Sequence[EventFact]) -> TriggerAnswer:
    data = near[0].data
    match trigger["type"]:
        case "lead_created":
            return TriggerAnswer(False, "other_source", {"met": data.get("source"), "wanted": trigger["sources"]})
        case "lead_updated":
            return TriggerAnswer(False, "other_fields", {"met": data["fields"], "wanted": trigger["fields"]})
        case "tag_added":
            met = [fact.data["tag"] for fact in near]
            return TriggerAnswer(False, "other_tag", {"met": met, "wanted": trigger["tag"]})
        case "form_submitted":
            return TriggerAnswer(False, "other_form", {"met": data["form_id"], "wanted": trigger["form_id"]})
        case "lead_stage_changed":
            side = "to" if trigger.get("to_stage_id") not in (None, data["to"]) else "from"
            return TriggerAnswer(
                False, f"other_stage_{side}", {"met": data[side], "wanted": trigger[f"{side}_stage_id"]}
            )
    before, after = score_change(near[0])
    crossing = {"before": before, "after": after, "threshold": trigger["threshold"]}
    return TriggerAnswer(False, f"not_crossed_{trigger.get('direction') or 'any'}", crossing)


def _direction(before: int, after: int) -> str:
    return "above" if after > before else "below"
