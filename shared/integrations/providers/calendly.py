"""Calendly: one booking, or one answered routing form, a request.

Source: https://developer.calendly.com/api-docs/c2NoOjI0NTY5OTU3-webhook-payload (payloads) and
https://developer.calendly.com/api-docs/overview/webhooks/webhook-signatures (signature).

A person who moves a booking is sent as `invitee.canceled` and `invitee.created`, with the same email: the first is
ignored, and the second meets the lead of the first booking. So does a booking that follows a routing form, whether or
not the form asked for an email: both bear the id of the form's submission.
"""

import hmac
from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.form_answers import form_answer, read_form
from shared.integrations.reading.untrusted_json import dict_at, list_at, text_at, value_at
from shared.integrations.signature_checks import hmac_hex, require_fresh, require_header, timed_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, SignatureRefused, UnreadableBody, WebhookRequest

CALENDLY = IntegrationType(
    "calendly",
    "Calendly",
    INBOUND_ONLY,
    (CredentialField("signing_key", "Webhook signing key"),),
    "HMAC-SHA256 of time and body with the signing key, in Calendly-Webhook-Signature, at most 3 minutes old.",
    "https://developer.calendly.com/api-docs/overview/webhooks/webhook-signatures",
)
TOLERANCE = 180  # seconds
BOOKING = "invitee.created"
ROUTING_FORM = "routing_form_submission.created"


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of time and body, and the time. Raises SignatureRefused."""
    parts = timed_header(require_header(request, "Calendly-Webhook-Signature"))
    time = parts.get("t", [""])[0]
    signed = time.encode(errors="surrogatepass") + b"." + request.body
    expected = hmac_hex(credentials["signing_key"], signed).encode()
    signatures = [signature.encode(errors="surrogatepass") for signature in parts.get("v1", [])]
    if not any([hmac.compare_digest(signature, expected) for signature in signatures]):  # noqa: C419  # constant time
        raise SignatureRefused("bad_signature")
    require_fresh(time, request.now, TOLERANCE)


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the booking or the answered routing form of the request. Raises UnreadableBody."""
    document = request.document_object
    event = text_at(document, "event")
    payload = dict_at(document, "payload")
    if not event or (event in (BOOKING, ROUTING_FORM) and not payload):
        raise UnreadableBody("The body has no event with a payload.")
    if event not in (BOOKING, ROUTING_FORM):  # such as invitee.canceled, invitee_no_show.created
        return [SourceEvent(kind="ignored", note=event)]
    uri = text_at(payload, "uri")
    lead, attribution = read_form(
        [*_person(payload), *_questions(payload), *_tracking(payload), *_meeting(payload)],
        at=utc_time(text_at(payload, "created_at") or text_at(document, "created_at")),
        form_id=text_at(payload, "routing_form") or text_at(payload, "scheduled_event", "event_type"),
        provider_lead_id=uri,
    )
    return [
        SourceEvent(
            event_id=f"{uri} {event}" if uri else None,
            lead=lead,
            attribution=attribution,
            external_id=(uri if event == ROUTING_FORM else text_at(payload, "routing_form_submission")) or None,
            document=document,
        )
    ]


def _person(payload: Mapping[str, Any]) -> Iterator[AnsweredField]:
    yield form_answer(text_at(payload, "email"), kind="email")
    yield form_answer(text_at(payload, "text_reminder_number"), label="Text reminder number", kind="phone")
    if text_at(payload, "scheduled_event", "location", "type") == "outbound_call":  # the host calls this number
        number = text_at(payload, "scheduled_event", "location", "location")
        if number != text_at(payload, "text_reminder_number"):
            yield form_answer(number, label="Phone number of the call", kind="phone")
    first, last = text_at(payload, "first_name"), text_at(payload, "last_name")
    yield form_answer(first, kind="first_name")
    yield form_answer(last, kind="last_name")
    if not first and not last:
        yield form_answer(text_at(payload, "name"), kind="full_name")


def _questions(payload: Mapping[str, Any]) -> Iterator[AnsweredField]:
    for item in list_at(payload, "questions_and_answers"):
        yield form_answer(value_at(item, "answer"), label=text_at(item, "question"))


def _tracking(payload: Mapping[str, Any]) -> Iterator[AnsweredField]:
    for name, value in dict_at(payload, "tracking").items():
        yield form_answer(value, key=name)


def _meeting(payload: Mapping[str, Any]) -> Iterator[AnsweredField]:
    meeting = dict_at(payload, "scheduled_event")
    yield form_answer(text_at(meeting, "name"), label="Meeting", kind="custom")
    yield form_answer(text_at(meeting, "start_time"), label="Meeting starts at", kind="custom")
    yield form_answer(text_at(payload, "timezone"), label="Time zone", kind="custom")


PROVIDER = Provider(
    type=CALENDLY,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"event":"invitee.created","created_at":"2026-03-28T09:30:01.000000Z","created_by":'
        b'"https://api.calendly.com/users/SAMPLE","payload":{"uri":"https://api.calendly.com/scheduled_events/SAMPLE/'
        b'invitees/SAMPLE","email":"sam@example.com","first_name":"Sam","last_name":"Sample","name":"Sam Sample",'
        b'"status":"active","timezone":"Europe/Berlin","text_reminder_number":"+14155550123","rescheduled":false,'
        b'"old_invitee":null,"new_invitee":null,"created_at":"2026-03-28T09:30:00.000000Z","questions_and_answers":'
        b'[{"question":"Company","answer":"Sample Ltd","position":0},{"question":"What would you like to see?",'
        b'"answer":"Reports","position":1}],"tracking":{"utm_source":"newsletter","utm_campaign":"spring"},'
        b'"scheduled_event":{"name":"Demo","start_time":"2026-03-30T08:00:00.000000Z","event_type":'
        b'"https://api.calendly.com/event_types/SAMPLE"}}}'
    ),
)
