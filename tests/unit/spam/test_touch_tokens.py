"""Tokens of the first touch, and proofs of work: signed, of one form, for a limited time."""

import base64
import json
from typing import Any

import pytest
from altcha import Challenge, solve_challenge

from services.gateway.public_forms.touch_tokens import TOKEN_LIFETIME_SECONDS, TouchTokens

pytestmark = pytest.mark.unit

TOKENS = TouchTokens(lambda: "the key of this installation")
OTHERS = TouchTokens(lambda: "another key")


def test_a_token_tells_its_age_and_whether_a_proof_was_asked_for() -> None:
    read = TOKENS.read_token("f", TOKENS.make_token("f", asks_proof=True, now=1000.0), now=1004.5)
    assert (read.state, read.age, read.asks_proof) == ("valid", 4.5, True)
    assert read.nonce != TOKENS.read_token("f", TOKENS.make_token("f")).nonce


@pytest.mark.parametrize("text", ["x", "x" * 10_000, "W10.x", "é", "\0"])
def test_other_texts_are_forged(text: str) -> None:
    assert TOKENS.read_token("f", text).state == "forged"


def test_tokens_of_other_forms_keys_and_times() -> None:
    token = TOKENS.make_token("f", now=0.0)
    assert TOKENS.read_token("f", token, now=TOKEN_LIFETIME_SECONDS + 1).state == "expired"
    assert TOKENS.read_token("g", token, now=1).state == "forged"
    assert OTHERS.read_token("f", token, now=1).state == "forged"
    assert TOKENS.read_token("f", "").state == "missing"
    assert TOKENS.read_token("f", token, now=-5).age == 0  # another gateway's clock


def proof_for(challenge: dict[str, Any]) -> str:
    """What a browser sends: ALTCHA's own solver finds the key."""
    solution = solve_challenge(Challenge.from_dict(challenge))
    assert solution is not None
    return base64.b64encode(json.dumps({"challenge": challenge, "solution": solution.to_dict()}).encode()).decode()


def test_a_proof_of_work_holds_for_its_form_and_challenge() -> None:
    challenge = TOKENS.make_challenge("f")
    proof = proof_for(challenge)
    read = TOKENS.read_proof("f", proof)
    assert (read.state, read.nonce) == ("valid", challenge["parameters"]["nonce"])
    assert TOKENS.read_proof("g", proof).state == "wrong"
    assert OTHERS.read_proof("f", proof).state == "wrong"


@pytest.mark.parametrize("change", [{"keyPrefix": "00"}, {"expiresAt": 1}, {"cost": 1}, {"keySignature": None}])
def test_a_changed_challenge_proves_nothing(change: dict[str, Any]) -> None:
    challenge = TOKENS.make_challenge("f")
    challenge["parameters"] |= change
    solution = {"counter": 1, "derivedKey": "00" * 32}
    sent = base64.b64encode(json.dumps({"challenge": challenge, "solution": solution}).encode()).decode()
    assert TOKENS.read_proof("f", sent).state == "wrong"


@pytest.mark.parametrize(
    "text", ["x", "W10=", "e30=", "bnVsbA==", "x" * 5000, "é", base64.b64encode(b"[" * 900).decode()]
)
def test_other_proofs_are_wrong(text: str) -> None:
    assert TOKENS.read_proof("f", text).state == "wrong"
