"""Netlify Forms: one submission a request, as an outgoing webhook or as the event of a function, under `payload`.

Source: https://docs.netlify.com/forms/notifications/ (webhooks) and
https://docs.netlify.com/deploy/deploy-notifications/ (payload signature).
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.form_answers import form_answer, read_form
from shared.integrations.reading.untrusted_json import dict_at, list_at, text_at, value_at
from shared.integrations.signature_checks import hmac_base64, require_equal, require_header, sha256_hex
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import (
    Credentials,
    SignatureRefused,
    UnreadableBody,
    WebhookRequest,
    parse_json_leniently,
)

NETLIFY = IntegrationType(
    "netlify",
    "Netlify Forms",
    INBOUND_ONLY,
    (CredentialField("jws_secret", "JWS secret token", required=False),),
    "Where jws_secret is set, X-Webhook-Signature must be an HS256 token of the body made with it.",
    "https://docs.netlify.com/forms/notifications/",
)
# What Netlify itself finds in a submission. It counts where the labels tell nothing.
FOUND_BY_NETLIFY: tuple[tuple[str, ContactKind], ...] = (
    ("email", "email"),
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("name", "full_name"),
    ("company", "company"),
)
NO_ANSWERS = frozenset("ip user_agent referrer form-name bot-field g-recaptcha-response".split())


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the token and its digest of the body, if there is a secret. Raises SignatureRefused."""
    secret = credentials.get("jws_secret")
    if not secret:
        return
    header, claims, signature = _token_parts(require_header(request, "X-Webhook-Signature"))
    signed = f"{header}.{claims}".encode(errors="surrogatepass")
    require_equal(signature.rstrip("="), _to_url_alphabet(hmac_base64(secret, signed)))
    claim_values = _token_json(claims)
    if text_at(_token_json(header), "alg") != "HS256" or text_at(claim_values, "iss") != "netlify":
        raise SignatureRefused("bad_signature")
    require_equal(text_at(claim_values, "sha256").lower(), sha256_hex(request.body))


def _token_parts(token: str) -> tuple[str, str, str]:
    parts = token.strip().split(".")
    if len(parts) != 3:
        raise SignatureRefused("bad_signature")
    return parts[0], parts[1], parts[2]


def _to_url_alphabet(digest: str) -> str:
    return digest.replace("+", "-").replace("/", "_").rstrip("=")


def _token_json(part: str) -> Any:
    try:
        return parse_json_leniently(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:  # no base64, or no JSON
        return None


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the submission of the request. Raises UnreadableBody."""
    document = request.document_object
    submission = dict_at(document, "payload") or document
    if not any(isinstance(submission.get(name), dict | list) for name in _ANSWERS):
        raise UnreadableBody("The body has no data of a form.")
    submission_id = text_at(submission, "id")
    answers = list(_answers(submission))
    lead, attribution = read_form(
        answers,
        at=utc_time(text_at(submission, "created_at")),
        form_id=text_at(submission, "form_id"),
        page_url=text_at(submission, "data", "referrer"),  # the page that the form was sent from
        provider_lead_id=submission_id,
    )
    lead = {**_found_by_netlify(submission, lead), **lead}
    return [SourceEvent(event_id=submission_id or None, lead=lead, attribution=attribution, document=document)]


_ANSWERS = ("ordered_human_fields", "human_fields", "data")


def _answers(submission: Mapping[str, Any]) -> Iterator[AnsweredField]:
    """Yield the fields with their titles, then the hidden ones, which have none."""
    data = dict_at(submission, "data")
    titled = set()
    for field in list_at(submission, "ordered_human_fields"):
        name = text_at(field, "name")
        titled.add(name)
        yield form_answer(_answer_value(value_at(field, "value")), label=text_at(field, "title"), key=name)
    if not titled:
        for title, value in dict_at(submission, "human_fields").items():
            titled.add(title.lower().replace(" ", "_"))
            yield form_answer(_answer_value(value), label=title)
    for name, value in data.items():
        is_titled = name in titled or name.lower().replace("-", "_") in titled
        if not is_titled and name.lower() not in NO_ANSWERS:
            yield form_answer(_answer_value(value), key=name)


def _answer_value(value: Any) -> Any:
    """Return an answer. Of an uploaded file it is the address."""
    return text_at(value, "url") or value


def _found_by_netlify(submission: Mapping[str, Any], lead: Mapping[str, Any]) -> dict[str, Any]:
    has_name = "first_name" in lead or "last_name" in lead
    contact = read_contact(
        AnsweredField(text_at(submission, name), kind=kind)
        for name, kind in FOUND_BY_NETLIFY
        if not (has_name and name.endswith("name"))
    )
    contact.pop("custom_fields", None)
    return contact


PROVIDER = Provider(
    type=NETLIFY,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"id":"sample-submission","number":1,"form_id":"sample-form","form_name":"contact","site_url":'
        b'"https://www.example.com","email":"sam@example.com","name":"Sam Sample","first_name":"Sam","last_name":'
        b'"Sample","data":{"name":"Sam Sample","email":"sam@example.com","phone":"+14155550123","team-size":"12",'
        b'"utm_source":"newsletter","ip":"192.0.2.1","referrer":"https://www.example.com/contact"},'
        b'"ordered_human_fields":[{"title":"Name","name":"name","value":"Sam Sample"},{"title":"Email","name":"email",'
        b'"value":"sam@example.com"},{"title":"Phone","name":"phone","value":"+14155550123"},{"title":"Team Size",'
        b'"name":"team-size","value":"12"}],"created_at":"2026-03-28T09:30:00.000Z"}'
    ),
)
