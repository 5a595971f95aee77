"""Messages of webhooks, signed by the library of Standard Webhooks: right, wrong and old ones."""

from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks import Webhook

NOW = 1_790_000_000
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_b3RoZXIgc2VjcmV0IG9mIHRoZSBzYW1lIGxlbmd0aA=="
BODY = '{"id": "msg_1", "event": "lead.created", "lead": {"first_name": "Zoë"}}'


@dataclass(frozen=True)
class SignedMessage:
    """A message as a receiver gets it, and what becomes of it: its event, or the reason of the refusal."""

    name: str
    headers: dict[str, str]
    body: str = BODY
    secret: str = SECRET
    refusal: str | None = None


def signature_of(secret: str, seconds: int = NOW, body: str = BODY) -> str:
    """The signature by the library, made at a time in Unix seconds."""
    return str(Webhook(secret).sign("msg_1", datetime.fromtimestamp(seconds, UTC), body))


def signed_headers(signature: str, seconds: int = NOW) -> dict[str, str]:
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(seconds), "Webhook-Signature": signature}


RIGHT = signed_headers(signature_of(SECRET))
DEEP_BODY = "[" * 100_000
MESSAGES = [
    SignedMessage("right", RIGHT),
    SignedMessage("two signatures", signed_headers(f"{signature_of(OTHER_SECRET)} {signature_of(SECRET)}")),
    SignedMessage("four minutes old", signed_headers(signature_of(SECRET, NOW - 240), NOW - 240)),
    SignedMessage("another secret", signed_headers(signature_of(OTHER_SECRET)), refusal="No signature matches."),
    SignedMessage("another body", RIGHT, body=BODY.replace("Zoë", "Eve"), refusal="No signature matches."),
    SignedMessage("another time", signed_headers(signature_of(SECRET), NOW - 1), refusal="No signature matches."),
    SignedMessage("no version", signed_headers(signature_of(SECRET)[3:]), refusal="No signature matches."),
    SignedMessage("no Base64", signed_headers("v1,***"), refusal="No signature matches."),
    SignedMessage("old", signed_headers(signature_of(SECRET, NOW - 301), NOW - 301), refusal="too old"),
    SignedMessage("from the future", signed_headers(signature_of(SECRET, NOW + 301), NOW + 301), refusal="future"),
    SignedMessage("no signature", {"webhook-id": "msg_1", "webhook-timestamp": str(NOW)}, refusal="missing"),
    SignedMessage("no time", signed_headers(signature_of(SECRET)) | {"Webhook-Timestamp": "now"}, refusal="webhook-"),
    SignedMessage("a far time", RIGHT | {"Webhook-Timestamp": "9" * 400}, refusal="future"),
    SignedMessage("a longer time", RIGHT | {"Webhook-Timestamp": "9" * 5000}, refusal="future"),
    SignedMessage("an empty secret", RIGHT, secret="", refusal="whsec_ and Base64"),
    SignedMessage("a bare prefix", RIGHT, secret="whsec_", refusal="whsec_ and Base64"),
    SignedMessage("no secret", RIGHT, secret="whsec_?", refusal="whsec_ and Base64"),
]
