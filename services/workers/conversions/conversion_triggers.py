"""Find the events that a fact about a lead sets off, by the settings of the workspace's integrations. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.integrations.conversion_settings import ConversionEvent


@dataclass(frozen=True, slots=True)
class ConversionRules:
    """The events that an active integration sends."""

    integration_id: int
    events: Sequence[ConversionEvent]


@dataclass(frozen=True, slots=True)
class ConversionMatch:
    """An event that is to be sent. `status` and `stage_id`: only if the lead was created with it."""

    workspace_id: int
    lead_id: int
    activity_id: int
    occurred_at: datetime
    integration_id: int
    definition: ConversionEvent
    status: str | None = None
    stage_id: int | None = None


@dataclass(frozen=True, slots=True)
class LeadFact:
    """A fact about a lead, such as `lead.stage_changed` with its data, and the timeline entry that it is from."""

    workspace_id: int
    lead_id: int
    activity_id: int
    occurred_at: datetime
    type: str
    data: Mapping[str, Any]


def match_conversions(rules: Sequence[ConversionRules], fact: LeadFact) -> Iterator[ConversionMatch]:
    """Yield the events that a fact sets off. Those of a new lead's status and stage are compared with the lead later.

    An automation may have moved it meanwhile: the timeline says how it began.
    """
    for rule in rules:
        for definition in rule.events:
            at = (fact.workspace_id, fact.lead_id, fact.activity_id, fact.occurred_at, rule.integration_id, definition)
            if fact.type == "lead.created":
                yield ConversionMatch(*at, status=definition.get("status"), stage_id=definition.get("stage_id"))
            elif _is_reached(definition, fact):
                yield ConversionMatch(*at)


def _is_reached(definition: ConversionEvent, fact: LeadFact) -> bool:
    if fact.type == "lead.stage_changed":
        return "stage_id" in definition and fact.data.get("to") == definition["stage_id"]
    if fact.type != "lead.updated" or "status" not in definition:
        return False
    change = (fact.data.get("changes") or {}).get("status") or {}
    return bool(change.get("to") == definition["status"])
