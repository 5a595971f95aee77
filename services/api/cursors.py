"""Cursors: where a walk over a list has got to, signed, and bound to the list that it was made for. Pure."""

import base64
import binascii
import hashlib
import hmac
from datetime import datetime
from typing import Any, NamedTuple

import orjson

SIGNATURE = 16  # bytes


class Position(NamedTuple):
    """The last record that was shown: its value in the list's order, and its id."""

    value: Any
    id: Any


class BadCursor(ValueError):
    """The text is no cursor of this list."""


class Signer:
    """Makes and reads the cursors of one list: `subject` says which."""

    def __init__(self, secret: str, *subject: object) -> None:
        self._subject = orjson.dumps(subject, option=orjson.OPT_SORT_KEYS)
        self._key = hashlib.sha256(b"cursor:" + secret.encode()).digest()

    def write(self, position: Position) -> str:
        value = position.value.isoformat() if isinstance(position.value, datetime) else position.value
        body = orjson.dumps([value, position.id])
        return _encoded(self._sign(body) + body)

    def read(self, text: str) -> Position:
        """The position that `write` was given, a time as its text. Raises BadCursor."""
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise BadCursor from None
        signature, body = raw[:SIGNATURE], raw[SIGNATURE:]
        if not hmac.compare_digest(signature, self._sign(body)) or _encoded(raw) != text:
            raise BadCursor
        return Position(*orjson.loads(body))

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body + b"\0" + self._subject, "sha256")[:SIGNATURE]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
