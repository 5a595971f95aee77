"""Turn an event of a provider into the body of a submission, by the settings of its integration. Pure."""

import base64
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from shared.forms.field_definition import CUSTOM_PREFIX, FULL_NAME
from shared.integrations.json_paths import InvalidPath, find_values
from shared.integrations.mapping_settings import IntegrationSettingsRecord
from shared.integrations.reading.contact_reading import answer_text, fit_lead
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import CaseInsensitive, WebhookRequest
from shared.leads.full_name import split_name
from shared.leads.source_part import RawRequest, SourcePart
from shared.leads.submission import SOURCE_KEY

MAX_RAW_BYTES = 256 << 10  # bytes of a request's body that are kept
MAX_HEADER_LENGTH = 500  # characters
# Headers that help to find out what a sender did. None of them is a secret.
KEPT_HEADERS = frozenset(
    (
        "content-type",
        "user-agent",
        "date",
        "webhook-id",
        "webhook-timestamp",
        "x-request-id",
        "x-shopify-topic",
        "x-shopify-event-id",
        "x-shopify-webhook-id",
        "x-shopify-triggered-at",
        "x-shopify-shop-domain",
        "x-hubspot-request-timestamp",
        "x-wpforms-webhook-id",
        "x-webflow-timestamp",
        "i-twilio-idempotency-token",
        "linkedin-version",
    )
)
PLACEMENT_SETTINGS = ("pipeline_id", "pipeline_stage_id", "assigned_user_id")


def submission_body(
    type_: str, settings: IntegrationSettingsRecord, event: SourceEvent, raw: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the body of the event's submission: the fields of its lead, and its source part.

    `raw` is `{"raw": …}` or `{"raw_in": …}`, see `SourcePart`.
    """
    part: SourcePart = {"type": type_, "policy": settings["merge_policy"]}
    if event.document is not None:
        part["document"] = event.document
    if event.attribution:
        part["attribution"] = {"platform": type_, **event.attribution}
    if event.external_id:
        part["external_id"] = f"{type_}:{event.external_id}"
    if event.former_external_id:
        part["former_external_id"] = f"{type_}:{event.former_external_id}"
    if event.former_phone:
        part["former_phone"] = event.former_phone
    if event.is_test:
        part["is_test"] = True
    if event.kind in ("fetch", "deletion") and event.object_id:
        part[event.kind] = event.object_id
    lead = mapped_lead(type_, settings, event) if event.kind == "lead" else {}
    return {**lead, SOURCE_KEY: {**part, **(raw or {})}}


def mapped_lead(type_: str, settings: IntegrationSettingsRecord, event: SourceEvent) -> dict[str, Any]:
    """Return the lead of an event: as the provider's module reads it, with the integration's mapping and settings."""
    lead = fit_lead({**event.lead, **_mapped_fields(settings["mapping"], event)})
    lead["source"] = settings["source"] or lead.get("source") or type_
    if tags := storable_tags([*lead.get("tags", []), *settings["tags"]]):
        lead["tags"] = tags
    placed = {name: settings[name] for name in PLACEMENT_SETTINGS if settings[name]}  # type: ignore[literal-required]
    return {**lead, **placed}


def _mapped_fields(mapping: Mapping[str, str], event: SourceEvent) -> dict[str, Any]:
    """Return the lead fields that the integration's own mapping finds. A path that finds nothing changes nothing."""
    fields: dict[str, Any] = {}
    custom = dict(event.lead.get("custom_fields") or {})
    for target, path in mapping.items():
        value = _value_at_path(path, event.document)
        if value is None:
            continue
        if target.startswith(CUSTOM_PREFIX):
            custom[target.removeprefix(CUSTOM_PREFIX)] = value
        elif target == FULL_NAME:
            first, last = split_name(answer_text(value))
            fields |= {"first_name": first, "last_name": last}
        elif target == "tags":
            fields["tags"] = [answer_text(tag) for tag in (value if isinstance(value, list) else [value])]
        else:
            fields[target] = answer_text(value)
    return {**fields, "custom_fields": custom} if custom else fields


def _value_at_path(path: str, document: Any) -> Any:
    if not isinstance(document, dict | list):
        return None
    try:
        values = [value for value in find_values(path, document) if value not in (None, "", [], {})]
    except InvalidPath:  # it was checked when it was saved
        return None
    return values[0] if len(values) == 1 else values or None


def event_id_by_path(path: str | None, document: Any) -> str | None:
    """Return the sender's own event id that the integration's setting points to, or None."""
    value = _value_at_path(path, document) if path else None
    text = answer_text(value) if not isinstance(value, dict | list) else ""
    return text[:255] or None


def raw_request(request: WebhookRequest) -> RawRequest:
    """Return what is kept of a request: its body, up to the limit, and some of its headers."""
    body = request.body[:MAX_RAW_BYTES]
    raw: RawRequest = {"method": request.method, "headers": kept_headers(request.headers), "size": len(request.body)}
    if len(body) < len(request.body):
        raw["is_cut"] = True
    if b"\0" not in body:  # which the database's JSON cannot hold
        with contextlib.suppress(UnicodeDecodeError):
            return {**raw, "text": body.decode()}
    return {**raw, "base64": base64.b64encode(body).decode()}


def kept_headers(headers: CaseInsensitive) -> dict[str, str]:
    """Return the headers that may be stored, by their names in lower case."""
    return {name: value[:MAX_HEADER_LENGTH] for name, value in headers.items() if name in KEPT_HEADERS}


def storable_tags(tags: Sequence[Any]) -> list[str]:
    """Return tags as a lead takes them: texts of at most 100 characters, none of them blank."""
    return [text[:100] for text in map(answer_text, tags) if text]
