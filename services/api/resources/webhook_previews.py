"""`/api/v1/webhooks/preview`: what a subscription would have sent of the last events."""

from typing import Any

from aiohttp import web

from services.api.context import driver_connection, reading
from services.api.request_parsing import body_and_errors, workspace_of
from services.api.schemas.webhooks import PreviewFields, PreviewRecord
from shared.outbound.subscription_fields import ALL_EVENTS, EVENT_TYPES, expression_errors, with_expressions
from shared.outbound.subscriptions import expect_references
from shared.platform.errors import ValidationFailed
from shared.platform.web.openapi import request_body, responds
from shared.platform.web.responses import json_response
from shared.previews.preview_turns import PREVIEW_TURNS
from shared.previews.recent_messages import read_recent_messages
from shared.previews.subscription_preview import (
    PREVIEWED_EVENTS,
    PreviewedBody,
    PreviewedEvent,
    SubscriptionPreview,
    preview_subscription,
)
from shared.service_app.authorization import requires_scopes

PREVIEW_EXAMPLE = {
    "events": ["lead.created"],
    "filter_expression": "lead.lead_score >= 50 && 'vip' in lead.tags",
    "body_expression": "{'text': 'A new lead from ' + string(lead.source)}",
}


@requires_scopes("read:integrations", "read:leads")
@request_body(PreviewFields, example=PREVIEW_EXAMPLE)
@responds(PreviewRecord, other_statuses=(429,))
async def create(request: web.Request) -> web.Response:
    """Show which of the last 100 events a subscription would send, and the first three bodies. Nothing is sent.

    The events are those that are kept for `/api/v1/events`, otherwise those of the leads that changed last, with each
    lead as it is now. Where there is none yet, they are of a made-up lead. Of large leads there are fewer: as many as
    one megabyte and a moment allow, and `checked` says how many. A workspace has one preview at a time; beyond it, 429.
    """
    fields, errors = await body_and_errors(request)
    fields = with_expressions(fields)
    if errors := errors | expression_errors(fields):
        raise ValidationFailed(errors)
    wanted = fields.get("events") or [ALL_EVENTS]
    events = EVENT_TYPES if ALL_EVENTS in wanted else list(dict.fromkeys(wanted))
    workspace = workspace_of(request)
    async with reading(request) as connection:
        await expect_references(await driver_connection(connection), workspace, fields)
    with PREVIEW_TURNS.hold(workspace):
        async with reading(request) as connection:
            database = await driver_connection(connection)
            recent = await read_recent_messages(database, workspace, events, PREVIEWED_EVENTS)
        preview = await preview_subscription(fields, recent.messages)
    return json_response({"data": _preview_record(preview, is_cut=recent.is_cut)})


def _preview_record(preview: SubscriptionPreview, *, is_cut: bool) -> dict[str, Any]:
    return {
        "checked": len(preview.events),
        "matching": preview.matching,
        "failing": preview.failing,
        "is_complete": preview.is_complete and not is_cut,
        "is_made_up": any(event.is_made_up for event in preview.events),
        "events": [_event_record(event) for event in preview.events],
        "bodies": [_body_record(body) for body in preview.bodies],
    }


def _event_record(event: PreviewedEvent) -> dict[str, Any]:
    message = event.message
    return {
        "id": message["id"],
        "event": message["event"],
        "occurred_at": message["occurred_at"],
        "lead_id": (message["lead"] or {}).get("id"),
        "matches": event.matches,
        "error": str(event.problem) if event.problem else None,
    }


def _body_record(body: PreviewedBody) -> dict[str, Any]:
    return {
        "id": body.message["id"],
        "matches": body.matches,
        "standard_body": body.message,
        "body": body.body,
        "error": str(body.problem) if body.problem else None,
    }
