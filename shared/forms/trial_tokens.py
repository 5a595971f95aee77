"""Tokens that mark posts of a form as tests: the console makes them, the gateway reads them. Pure but for the clock."""

import hashlib

from itsdangerous import BadData, TimestampSigner

TRIAL_SECONDS = 3600  # after it was made, a token is worth nothing
TRIAL_PARAMETER = "test"  # of a form's address
MAX_TRIAL_LENGTH = 300  # characters


def make_trial_token(key: str, public_id: str) -> str:
    """Return a token for an hour of tests. `key` is that of the installation's signatures."""
    return _signer(key).sign(public_id).decode()


def is_trial_token(key: str, public_id: str, token: str) -> bool:
    """Return whether a token is one of the form and not too old."""
    if not 0 < len(token) <= MAX_TRIAL_LENGTH:
        return False
    try:
        return _signer(key).unsign(token, max_age=TRIAL_SECONDS) == public_id.encode()
    except BadData:
        return False


def _signer(key: str) -> TimestampSigner:
    return TimestampSigner(f"trial:{key}", salt=b"form trial", key_derivation="hmac", digest_method=hashlib.sha256)
