"""Forward events to a receiver on this machine, signed as webhooks are."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cli.remote_api import CONNECTION_ERRORS, HttpOrigin
from shared import __version__

SECRET_PREFIX = "whsec_"  # noqa: S105  # what secrets begin with is known
SECRET_BYTES = 24
RETRY_PAUSES = (1.0, 2.0, 4.0)  # seconds before each further try
RECEIVER_BYTES = 64 * 1024  # of an answer, which nobody looks at
RECEIVER_SECONDS = 20.0  # what a webhook's receiver gets


class ForwardedEvent(NamedTuple):
    """What became of a try: the receiver's status, or why there is none, and how long it took."""

    status: int | None
    error: str | None
    milliseconds: float

    @property
    def was_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def new_secret() -> str:
    """Return a secret as subscriptions have."""
    return SECRET_PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Return whether receivers take this as a secret: `whsec_` and base64, as LeadHub makes them."""
    try:
        return text.startswith(SECRET_PREFIX) and len(base64.b64decode(text[len(SECRET_PREFIX) :], validate=True)) > 0
    except (binascii.Error, ValueError):
        return False


def signed_headers(secret: str, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the headers of Standard Webhooks."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(_secret_bytes(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _secret_bytes(secret: str) -> bytes:
    """Return the bytes of a secret. One that is not base64 is used as it is, as for subscriptions."""
    text = secret.removeprefix(SECRET_PREFIX)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text.encode()


class EventForwarder:
    """Posts events to one URL, one after the other."""

    def __init__(self, url: str, secret: str, sleep: Callable[[float], object] = time.sleep) -> None:
        parts = urlsplit(url)
        assert parts.hostname  # noqa: S101  # the option was checked
        self._origin = HttpOrigin(parts.scheme, parts.hostname, parts.port, RECEIVER_SECONDS)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._secret = secret
        self._sleep = sleep

    def forward(self, event: Mapping[str, Any], report: Callable[[ForwardedEvent, float | None], None]) -> bool:
        """Post an event until the receiver takes it, four times at most. Return whether it did.

        `report` gets the outcome of each try, and the seconds until the next one, if there is one.
        """
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        for pause in (*RETRY_PAUSES, None):
            outcome = self._try_once(str(event["id"]), body)
            report(outcome, None if outcome.was_taken else pause)
            if outcome.was_taken:
                return True
            if pause is not None:
                self._sleep(pause)
        return False

    def _try_once(self, message_id: str, body: bytes) -> ForwardedEvent:
        headers = signed_headers(self._secret, message_id, int(time.time()), body)
        headers |= {"Content-Type": "application/json", "User-Agent": f"LeadHub/{__version__}"}
        began = time.perf_counter()
        try:
            status, error = self._origin.send("POST", self._path, body, headers, max_bytes=RECEIVER_BYTES).status, None
        except CONNECTION_ERRORS as failure:
            status, error = None, str(failure) or type(failure).__name__
        return ForwardedEvent(status, error, (time.perf_counter() - began) * 1000)
