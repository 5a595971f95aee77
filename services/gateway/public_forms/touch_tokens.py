"""Tokens that a form's page gets when it is first touched, and the proofs of work that it may have to bring.

A token says for which form and when it was made, and whether a proof was asked for. It is signed, and remembered
nowhere: pages of forms are cached by others, so that it cannot stand in them. The keys follow from that of the
installation; whoever posts across a change of it is not held for that alone.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from altcha import create_challenge, verify_solution
from itsdangerous import BadData, URLSafeSerializer, want_bytes

from services.gateway.public_forms.spam_scoring import ProofState, TokenState

TOKEN_LIFETIME_SECONDS = 86_400
CHALLENGE_LIFETIME_SECONDS = 3_600
MAX_TOKEN_CHARACTERS = 500
MAX_PROOF_CHARACTERS = 4_000
# A browser tries about 2,000 keys, a second on a telephone. Making a challenge takes us half a millisecond.
CHALLENGE_ALGORITHM = "PBKDF2/SHA-256"
CHALLENGE_COST = 1_000  # iterations a key
MIN_CHALLENGE_COUNTER, MAX_CHALLENGE_COUNTER = 1_000, 3_000


@dataclass(frozen=True, slots=True)
class ReadToken:
    """A token as it came back. `age` is in seconds, `nonce` tells it from all others; both only of a valid one."""

    state: TokenState
    age: float | None = None
    nonce: str | None = None
    asks_proof: bool = False


@dataclass(frozen=True, slots=True)
class ReadProof:
    """A proof as it came. `nonce` is the challenge's, of a valid proof."""

    state: ProofState
    nonce: str | None = None


class TouchTokens:
    """Makes and reads tokens and challenges. `read_key` returns the installation's key for signatures."""

    def __init__(self, read_key: Callable[[], str]) -> None:
        self._read_key = read_key

    def make_token(self, public_id: str, *, asks_proof: bool = False, now: float | None = None) -> str:
        """Return a new token of the form."""
        issued = int((time.time() if now is None else now) * 1000)
        document = [issued, secrets.token_hex(8), int(asks_proof)]
        return want_bytes(self._serializer(public_id).dumps(document)).decode()

    def read_token(self, public_id: str, text: str, now: float | None = None) -> ReadToken:
        """Return what a token says."""
        if not text:
            return ReadToken("missing")
        try:
            if len(text) > MAX_TOKEN_CHARACTERS:
                raise ValueError
            issued, nonce, asks_proof = self._serializer(public_id).loads(text)
        except (BadData, ValueError, TypeError):
            return ReadToken("forged")
        age = (time.time() if now is None else now) - issued / 1000
        if age > TOKEN_LIFETIME_SECONDS:
            return ReadToken("expired")
        return ReadToken("valid", max(age, 0.0), str(nonce), bool(asks_proof))

    def make_challenge(self, public_id: str) -> dict[str, Any]:
        """Return a new challenge for the form's script, in the format of ALTCHA 2: `parameters` and `signature`."""
        secret, key_secret = self._challenge_secrets()
        return create_challenge(
            CHALLENGE_ALGORITHM,
            CHALLENGE_COST,
            counter=MIN_CHALLENGE_COUNTER + secrets.randbelow(MAX_CHALLENGE_COUNTER - MIN_CHALLENGE_COUNTER),
            expires_at=int(time.time()) + CHALLENGE_LIFETIME_SECONDS,
            data={"form": public_id},
            hmac_secret=secret,
            hmac_key_secret=key_secret,
        ).to_dict()

    def read_proof(self, public_id: str, text: str) -> ReadProof:
        """Return what a proof is worth: Base64 of JSON with `challenge` and `solution`, as ALTCHA's widget sends it."""
        if not text:
            return ReadProof("missing")
        secret, key_secret = self._challenge_secrets()
        try:
            parameters = _challenge_parameters(text)
            if parameters["data"] != {"form": public_id} or "keySignature" not in parameters:
                return ReadProof("wrong")
            if not verify_solution(text, secret, hmac_key_secret=key_secret).verified:
                return ReadProof("wrong")
        except (ValueError, KeyError, TypeError, RecursionError):
            return ReadProof("wrong")
        return ReadProof("valid", str(parameters["nonce"]))

    def digest_value(self, value: str) -> str:
        """Return a keyed digest of something personal, such as an address, under which it may be counted."""
        return hmac.new(b"form counts:" + self._read_key().encode(), value.encode(), hashlib.sha256).hexdigest()[:24]

    def _serializer(self, public_id: str) -> URLSafeSerializer:
        return URLSafeSerializer(
            b"touch:" + self._read_key().encode(),
            salt=public_id.encode(),
            serializer=orjson,
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def _challenge_secrets(self) -> tuple[str, str]:
        key = self._read_key()
        return f"altcha:{key}", f"altcha keys:{key}"


def _challenge_parameters(text: str) -> dict[str, Any]:
    """Return the unchecked parameters of the challenge that a proof answers."""
    if len(text) > MAX_PROOF_CHARACTERS:
        raise ValueError("too long")
    parameters: dict[str, Any] = orjson.loads(base64.b64decode(text))["challenge"]["parameters"]
    return parameters
