"""Sign webhooks in two ways: by Standard Webhooks, and with a plain HMAC of the body. Pure."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

KEY_PREFIX = "whsec_"


def signature_headers(message_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Return the headers that identify and sign a message. `secrets` has the current one first, then older valid ones.

    A receiver with any of these secrets finds its signature in `webhook-signature`. The plain signature is made with
    the current secret only. Its key is the text of the secret as it was shown.
    """
    headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
    if secrets:
        headers["webhook-signature"] = " ".join(sign_message(secret, message_id, timestamp, body) for secret in secrets)
        headers["X-LeadHub-Signature"] = f"sha256={hmac.new(secrets[0].encode(), body, hashlib.sha256).hexdigest()}"
    return headers


def sign_message(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return one signature of Standard Webhooks, `v1,…`. The body is UTF-8."""
    # The library refuses an empty key. HMAC pads keys with zeros, so one zero byte signs as the empty key does.
    signer = Webhook(_secret_bytes(secret) or b"\0")
    return signer.sign(message_id, datetime.fromtimestamp(timestamp, UTC), body.decode())


def _secret_bytes(secret: str) -> bytes:
    """Return the bytes of a secret, base64 after `whsec_`. A secret that is not base64 is used as it is.

    The library would skip the characters that are not base64.
    """
    text = secret.removeprefix(KEY_PREFIX)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode()
