"""`/api/v1/webhooks/events`: each event with a sentence, the JSON Schema of its message, and a message."""

import inspect
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import orjson
from aiohttp import web

from services.api.openapi.component_names import REFERENCE_PREFIX
from services.api.openapi.schemas import JsonSchema, SchemaRegistry, schema_nodes
from services.api.openapi.webhook_operations import MESSAGE_DESCRIPTIONS
from services.api.schemas.webhook_events import EVENT_MESSAGES
from services.api.schemas.webhooks import EventTypeRecord
from shared.outbound.sample_events import NO_ID, SAMPLE_DATA, SAMPLE_LEAD, sample_event
from shared.outbound.subscription_fields import EVENT_TYPES
from shared.outbound.webhook_events import WebhookEvent
from shared.platform.web.openapi import responds
from shared.platform.web.responses import json_response
from shared.service_app.authorization import requires_scope

SCHEMA_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DEFINITION_PREFIX: Final = "#/$defs/"
SAMPLE_TIME: Final = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
SAMPLE_ID: Final = f"msg_{'0' * 32}"


@requires_scope("read:integrations")
@responds(list[EventTypeRecord])
async def index(request: web.Request) -> web.Response:
    """List the events, each with a sentence, the JSON Schema of its message, and a message of a made-up lead.

    It is the same for all workspaces.
    """
    return json_response({"data": event_catalogue()})


@lru_cache(1)
def event_catalogue() -> list[dict[str, Any]]:
    """Return the events in the order of the document, with the schemas that the document has."""
    schemas = SchemaRegistry(MESSAGE_DESCRIPTIONS.values())
    return [
        {
            "name": event,
            "description": " ".join((inspect.getdoc(message) or "").split()),
            "is_subscribable": event in EVENT_TYPES,
            "schema": _self_contained(schemas, schemas.response_schema(message)),
            "sample": _sample(event),
        }
        for event, message in EVENT_MESSAGES.items()
    ]


def _self_contained(schemas: SchemaRegistry, reference: JsonSchema) -> JsonSchema:
    """Return a schema with all that it refers to, as a document of its own."""
    used = schemas.used_components(reference)
    document: JsonSchema = orjson.loads(orjson.dumps({"$schema": SCHEMA_DIALECT, **reference, "$defs": used}))
    for node in schema_nodes(document):
        if isinstance(node.get("$ref"), str):
            node["$ref"] = node["$ref"].replace(REFERENCE_PREFIX, DEFINITION_PREFIX)
    return document


def _sample(event: str) -> dict[str, Any]:
    if event in SAMPLE_DATA:
        event_message = sample_event(event, SAMPLE_TIME)
    else:
        lead = {**SAMPLE_LEAD, "created_at": SAMPLE_TIME, "updated_at": SAMPLE_TIME}
        ids = {"automation_id": NO_ID, "run_id": NO_ID}
        event_message = WebhookEvent(event, SAMPLE_TIME, None, lead, ids, is_test=True)
    message: dict[str, Any] = orjson.loads(orjson.dumps(event_message.payload(SAMPLE_ID)))
    return message
