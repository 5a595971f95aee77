"""Verify what LeadHub sends to a webhook: the signatures of Standard Webhooks."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import cast

from ._models import WebhookEvent
from .errors import InvalidWebhook

TOLERANCE_SECONDS = 300
SECRET_PREFIX = "whsec_"  # noqa: S105 - what all secrets begin with
LONGEST_TIME = 15  # digits


def verify_webhook(
    headers: Mapping[str, str],
    body: bytes | str,
    secret: str,
    *,
    tolerance: float = TOLERANCE_SECONDS,
    now: float | None = None,
) -> WebhookEvent:
    """Return the event of a message, once it is known to be genuine and fresh. Raises InvalidWebhook.

    `body` is what came, before anything parsed it; `secret` is the subscription's, with its `whsec_`. A message may
    come twice: its `id` tells.
    """
    names = {name.lower(): value for name, value in headers.items()}
    missing = [name for name in ("webhook-id", "webhook-timestamp", "webhook-signature") if not names.get(name)]
    if missing:
        raise InvalidWebhook(f"The header {missing[0]} is missing.")
    raw = body.encode() if isinstance(body, str) else bytes(body)
    _check_time(names["webhook-timestamp"], tolerance, time.time() if now is None else now)
    signed = f"{names['webhook-id']}.{names['webhook-timestamp']}.".encode() + raw
    expected = hmac.new(_secret_bytes(secret), signed, hashlib.sha256).digest()
    if not any(_is_equal(signature, expected) for signature in names["webhook-signature"].split()):
        raise InvalidWebhook("No signature matches.")
    try:
        return cast("WebhookEvent", json.loads(raw))
    except (ValueError, RecursionError):
        raise InvalidWebhook("The body is not JSON.") from None


def _check_time(text: str, tolerance: float, now: float) -> None:
    if not (text.isascii() and text.isdigit()):
        raise InvalidWebhook("The header webhook-timestamp is no number.")
    if len(text) > LONGEST_TIME or abs(now - int(text)) > tolerance:
        raise InvalidWebhook("The message is too old or from the future.")


def _secret_bytes(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise InvalidWebhook("The secret is not one of LeadHub's: whsec_ and Base64.")
    return key


def _is_equal(signature: str, expected: bytes) -> bool:
    version, _, value = signature.partition(",")
    own = base64.b64encode(expected)
    return version == "v1" and hmac.compare_digest(value.encode(), own)
