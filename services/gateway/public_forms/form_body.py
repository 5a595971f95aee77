"""The body of a visitor's submission: the lead that the form describes, and the form's part beside it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import hdrs, web

from services.gateway.form_values import FilledForm, shown_fields
from services.gateway.public_forms.double_opt_in_request import awaits_confirmation, confirmation_mail
from services.gateway.public_forms.posted_form import PostedForm
from services.gateway.public_forms.spam_scoring import SpamVerdict
from services.gateway.public_forms.visit_attribution import read_touches
from services.gateway.public_forms.visitor_text import storable_text
from services.gateway.uploaded_files import stored_files
from shared.forms.definition import FormDefinition
from shared.forms.field_definition import FormFieldRecord
from shared.leads.form_encoding import FLAG_WORDS
from shared.leads.submission import FORM_KEY

MAX_USER_AGENT_LENGTH = 500  # characters


def form_part(
    request: web.Request, form: FormDefinition, post: PostedForm, filled: FilledForm, language: str
) -> dict[str, Any]:
    """Return the form's part of the body. Members without anything in them are absent."""
    shown = shown_fields(form, post.sent, encoded=post.is_encoded)
    asked = [field for field in shown if field["type"] == "consent"]
    consents = _consents(asked, form.version, filled.values, datetime.now(UTC).isoformat(timespec="seconds"))
    referrer = storable_text(request.headers.get(hdrs.REFERER, ""))
    answers = {str(consent["key"]): bool(consent["accepted"]) for consent in consents}
    touches = read_touches(post.attribution, post.page_url, referrer, answers)
    part = {
        "consents": consents,
        "files": stored_files(post.sent, [field["key"] for field in shown if field["type"] == "file"]),
        "attribution": touches.attribution,
        "first_touch": touches.first_touch,
    }
    return {
        "id": form.id,
        "version": form.version,
        "values": filled.values,
        "policy": form.settings["merge_policy"],
        "language": language,
        **{name: value for name, value in part.items() if value},
    }


def with_verdict(lead: dict[str, Any], part: Mapping[str, Any], verdict: SpamVerdict, form: FormDefinition) -> Any:
    """Return the whole body: the lead with the form's part, which says whether ingest holds the submission."""
    held: dict[str, Any] = {}
    if verdict.reasons:
        reasons = [{"code": one.code, "points": one.points, "text": one.text} for one in verdict.reasons]
        held["spam"] = {"score": verdict.score, "reasons": reasons}
    if verdict.is_held:
        held["is_held"] = True  # no mail goes to an address that a program filled in
    elif awaits_confirmation(form, lead):
        held["is_unconfirmed"] = True
        held["confirmation"] = confirmation_mail(form, part["language"])
    return {**lead, FORM_KEY: {**part, **held}}


def visitor_of(request: web.Request, address: str | None) -> dict[str, str] | None:
    """Return the visitor's address and browser, which are kept apart from the submission and not as long."""
    if not address:
        return None
    agent = storable_text(request.headers.get(hdrs.USER_AGENT, ""))[:MAX_USER_AGENT_LENGTH]
    return {"address": address.partition("%")[0], **({"user_agent": agent} if agent else {})}


def _consents(
    fields: Sequence[FormFieldRecord], version: int, values: Mapping[str, Any], at: str
) -> list[dict[str, Any]]:
    """Return the answers to the consents that were shown, with the wording that they had at the time."""
    return [
        {
            "key": field["key"],
            "text": field["consent_text"] or field["label"],
            "accepted": _is_accepted(values.get(field["key"])),
            "version": version,
            "at": at,
        }
        for field in fields
    ]


def _is_accepted(value: Any) -> bool:
    if isinstance(value, list):
        value = value[-1] if value else None
    return FLAG_WORDS.get(value.strip().lower(), False) if isinstance(value, str) else value is True
