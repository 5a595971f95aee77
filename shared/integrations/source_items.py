"""Turn what integrations receive into journal items.

A submission's id and hash come from its key alone: a redelivered event may differ in details such as a number of
attempts, and a lead that a worker lists has no webhook at all.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from shared.intake.journal import JournalItem
from shared.integrations.integration_cache import ReceivingIntegration
from shared.integrations.source_event import SourceEvent
from shared.integrations.submission_body import submission_body
from shared.leads.submission import SOURCE_KEY
from shared.platform import ids

KEPT_OF_NOTICE = ("raw", "raw_in")  # parts of a notice that its lead keeps


def event_key(event_id: str) -> str:
    """Return the key of a submission from the provider's own id of its event."""
    return f"event:{event_id}"


def submission_id(integration: ReceivingIntegration, key: str) -> str:
    """Return the id of the integration's submission with that key."""
    return ids.idempotency_uuid(integration.workspace_id, integration.channel, key)


def key_digest(key: str) -> str:
    """Return the hash of a submission with that key."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def source_item(integration: ReceivingIntegration, key: str, body: Mapping[str, Any]) -> JournalItem:
    """Return the journal item of a body that came now."""
    return JournalItem(
        submission_id(integration, key),
        ids.now_ms(),
        integration.workspace_id,
        integration.channel,
        body.get("source") or integration.settings["source"] or integration.type,
        orjson.dumps(body),
        body_hash=key_digest(key),
    )


def listed_item(integration: ReceivingIntegration, event: SourceEvent) -> JournalItem:
    """Return the journal item of a lead that the provider listed. It must have an event id."""
    body = submission_body(integration.type, integration.settings, event)
    return source_item(integration, event_key(str(event.event_id)), body)


def fetched_item(integration: ReceivingIntegration, notice: Mapping[str, Any], event: SourceEvent) -> dict[str, Any]:
    """Return the journal item of a notice with the lead that was fetched for it. It stays the same submission.

    The request's raw body, the merge policy and whatever the notice alone says of the lead's origin are kept.
    """
    stored: dict[str, Any] = notice["body"][SOURCE_KEY]
    kept = {name: stored[name] for name in KEPT_OF_NOTICE if name in stored}
    body = submission_body(integration.type, integration.settings, event, kept)
    part = body[SOURCE_KEY]
    for name in ("policy", "external_id", "is_test"):
        if name in stored and (name == "policy" or name not in part):
            part[name] = stored[name]
    if attribution := {**stored.get("attribution", {}), **part.get("attribution", {})}:
        part["attribution"] = attribution
    return {**notice, "src": body.get("source") or notice["src"], "body": body}
