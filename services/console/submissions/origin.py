"""How a submission of a provider came: its request, the bytes to show of it, and where the lead saw us."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from markupsafe import Markup

from services.console.submissions.contact_origins import GivenConsent, LeadIntake, given_consents
from services.console.web.page_view import PageView
from services.console.web.payload_text import VALUE_MASK
from shared.intake.submission_lookup import FoundSubmission, as_received
from shared.leads.submission import SOURCE_KEY

MAX_SHOWN_TEXT = 500  # characters of a value


@dataclass(frozen=True)
class ProviderRequest:
    """The request in which a submission came. `raw_in` is the id of the submission that holds it for others."""

    type: str
    method: str
    headers: list[tuple[str, str]]
    is_cut: bool
    raw_in: str


def provider_request(stored: bytes) -> ProviderRequest | None:
    """Return the request of a stored payload, None if it came in no provider's webhook."""
    part = _source_part(stored)
    if not part or not part.get("type"):  # a test of a form has no provider
        return None
    raw = part.get("raw") or {}
    headers = [(str(name), str(value)) for name, value in (raw.get("headers") or {}).items()]
    raw_in = str(part.get("raw_in") or "")
    return ProviderRequest(
        str(part.get("type", "")), str(raw.get("method", "")), headers, bool(raw.get("is_cut")), raw_in
    )


def received_bytes(stored: bytes) -> bytes:
    """Return the payload as its sender wrote it: a provider's body or document, without what is kept beside it."""
    part = _source_part(stored)
    if not part or part.get("raw"):
        return as_received(stored)
    if part.get("document") is not None:
        return orjson.dumps(part["document"])
    body = orjson.loads(stored)
    return orjson.dumps({name: value for name, value in body.items() if name != SOURCE_KEY})


def attribution_rows(
    view: PageView, attribution: Mapping[str, Any] | None, *, hides_values: bool
) -> list[tuple[str, str]]:
    """Return where a lead came from, with names. What may tell of the person is hidden with `hides_values`.

    A page is shown without its query, whose campaign and click ids have rows of their own.
    """
    values = dict(attribution or {})
    words = {
        "platform": view.translate("Platform"),
        "campaign_name": view.translate("Campaign"),
        "campaign_id": view.translate("Id of the campaign"),
        "adset_id": view.translate("Id of the ad set"),
        "ad_id": view.translate("Id of the ad"),
        "form_id": view.translate("Id of the form"),
        "utm_source": "utm_source",
        "utm_medium": "utm_medium",
        "utm_campaign": "utm_campaign",
        "utm_term": "utm_term",
        "utm_content": "utm_content",
    }
    of_person = {
        "page_url": view.translate("Page"),
        "landing_page": view.translate("First page"),
        "referrer": view.translate("Came from"),
        "provider_lead_id": view.translate("Id at the provider"),
    }
    rows = [(label, _text(values[name])) for name, label in words.items() if values.get(name)]
    if values.get("at"):
        rows.append((view.translate("Filled in"), _moment_text(view, values["at"])))
    personal = [(label, _address_text(values[name])) for name, label in of_person.items() if values.get(name)]
    personal += [(str(name), _text(value)) for name, value in _pairs(values.get("click_ids"))]
    return rows + [(label, VALUE_MASK if hides_values else text) for label, text in personal]


def submitted_consents(submission: FoundSubmission) -> list[GivenConsent]:
    """Return what the person agreed to in a submission, and what they did not."""
    record = submission.record
    try:
        body = orjson.loads(submission.stored)
    except orjson.JSONDecodeError:
        return []
    if not isinstance(body, dict):
        return []
    came = LeadIntake(str(record["id"]), record["received_at"], record["channel"], record["source"], body)
    return given_consents([came])


def _source_part(stored: bytes) -> dict[str, Any]:
    if SOURCE_KEY.encode() not in stored:
        return {}
    try:
        body = orjson.loads(stored)
    except orjson.JSONDecodeError:
        return {}
    part = body.get(SOURCE_KEY) if isinstance(body, dict) else None
    return part if isinstance(part, dict) else {}


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, dict) else []


def _moment_text(view: PageView, value: Any) -> str:
    try:
        return view.formatting.time_tag(datetime.fromisoformat(value), "full_time")
    except (TypeError, ValueError):
        return _text(value)


def _address_text(value: Any) -> str:
    text = _text(value)
    address, _, query = text.partition("?")
    return Markup('<span title="{}">{}?…</span>').format(text, address) if query else text


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= MAX_SHOWN_TEXT else f"{text[:MAX_SHOWN_TEXT]}…"
