"""Tokens that confirm a dry run: bound to the tool, its arguments, the caller, the number and the effect; used once.

Pure but for the clock. The key of the HMAC lives as long as the process, and so does the list of what was used.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

TOKEN_PREFIX = "lhc_"  # noqa: S105  # it is no secret
VALID_SECONDS = 300
MAX_USED_TOKENS = 10_000
MAX_TOKEN_LENGTH = 2_000

UNREADABLE_MESSAGE = "The confirm_token is none of this server: take that of a dry run."
EXPIRED_MESSAGE = "The confirm_token is over five minutes old: do the dry run again."
OTHER_CALL_MESSAGE = "The confirm_token belongs to another call: send exactly the arguments of its dry run."
USED_MESSAGE = "The confirm_token was used already: do the dry run again."
CROWDED_MESSAGE = "Too many writes were confirmed in the last minutes. Wait five minutes."


class TokenRefused(Exception):
    """A token that confirms nothing. The message says why, and what to do."""


@dataclass(frozen=True)
class ConfirmedWrite:
    """What a good token says: `effect` is the digest of what its dry run showed."""

    count: int
    effect: str
    as_of: str | None
    nonce: str
    expires: float  # seconds of the clock


class ConfirmationTokens:
    """The tokens of a process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._used: dict[str, float] = {}  # by nonce, when the token expires

    def issue(self, call: "ConfirmableCall", count: int, effect: str, as_of: str | None) -> str:
        """Return a token for what a dry run has shown."""
        fields = {
            "call": call.digest(),
            "count": count,
            "effect": effect,
            "as_of": as_of,
            "nonce": secrets.token_hex(8),
            "expires": self._clock() + VALID_SECONDS,
        }
        body = _encode(json.dumps(fields).encode())
        return f"{TOKEN_PREFIX}{body}.{self._sign(body)}"

    def read(self, token: str, call: "ConfirmableCall") -> ConfirmedWrite:
        """Return what a token confirms. TokenRefused if it is not one for this call, too old, or used."""
        body, _, signature = token.removeprefix(TOKEN_PREFIX).partition(".")
        is_ours = len(token) <= MAX_TOKEN_LENGTH and token.isascii() and token.startswith(TOKEN_PREFIX)
        if not is_ours or not hmac.compare_digest(self._sign(body), signature):
            raise TokenRefused(UNREADABLE_MESSAGE)
        fields = json.loads(_decode(body))
        if fields["expires"] < self._clock():
            raise TokenRefused(EXPIRED_MESSAGE)
        if not hmac.compare_digest(fields["call"], call.digest()):
            raise TokenRefused(OTHER_CALL_MESSAGE)
        if fields["nonce"] in self._used:
            raise TokenRefused(USED_MESSAGE)
        return ConfirmedWrite(fields["count"], fields["effect"], fields["as_of"], fields["nonce"], fields["expires"])

    def spend(self, confirmed: ConfirmedWrite) -> None:
        """Note that a token was used. TokenRefused if it was used meanwhile."""
        now = self._clock()
        if confirmed.nonce in self._used:
            raise TokenRefused(USED_MESSAGE)
        if len(self._used) >= MAX_USED_TOKENS:
            self._used = {nonce: expires for nonce, expires in self._used.items() if expires >= now}
        if len(self._used) >= MAX_USED_TOKENS:
            raise TokenRefused(CROWDED_MESSAGE)
        self._used[confirmed.nonce] = confirmed.expires

    def _sign(self, body: str) -> str:
        return _encode(hmac.digest(self._secret, body.encode(), "sha256"))


@dataclass(frozen=True)
class ConfirmableCall:
    """A call of a tool: the tool, the arguments without the token, and whose key it is."""

    tool: str
    arguments: Mapping[str, Any]
    caller: str

    def digest(self) -> str:
        """Return a digest of all of it. An argument that is null counts as one that is not sent."""
        sent = {name: value for name, value in self.arguments.items() if value is not None}
        return digest_value([self.tool, self.caller, sent])


def digest_value(value: Any) -> str:
    """Return the digest of a value of JSON, whatever the order of its names."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise TokenRefused(UNREADABLE_MESSAGE) from None
