"""Cursors: signed positions in a list, each bound to the list that it was made for. Pure."""

import hashlib
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from itsdangerous import BadData, URLSafeSerializer, base64_decode, base64_encode, want_bytes


class CursorPosition(NamedTuple):
    """The position after a record: its value in the list's order, and its id."""

    value: Any
    id: Any


class InvalidCursor(ValueError):
    """The text is no cursor of this list."""


class CursorSigner:
    """Writes and reads the cursors of the list that `subject` identifies."""

    def __init__(self, secret: str, *subject: object) -> None:
        self._serializer = URLSafeSerializer(
            b"cursor:" + secret.encode(),
            salt=orjson.dumps(subject, option=orjson.OPT_SORT_KEYS),
            serializer=orjson,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def encode_position(self, position: CursorPosition) -> str:
        value = position.value.isoformat() if isinstance(position.value, datetime) else position.value
        return want_bytes(self._serializer.dumps([value, position.id])).decode()

    def decode_position(self, text: str) -> CursorPosition:
        """Return the position that was encoded, a time as its text. Raises an error for any other text."""
        try:
            position = CursorPosition(*self._serializer.loads(text))
        except (BadData, ValueError):
            raise InvalidCursor from None
        if not _is_canonical(text.rpartition(".")[2]):
            raise InvalidCursor
        return position


def _is_canonical(signature: str) -> bool:
    """Return whether the unused last bits of a Base64 text, which change nothing that is decoded, are zero."""
    return base64_encode(base64_decode(signature)).decode() == signature
