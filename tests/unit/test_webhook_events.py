"""The messages that webhooks send are those that the OpenAPI document describes."""

from datetime import UTC, datetime
from typing import Any, get_args

import jsonschema_rs
import orjson
import pytest

from services.api.openapi.document import openapi_document
from services.api.schemas.leads import LeadRecord
from services.workers.alarms.silent_sources import SOURCE_SILENT_EVENT
from services.workers.automations.effects import AUTOMATION_RAN
from shared.leads.lead_events import event_facts
from shared.outbound.sample_events import sample_event
from shared.outbound.subscription_fields import EVENT_TYPES, WebhookEventType
from shared.outbound.webhook_events import WebhookEvent
from shared.people.erase_person import EMPTY_RECORD_FIELDS

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DOCUMENT = openapi_document([])
LEAD: dict[str, Any] = {
    **dict.fromkeys(LeadRecord.__annotations__),
    **{"id": 7, "status": "new", "lead_score": 0, "starred": False, "custom_fields": {}, "tags": []},
    **{"created_at": NOW, "updated_at": NOW},
}
MESSAGES = [
    event_facts(
        "lead.created", {"source": "ads", "channel": "api", "submission_id": "x", "tags_added": ["a"], "form_id": 3}
    ),
    event_facts("lead.updated", {"changes": {"pipeline_stage_id": {"from": None, "to": 2}}, "notes_added": True}),
    event_facts("lead.updated", {"changes": {"assigned_user_id": {"from": 1, "to": 2}}}),
    event_facts(
        "lead.duplicate", {"matched_on": ["email"], "channel": "api", "changes": {"email": {"from": None, "to": "a"}}}
    ),
    event_facts("lead.merged", {"merge_id": 1, "merged_lead_id": 8}),
    event_facts("lead.unmerged", {"merge_id": 1, "winner_id": 7, "restored_lead_id": 8}),
]


def message_faults(event: str, message: dict[str, Any]) -> list[str]:
    """What is wrong with a message by the document."""
    schema = DOCUMENT["webhooks"][event]["post"]["requestBody"]["content"]["application/json"]["schema"]
    rooted = {**schema, "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(rooted, validate_formats=True)
    return [error.message for error in validator.iter_errors(orjson.loads(orjson.dumps(message)))]


def test_every_event_that_can_be_subscribed_to_is_described() -> None:
    assert DOCUMENT["webhooks"].keys() == {*get_args(WebhookEventType), AUTOMATION_RAN} - {"*"}


@pytest.mark.parametrize("lead", [LEAD, {"id": 7}], ids=["lead", "removed"])
def test_messages_fit_their_description(lead: dict[str, Any]) -> None:
    told = {fact.type: fact.data for found in MESSAGES for fact in found}
    told |= {"lead.deleted": {}, AUTOMATION_RAN: {"automation_id": 1, "run_id": 2}}
    assert told.keys() == DOCUMENT["webhooks"].keys() - {SOURCE_SILENT_EVENT}
    for event, data in told.items():
        assert message_faults(event, WebhookEvent(event, NOW, 7, lead, data).payload("msg_1")) == [], event


def test_message_of_an_erased_person_fits_its_description() -> None:
    lead: dict[str, Any] = {**dict.fromkeys(EMPTY_RECORD_FIELDS), "id": 7, "custom_fields": {}, "tags": []}
    assert message_faults("lead.deleted", WebhookEvent("lead.deleted", NOW, 7, lead, {}).payload("msg_1")) == []


def test_message_of_a_silent_source_fits_its_description() -> None:
    data = {"integration_id": 7, "form_id": None, "name": "Quiz", "type": "typeform", "last_received_at": None}
    event = WebhookEvent(SOURCE_SILENT_EVENT, NOW, None, None, {**data, "silence_after_minutes": 30})
    assert message_faults(SOURCE_SILENT_EVENT, event.payload("msg_1")) == []


@pytest.mark.parametrize("event", EVENT_TYPES)
def test_test_event_has_all_that_the_real_one_has_and_says_what_it_is(event: str) -> None:
    message = sample_event(event, NOW).payload("msg_1")
    assert message_faults(event, message) == []
    assert message["test"] is True
    if message["lead"]:
        assert message["lead"].keys() == LeadRecord.__annotations__.keys()


def test_message_with_a_field_too_many_does_not_fit() -> None:
    message = WebhookEvent("tag.added", NOW, 7, LEAD, {"tag": "a", "other": 1}).payload("msg_1")
    assert message_faults("tag.added", message)
