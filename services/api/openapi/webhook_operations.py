"""The outgoing webhooks of the document: one POST to the receiver for each event."""

import inspect

from services.api.openapi.components import TEXT_SCHEMA, SpecObject
from services.api.openapi.schemas import SchemaRegistry
from services.api.schemas.webhook_events import EVENT_MESSAGES
from shared.platform.web.openapi import OperationDescription

MESSAGE_DESCRIPTIONS = {event: OperationDescription(response_type=message) for event, message in EVENT_MESSAGES.items()}
SIGNATURE_NOTE = "Absent where an automation sends to an address without a secret."
MESSAGE_HEADERS: list[SpecObject] = [
    {
        "name": name,
        "in": "header",
        "required": required,
        "description": text,
        "schema": TEXT_SCHEMA,
    }
    for name, required, text in (
        ("webhook-id", True, "The message's id, the same in every attempt: a message may come twice."),
        ("webhook-timestamp", True, "When this attempt was signed, in Unix seconds."),
        ("webhook-signature", False, f"The signatures of Standard Webhooks, separated by spaces. {SIGNATURE_NOTE}"),
        ("X-LeadHub-Signature", False, f"`sha256=` and the hex HMAC-SHA256 of the body. {SIGNATURE_NOTE}"),
    )
]
RECEIVER_ANSWERS: SpecObject = {
    "2XX": {"description": "The message was received."},
    "410": {"description": "Ends the subscription: it is switched off."},
    "default": {"description": "The message is sent again, for about a day."},
}


def webhook_operations(schemas: SchemaRegistry) -> dict[str, SpecObject]:
    """The operations by event."""
    return {event: {"post": _webhook_operation(event, schemas)} for event in EVENT_MESSAGES}


def _webhook_operation(event: str, schemas: SchemaRegistry) -> SpecObject:
    text = " ".join((inspect.getdoc(EVENT_MESSAGES[event]) or "").split())
    return {
        "operationId": f"webhook_{event.replace('.', '_')}",
        "summary": text.partition(". ")[0].rstrip("."),
        "description": text,
        "security": [],
        "parameters": MESSAGE_HEADERS,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schemas.response_schema(EVENT_MESSAGES[event])}},
        },
        "responses": RECEIVER_ANSWERS,
    }
