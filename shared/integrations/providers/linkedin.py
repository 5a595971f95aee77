"""LinkedIn Lead Sync: ids of new and deleted responses in the request; the responses themselves from the API.

Sources: https://learn.microsoft.com/linkedin/shared/api-guide/webhook-validation (challenge, signature),
https://learn.microsoft.com/linkedin/marketing/lead-sync/leadsync (notification). `linkedin_responses` reads responses.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from shared.integrations.attribution import make_attribution
from shared.integrations.integration_type import INBOUND_ONLY, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.linkedin_responses import (
    CREATED_ACTION,
    ad_of_entity,
    event_key,
    form_id_of,
    lead_event_of,
    owner_of,
)
from shared.integrations.reading.untrusted_json import text_at, value_at
from shared.integrations.signature_checks import hmac_hex, require_equal, require_header
from shared.integrations.source_event import SourceEvent, SourceEventKind
from shared.integrations.webhook_exchange import (
    JSON_MEDIA_TYPE,
    Credentials,
    SignatureRefused,
    UnreadableBody,
    WebhookAnswer,
    WebhookRequest,
)

__all__ = ["LINKEDIN", "PROVIDER", "answer_handshake", "lead_event_of", "read", "verify"]

LINKEDIN = IntegrationType(
    "linkedin",
    "LinkedIn Lead Sync",
    INBOUND_ONLY,
    (CredentialField("client_secret", "Client secret"), CredentialField("access_token", "Access token", kind="token")),
    "HMAC-SHA256 of the body with the client secret, in X-LI-Signature; the handshake by a challenge code.",
    "https://learn.microsoft.com/linkedin/shared/api-guide/webhook-validation",
)
SIGNED_PREFIX = "hmacsha256="
KINDS_BY_ACTION: dict[str, SourceEventKind] = {CREATED_ACTION: "fetch", "DELETED": "deletion"}
# The answer to a challenge is made with the key of the signatures: a code such as `hmacsha256={…}` would get a valid
# signature of any body. LinkedIn's codes are UUIDs.
_CHALLENGE_CODE = re.compile(r"[0-9A-Za-z-]{1,64}").fullmatch


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature of the body. Raises SignatureRefused."""
    sent = require_header(request, "X-LI-Signature").removeprefix(SIGNED_PREFIX)
    require_equal(sent, hmac_hex(credentials["client_secret"], SIGNED_PREFIX.encode() + request.body))


def answer_handshake(request: WebhookRequest, credentials: Credentials) -> WebhookAnswer:
    """Answer the challenge. Raises SignatureRefused for a request without a proper challenge code."""
    code = request.query.get("challengeCode", "")
    if not _CHALLENGE_CODE(code):
        raise SignatureRefused("wrong_token")
    answer = {"challengeCode": code, "challengeResponse": hmac_hex(credentials["client_secret"], code.encode())}
    return WebhookAnswer(body=json.dumps(answer).encode(), media_type=JSON_MEDIA_TYPE)


def read(request: WebhookRequest, _credentials: Credentials) -> Iterator[SourceEvent]:
    """Return an event for each notification of the request. Raises UnreadableBody."""
    document = request.document
    notices = document if isinstance(document, list) else [document]
    if not any(text_at(notice, "type") or text_at(notice, "leadGenFormResponse") for notice in notices):
        raise UnreadableBody("The body is no notification of LinkedIn.")
    return (_event_of(notice) for notice in notices)


def _event_of(notice: Any) -> SourceEvent:
    action = text_at(notice, "leadAction").upper()
    response_id = text_at(notice, "leadGenFormResponse").rpartition(":")[2]
    kind = KINDS_BY_ACTION.get(action)
    if text_at(notice, "type") not in ("LEAD_ACTION", "") or kind is None or not response_id:
        return SourceEvent(kind="ignored", note=f"{text_at(notice, 'type')} {action}".strip()[:100] or "no action")
    return SourceEvent(
        kind=kind,
        event_id=event_key(response_id, action),
        object_id=response_id,
        account_id=owner_of(notice),
        attribution=make_attribution(
            at=utc_time(value_at(notice, "occurredAt")),
            platform="linkedin",
            provider_lead_id=response_id,
            form_id=form_id_of(text_at(notice, "leadGenForm")),
            ad_id=ad_of_entity(notice),
        ),
        document=notice,
    )


PROVIDER = Provider(
    type=LINKEDIN,
    verify=verify,
    read=read,
    is_id_only=True,
    answer_handshake=answer_handshake,
    sample=SampleRequest(
        body=b'{"type":"LEAD_ACTION","leadGenFormResponse":"urn:li:leadGenFormResponse:sample-response-1",'
        b'"leadGenForm":"urn:li:versionedLeadGenForm:(urn:li:leadGenForm:7000001,1)","owner":{"sponsoredAccount":'
        b'"urn:li:sponsoredAccount:5000001"},"associatedEntity":{"sponsoredCreative":'
        b'"urn:li:sponsoredCreative:9000001"},"leadType":"SPONSORED","leadAction":"CREATED",'
        b'"occurredAt":1774688400000}'
    ),
)
