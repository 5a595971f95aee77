"""The event that an outgoing webhook carries, and its JSON body."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event as webhooks describe it: `lead` as in the API; `data` names the tag, stage, form or fields concerned.

    Events about no lead, such as that of a silent source, have none. A test event is about a lead that there is not.
    """

    event: str
    occurred_at: datetime
    lead_id: int | None
    lead: Mapping[str, Any] | None
    data: Mapping[str, Any]
    is_test: bool = False

    def payload(self, message_id: str) -> dict[str, Any]:
        """Return the JSON body that the receiver gets."""
        return {
            "id": message_id,
            "event": self.event,
            "occurred_at": self.occurred_at,
            "lead": self.lead,
            "data": self.data,
            **({"test": True} if self.is_test else {}),
        }
