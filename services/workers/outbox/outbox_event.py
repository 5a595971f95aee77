"""The event of a lead as it is claimed from the outbox."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from shared.leads.submission import LeadKey


class OutboxEvent(NamedTuple):
    """A row of the outbox with its timeline entry. `chain` has the ids of the automations that led to the event."""

    id: int
    workspace_id: int
    type: str
    lead_id: int
    activity_id: int
    occurred_at: datetime
    data: dict[str, Any]
    chain: tuple[int, ...] = ()

    @property
    def lead_key(self) -> LeadKey:
        return self.workspace_id, self.lead_id

    @property
    def actor(self) -> Mapping[str, Any]:
        """The actor that caused the event."""
        return self.data.get("by") or {}
