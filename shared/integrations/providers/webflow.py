"""Webflow: one form submission a request, its answers by label. Webhooks that an app or the API made are signed.

Source: https://developers.webflow.com/data/reference/webhooks/events/form-submission (payload; an older one without
`payload` in API v1) and https://developers.webflow.com/data/docs/working-with-webhooks (signature).
"""

from collections.abc import Mapping
from typing import Any

from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.form_answers import form_answer, read_form
from shared.integrations.reading.untrusted_json import dict_at, list_at, text_at
from shared.integrations.signature_checks import hmac_hex, require_equal, require_fresh, require_header
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import Credentials, SignatureRefused, UnreadableBody, WebhookRequest

WEBFLOW = IntegrationType(
    "webflow",
    "Webflow",
    INBOUND_ONLY,
    (CredentialField("signing_secret", "Webhook secret key, or the app's client secret", required=False),),
    "Where signing_secret is set, HMAC-SHA256 of time and body in X-Webflow-Signature, at most 5 minutes old; "
    "webhooks made in the dashboard are not signed.",
    "https://developers.webflow.com/data/docs/working-with-webhooks",
)
TOLERANCE = 300  # seconds


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of time and body, and the time, if there is a secret. Raises SignatureRefused."""
    secret = credentials.get("signing_secret")
    if not secret:
        return
    sent = require_header(request, "X-Webflow-Signature")
    time = require_header(request, "X-Webflow-Timestamp")
    require_equal(sent, hmac_hex(secret, time.encode(errors="surrogatepass") + b":" + request.body))
    try:
        seconds = float(time) / 1000
    except ValueError:
        raise SignatureRefused("bad_signature") from None
    require_fresh(seconds, request.now, TOLERANCE)


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the submission of the request. Raises UnreadableBody."""
    document = request.document_object
    trigger = text_at(document, "triggerType")
    if trigger and trigger != "form_submission":  # such as ecomm_new_order
        return [SourceEvent(kind="ignored", note=trigger)]
    submission = dict_at(document, "payload") or document
    if not isinstance(submission.get("data"), dict):
        raise UnreadableBody("The body has no data of a form.")
    submission_id = text_at(submission, "id") or text_at(submission, "_id")
    types = {text_at(field, "fieldName"): text_at(field, "fieldType") for field in list_at(submission, "schema")}
    lead, attribution = read_form(
        [
            form_answer(_answer_value(value, types.get(label, "")), label=label)
            for label, value in dict_at(submission, "data").items()
        ],
        at=utc_time(text_at(submission, "submittedAt") or text_at(submission, "d")),
        form_id=text_at(submission, "formId"),
        page_url=text_at(submission, "pageUrl"),
        provider_lead_id=submission_id,
    )
    return [SourceEvent(event_id=submission_id or None, lead=lead, attribution=attribution, document=document)]


def _answer_value(value: Any, type_: str) -> Any:
    """Return an answer. A ticked or unticked box may be sent as a text."""
    if type_ == "FormCheckboxInput" and isinstance(value, str):
        return _FLAGS.get(value.strip().lower(), value)
    return value


_FLAGS: Mapping[str, bool] = {"true": True, "on": True, "false": False, "off": False}

PROVIDER = Provider(
    type=WEBFLOW,
    verify=verify,
    read=read,
    sample=SampleRequest(
        body=b'{"triggerType":"form_submission","payload":{"name":"Contact","siteId":"sample","data":{"First Name":'
        b'"Sam","Last Name":"Sample","Email":"sam@example.com","Phone Number":"+14155550123","Budget":"10,000",'
        b'"utm_source":"newsletter","utm_campaign":"spring"},"schema":[],"submittedAt":"2026-03-28T09:30:00.000Z",'
        b'"id":"sample-submission","formId":"sample-form","formElementId":"sample-element"}}'
    ),
)
