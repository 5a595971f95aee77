"""Events of a made-up lead, by which a receiver can be tried. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from shared.outbound.subscription_fields import ALL_EVENTS
from shared.outbound.webhook_events import WebhookEvent

NO_ID: Final = 0  # of what there is not: ids begin with 1
DEFAULT_EVENT: Final = "lead.created"
SILENT_EVENT: Final = "source.silent"

SAMPLE_LEAD: Final[Mapping[str, Any]] = {
    "id": NO_ID,
    "first_name": "Test",
    "last_name": "Event",
    "email": "test@example.com",
    "email_as_given": None,
    "phone": "+14155550100",
    "company": "Example",
    "job_title": None,
    "country": None,
    "source": "test",
    "status": "new",
    "lead_score": 0,
    "starred": False,
    "pipeline_id": None,
    "pipeline_stage_id": None,
    "assigned_user_id": None,
    "notes": None,
    "custom_fields": {},
    "tags": ["test"],
    "possible_duplicate_of": None,
    "attribution": None,
}
SAMPLE_DATA: Final[Mapping[str, Mapping[str, Any]]] = {
    "lead.created": {"source": "test", "channel": "inbound"},
    "lead.updated": {"fields": ["company"], "changes": {"company": {"from": None, "to": "Example"}}},
    "lead.deleted": {},
    "lead.merged": {"merge_id": NO_ID, "merged_lead_id": NO_ID},
    "lead.unmerged": {"merge_id": NO_ID, "winner_id": NO_ID, "restored_lead_id": NO_ID},
    "lead.duplicate": {"matched_on": ["email"], "source": "test", "channel": "inbound"},
    "lead.stage_changed": {"from": NO_ID, "to": NO_ID},
    "lead.assigned": {"from": None, "to": NO_ID},
    "tag.added": {"tag": "test"},
    "form.submitted": {"form_id": NO_ID},
    SILENT_EVENT: {
        "integration_id": NO_ID,
        "form_id": None,
        "name": "Test",
        "type": "webhook",
        "last_received_at": None,
        "silence_after_minutes": 60,
    },
}


def sample_event(event: str, now: datetime) -> WebhookEvent:
    """Return a test event as a subscription would get the real one, with ids of 0."""
    name = DEFAULT_EVENT if event == ALL_EVENTS else event
    lead = None if name == SILENT_EVENT else {**SAMPLE_LEAD, "created_at": now, "updated_at": now}
    return WebhookEvent(name, now, None, lead, SAMPLE_DATA[name], is_test=True)
