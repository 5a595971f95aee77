"""Mailgun: mails that a route forwards, as a form, and events about mails, as JSON.

Source: https://documentation.mailgun.com/docs/mailgun/user-manual/receive-forward-store/receive-http (mails),
…/webhooks/securing-webhooks and …/webhooks/webhook-payloads (events).

The signature covers a time and a random token, not the body. So a token may come with one body only.
"""

from typing import Any

from shared.integrations.integration_type import BOTH_WAYS, CredentialField, IntegrationType
from shared.integrations.provider import Provider, SampleRequest
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.inbound_mail import InboundMail, body_text, decoded_header, mail_event, read_mime
from shared.integrations.reading.untrusted_json import dict_at, list_at, text_at, value_at
from shared.integrations.signature_checks import hmac_hex, require_equal, require_fresh
from shared.integrations.source_event import SourceEvent
from shared.integrations.webhook_exchange import (
    FORM_MEDIA_TYPE,
    JSON_MEDIA_TYPE,
    MULTIPART_MEDIA_TYPE,
    CaseInsensitive,
    Credentials,
    FilePart,
    SignatureRefused,
    UnreadableBody,
    WebhookRequest,
    parse_json_leniently,
)

MAILGUN = IntegrationType(
    "mailgun",
    "Mailgun",
    BOTH_WAYS,
    (
        CredentialField("signing_key", "HTTP webhook signing key"),
        CredentialField("api_key", "Sending API key", required=False, kind="token"),
        CredentialField("domain", "Sending domain", required=False, secret=False),
        CredentialField("region", "Region: us or eu", required=False, secret=False),
        CredentialField("from", "Sender's address", required=False, secret=False, kind="email"),
    ),
    "HMAC-SHA256 of timestamp and token with the signing key, in the body; a token is taken once.",
    "https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
)
# Mailgun repeats a failed request for 8 hours with the signature of the first attempt. A shorter tolerance would lose
# every mail of an outage. The token stops replays.
TOLERANCE_SECONDS = 9 * 3600
TIMESTAMP_LENGTH = 10  # digits of the Unix time, until the year 2286
STORED_EVENT = "stored"  # a mail to us; all other events are about mails from us


def verify(request: WebhookRequest, credentials: Credentials) -> None:
    """Check the signature in the body and its age. Raises SignatureRefused."""
    timestamp, token, signature = _signature(request)
    if not (timestamp and token and signature):
        raise SignatureRefused("missing_signature")
    # The two are signed as one text: a digit that moves from the token into the time would make another token of it.
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) == TIMESTAMP_LENGTH):
        raise SignatureRefused("bad_signature")
    expected = hmac_hex(credentials["signing_key"], f"{timestamp}{token}".encode(errors="surrogatepass"))
    require_equal(signature, expected)
    require_fresh(timestamp, request.now, TOLERANCE_SECONDS)


def replay_token(request: WebhookRequest) -> str | None:
    """Return the token of a request: Mailgun makes a new one for each, and repeats it only with the same body."""
    return _signature(request)[1] or None


def read(request: WebhookRequest, _credentials: Credentials) -> list[SourceEvent]:
    """Return the mail or the event of the request. Raises UnreadableBody."""
    if request.media_type == JSON_MEDIA_TYPE:
        return [_json_event(request.document_object)]
    fields = request.fields
    if "event" in fields:  # the form of events before 2018
        return [SourceEvent(kind="ignored", note=fields["event"][:100] or "event")]
    if not any(fields.get(name) for name in ("sender", "from", "From", "message-headers", "body-mime", "body-plain")):
        raise UnreadableBody("The form is no mail.")
    return [mail_event(_mail(request, fields), fields)]


def _signature(request: WebhookRequest) -> tuple[str, str, str]:
    """Return timestamp, token and signature, each of which may be empty."""
    names = ("timestamp", "token", "signature")
    try:
        if request.media_type != JSON_MEDIA_TYPE:
            first, second, third = (request.fields.get(name, "") for name in names)
        else:
            block = dict_at(request.document, "signature") or request.document
            first, second, third = (text_at(block, name) for name in names)
    except UnreadableBody:
        return "", "", ""
    return first, second, third


def _json_event(document: dict[str, Any]) -> SourceEvent:
    data = dict_at(document, "event-data")
    name, headers = text_at(data, "event"), dict_at(data, "message", "headers")
    if not name:
        raise UnreadableBody("The body is no event of Mailgun.")
    if name != STORED_EVENT:
        return SourceEvent(kind="ignored", event_id=text_at(data, "id") or None, note=name[:100])
    sender = value_at(data, "envelope", "sender")
    mail = InboundMail(
        sender=text_at(headers, "from"),
        headers=CaseInsensitive([(name, text_at(headers, name)) for name in headers]),
        envelope_sender=sender if isinstance(sender, str) else None,
        subject=decoded_header(text_at(headers, "subject")),
        attachments=_attachment_names(list_at(data, "message", "attachments")),
        received_at=utc_time(value_at(data, "timestamp")),
    )
    return mail_event(mail, document)


def _mail(request: WebhookRequest, fields: dict[str, str]) -> InboundMail:
    received_at = utc_time(fields.get("timestamp", ""))
    if fields.get("body-mime"):
        mime = read_mime(fields["body-mime"].encode(errors="replace"))
        return InboundMail(
            sender=mime.sender or fields.get("from", ""),
            headers=mime.headers,
            envelope_sender=fields.get("sender"),
            subject=mime.subject,
            text=mime.text,
            attachments=mime.attachments,
            received_at=received_at,
        )
    headers = _headers(fields)
    return InboundMail(
        sender=headers.get("From") or fields.get("from", ""),
        headers=headers,
        envelope_sender=fields.get("sender"),
        subject=decoded_header(fields.get("subject") or headers.get("Subject", "")),
        text=fields.get("stripped-text", "").strip() or body_text(fields.get("body-plain", ""), _html(fields)),
        attachments=_file_names(request) or _attachment_names(_json_list(fields.get("attachments", ""))),
        received_at=received_at,
    )


def _headers(fields: dict[str, str]) -> CaseInsensitive:
    """Return the headers of the mail: those of `message-headers`, then the fields, which repeat them one by one."""
    listed = [(text_at(pair, 0), text_at(pair, 1)) for pair in _json_list(fields.get("message-headers", ""))]
    return CaseInsensitive([*listed, *fields.items()])


def _html(fields: dict[str, str]) -> str:
    return fields.get("stripped-html") or fields.get("body-html", "")


def _json_list(text: str) -> list[Any]:
    try:
        return list_at(parse_json_leniently(text.encode(errors="replace")))
    except UnreadableBody:
        return []


def _file_names(request: WebhookRequest) -> list[str]:
    pairs = request.multipart_pairs if request.media_type == MULTIPART_MEDIA_TYPE else []
    return [decoded_header(value.name) for _, value in pairs if isinstance(value, FilePart) and value.name]


def _attachment_names(attachments: list[Any]) -> list[str]:
    """Return the names of attachments that Mailgun stored instead of sending them."""
    return list(filter(None, (text_at(one, "name") or text_at(one, "filename") for one in attachments)))


PROVIDER = Provider(
    type=MAILGUN,
    verify=verify,
    read=read,
    receives_mail=True,
    one_time_token=replay_token,
    sample=SampleRequest(
        body=b"recipient=sales%40inbound.example.com&sender=sam%40example.com&from=Sam+Sample+%3Csam%40example.com%3E"
        b"&subject=Price+for+a+solar+roof&body-plain=Please+call+me+at+%2B1+415+555+0123.%0A%0A--%0ASam+Sample"
        b"&stripped-text=Please+call+me+at+%2B1+415+555+0123.&stripped-signature=--%0ASam+Sample"
        b"&Message-Id=%3Csample%40mail.example.com%3E&timestamp=1774690200&token=sample-token"
        b"&message-headers=%5B%5B%22Message-Id%22%2C%22%3Csample%40mail.example.com%3E%22%5D%5D",
        media_type=FORM_MEDIA_TYPE,
    ),
)
