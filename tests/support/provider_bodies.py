"""Bodies of providers, our own and those of the wider samples, and what each of them has to become."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from tests.support.provider_corpus import CorpusBody, corpus_bodies, fetched_leads
from tests.support.provider_requests import WEBHOOK_SAMPLES

TYPES_BY_FOLDER = {
    "meta": "meta_lead_ads",
    "gravityforms": "gravity_forms",
    "zapier_make": "zapier",
    "stripe_style": "webhook",
    "slack_style": "webhook",
    "github_style": "webhook",
}
# Not posted to us: what our own requests are answered, and handshakes.
NO_DELIVERIES = (
    *("meta/graph_lead_response.json", "meta/graph_leads_page.json", "meta/graph_custom_disclaimer.json"),
    *("meta/verify_request.txt", "linkedin/challenge_request.txt", "linkedin/lead_form_response_answerDetails.json"),
)

Person = Mapping[str, Any]
ADA: Person = {"first_name": "Ada", "last_name": "Example", "email": "ada@example.com", "phone": "+16505550123"}
NOBODY: Person = {"first_name": None, "last_name": None, "email": None, "phone": None}
UNREADABLE = {"state": "dead", "has_event_id": False}


@dataclass(frozen=True)
class RecordedBody:
    """A body and what becomes of it.

    `people` are the leads of its submissions, in the order of their emails; a submission without a lead has None.
    `state` is that of its submissions. Without submissions, it is ignored. `has_event_id`: the same event is known
    again in other bytes. Without it, only the same bytes are.
    """

    type: str
    name: str
    body: bytes
    media_type: str
    people: tuple[Person | None, ...]
    state: str = "done"
    is_test: bool = False
    has_event_id: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_contact(self) -> bool:
        """Whether each of its people is known again by an email or a phone number."""
        return all(one is None or one["email"] or one["phone"] for one in self.people)

    def __str__(self) -> str:
        return f"{self.type}-{self.name}"


def person(**changed: str | None) -> Person:
    return {**ADA, **changed}


# What becomes of each file: its people, and what else is not as usual.
_EXPECTED: dict[str, tuple[tuple[Person | None, ...], dict[str, Any]]] = {
    "meta/leadgen_webhook.json": (
        (
            person(first_name="Joan", email="joan@example.com", phone=None),
            person(first_name="Joe", email="joe@example.com", phone=None),
        ),
        {},
    ),
    **{
        f"google_ads/{name}.json": ((None,), {"is_test": True, "has_event_id": False})
        for name in ("send_test_data_contact", "send_test_data_custom_question", "docs_test_sample_capital_key")
    },
    "linkedin/lead_action_created.json": (
        ({"first_name": "Kim", "last_name": "Lee", "email": "kim@example.com", "phone": "+12025550123"},),
        {},
    ),
    "linkedin/lead_action_deleted.json": ((None,), {}),
    "tiktok/lead_instant_form.json": ((person(last_name="Lovelace", phone="+15550100123"),), {}),
    "tiktok/developers_event_docs.json": ((), {}),
    "mailgun/inbound_parsed.form": (
        (person(first_name="Displayed", last_name="From", email="from+test@example.org", phone=None),),
        {},
    ),
    "mailgun/webhook_delivered.json": ((), {}),
    **{
        f"sendgrid/{name}.multipart": (
            (person(first_name="Example", last_name="User", email="test@example.com", phone=None),),
            {"has_event_id": False},  # these mails have no Message-Id
        )
        for name in ("inbound_parsed", "inbound_raw_mime")
    },
    "typeform/docs_example.json": (
        (person(first_name="Laura", last_name=None, email="laura@example.com", phone=None),),
        {},
    ),
    "typeform/lead_with_hidden_utm.json": ((ADA,), {}),
    "tally/docs_example.json": (({**NOBODY, "email": "alice@example.com", "phone": "+15550100199"},), {}),
    "tally/vector_body.json": ((NOBODY,), {}),
    "jotform/lead_name_email_phone.multipart": (
        (person(first_name="Johnny", email="johnny@example.com", phone="+15550100123"),),
        {},
    ),
    **{
        f"calendly/{name}.json": (
            (person(first_name="John", last_name="Doe", email="test@example.com", phone=None),),
            {},
        )
        for name in ("invitee_created", "invitee_object_docs")
    },
    "webflow/form_submission_docs.json": (
        (person(first_name="Zaphod", last_name="Beeblebrox", email="zaphod@example.com", phone="+15550000000"),),
        {},
    ),
    "gravityforms/entry_all_fields_captured.json": (
        (person(first_name="Avery", email="avery@example.com", phone="+10555010029"),),
        {},
    ),
    "wpforms/webhook_json.json": ((ADA,), {"has_event_id": False}),
    "wpforms/webhook_form.form": ((ADA,), {"has_event_id": False}),
    "elementor/webhook_advanced_data.form": ((ADA,), {"has_event_id": False}),
    "elementor/webhook_simple.form": ((ADA,), {"has_event_id": False}),
    "hubspot/contact_creation.json": ((person(email="hubert@example.com"),), {}),
    "hubspot/sdk_test_body.txt": ((None,), UNREADABLE),
    "intercom/contact_lead_created.json": ((person(email="lead@example.com"),), {}),
    "shopify/customers_create.json": (
        (person(first_name="John", last_name="Doe", email="john.doe@example.com", phone=None),),
        {},
    ),
    "stripe_style/event.json": ((ADA,), {"settings": {"event_id": "$.id"}}),
    "unbounce/data_json_docs.json": (({**NOBODY, "email": "test@example.com"},), {}),
    "unbounce/form_post.form": ((person(email="test@example.com", phone="555-0123"),), {}),
    "netlify/form_submission.json": ((ADA,), {}),
    "twilio/incoming_sms.form": (({**NOBODY, "phone": "+16505550123"},), {}),
    "twilio/sdk_test_params.form": ((), {}),
    "twilio/sdk_test_body.json": ((None,), UNREADABLE),
    "whatsapp/message_text.json": (
        (person(first_name="Test", last_name="Name", email=None, phone="+16505550123"),),
        {},
    ),
    "zapier_make/flat.json": ((ADA,), {"has_event_id": False}),
    "zapier_make/double_underscore.json": ((ADA,), {"has_event_id": False}),
    "zapier_make/form.form": ((person(phone=None),), {"has_event_id": False}),
    "standard_webhooks/contact_created.json": (
        (person(first_name="John", last_name="Smith", email=None, phone="+12815550175"),),
        {},
    ),
    "standard_webhooks/library_vector_body.json": ((NOBODY,), {}),
    "slack_style/slash_command.form": ((NOBODY,), {"has_event_id": False}),
    "github_style/hello.txt": ((None,), UNREADABLE),
}


def recorded_files() -> dict[str, str]:
    """Return the content types of the recorded bodies by file. None where no samples are."""
    path = WEBHOOK_SAMPLES / "index.json"
    rows = json.loads(path.read_bytes()) if path.exists() else []
    return {row["file"]: row["content_type"].partition(" (")[0] for row in rows if row["file"] not in NO_DELIVERIES}


def recorded_bodies() -> list[RecordedBody]:
    """Return our own bodies of all types, and the recorded ones where the samples are."""
    # A client of the running service chooses no headers: it is signed as the type signs.
    own = [_of_corpus(one) for one in corpus_bodies() if not one.headers]
    return [*own, *(_recorded(file, content_type) for file, content_type in recorded_files().items())]


def _of_corpus(one: CorpusBody) -> RecordedBody:
    stored = [event for event in one.events if event["kind"] != "ignored"]
    return RecordedBody(
        one.type,
        one.name,
        one.body,
        one.media_type,
        tuple(_person_of(one.type, event) for event in stored),
        is_test=any(event.get("is_test") for event in stored),
        has_event_id=all("event_id" in event for event in stored),
    )


def _person_of(type_: str, event: Mapping[str, Any]) -> Person | None:
    """Return the person that an event becomes, who may have to be fetched. Tests and deletions become nobody."""
    if event.get("is_test") or event["kind"] == "deletion":
        return None
    if event["kind"] == "fetch":
        found = (one.event for one in fetched_leads() if one.type == type_)
        event = next(one for one in found if one["object_id"] == event["object_id"])
    return {name: event["lead"].get(name) for name in NOBODY}


def _recorded(file: str, content_type: str) -> RecordedBody:
    folder = file.partition("/")[0]
    people, others = _EXPECTED[file]
    body, media_type = (WEBHOOK_SAMPLES / file).read_bytes(), content_type
    if file == "unbounce/data_json_docs.json":  # the value of a field
        body, media_type = b"data.json=" + quote_plus(body).encode(), "application/x-www-form-urlencoded"
    elif file == "calendly/invitee_object_docs.json":  # the payload alone
        body = json.dumps({"event": "invitee.created", "payload": json.loads(body)}).encode()
        media_type = "application/json"
    elif content_type == "text":
        media_type = "text/plain"
    return RecordedBody(TYPES_BY_FOLDER.get(folder, folder), file, body, media_type, people, **others)
