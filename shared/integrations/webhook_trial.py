"""Read a body as an integration would, and store nothing: for `try`, the sample, and the preview of a mapping. Pure."""

from collections.abc import Mapping
from typing import Any

import orjson

from shared.integrations.mapping_settings import IntegrationSettingsRecord
from shared.integrations.provider import Provider
from shared.integrations.source_event import SourceEvent
from shared.integrations.submission_body import event_id_by_path, mapped_lead
from shared.integrations.webhook_exchange import (
    FORM_MEDIA_TYPE,
    JSON_MEDIA_TYPE,
    CaseInsensitive,
    Credentials,
    TooManyItems,
    UnreadableBody,
    WebhookRequest,
)

TRIED_ADDRESS = "https://leadhub.invalid/api/inbound/webhooks/try"


def sample_request(provider: Provider, now: float) -> WebhookRequest:
    """Return the type's own sample."""
    return provider.sample.to_request(TRIED_ADDRESS, now)


def tried_request(body: Any, content_type: str | None, headers: Mapping[str, str] | None, now: float) -> WebhookRequest:
    """Return the request that somebody wants to try: a text as it is, anything else as JSON.

    Without a content type a text that looks like JSON is JSON, any other one a form.
    """
    text = body if isinstance(body, str) else orjson.dumps(body).decode()
    guessed = JSON_MEDIA_TYPE if text.lstrip()[:1] in ("{", "[") else FORM_MEDIA_TYPE
    named = CaseInsensitive({**(headers or {}), "Content-Type": content_type or guessed})
    return WebhookRequest("POST", TRIED_ADDRESS, named, text.encode(errors="surrogatepass"), now)


def try_request(
    provider: Provider, settings: IntegrationSettingsRecord, credentials: Credentials, request: WebhookRequest
) -> dict[str, Any]:
    """Return `{"items": [...], "problem": ...}`: what the body means, by the integration's settings and mapping."""
    try:
        events = list(provider.read_items(request, credentials))
    except (UnreadableBody, TooManyItems) as error:
        return {"items": [], "problem": str(error)}
    return {"items": [_tried_item(provider, settings, event) for event in events], "problem": None}


def _tried_item(provider: Provider, settings: IntegrationSettingsRecord, event: SourceEvent) -> dict[str, Any]:
    return {
        "kind": event.kind,
        "event_id": event_id_by_path(settings["event_id"], event.document) or event.event_id,
        "is_test": event.is_test,
        "note": event.note,
        "lead": mapped_lead(provider.type.type, settings, event) if event.kind == "lead" else {},
        "attribution": dict(event.attribution),
        "external_id": event.external_id,
        "account_id": event.account_id,
        "object_id": event.object_id,
        "document": event.document,
    }
