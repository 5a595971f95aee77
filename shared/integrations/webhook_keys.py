"""Read the keys of Standard Webhooks from their texts: a shared secret, or the sender's public key. Pure.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from base64 import b64decode
from typing import NamedTuple

WHSEC_PREFIX = "whsec_"
WHPK_PREFIX = "whpk_"
SECRET_LENGTHS = range(24, 65)  # bytes
PUBLIC_KEY_LENGTH = 32  # bytes, of ed25519


class WebhookKey(NamedTuple):
    """A key that verifies webhooks: HMAC with a shared secret, ed25519 with a public key."""

    is_public: bool
    data: bytes


def decode_webhook_key(text: str) -> WebhookKey:
    """Return the key in a text: `whpk_` and a public key, or a secret with or without `whsec_`. Raises ValueError.

    Both are in base64, of the standard or the URL-safe alphabet, with or without padding.
    """
    text = text.strip()
    is_public = text.startswith(WHPK_PREFIX)
    encoded = text.removeprefix(WHPK_PREFIX if is_public else WHSEC_PREFIX).rstrip("=")
    padded = encoded + "=" * (-len(encoded) % 4)
    data = b64decode(padded.replace("-", "+").replace("_", "/"), validate=True)
    if (len(data) != PUBLIC_KEY_LENGTH) if is_public else (len(data) not in SECRET_LENGTHS):
        raise ValueError("a key of another length")
    return WebhookKey(is_public, data)
