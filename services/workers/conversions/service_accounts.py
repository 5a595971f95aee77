"""Sign for a Google service account, to be given a token. Pure.

Source: https://developers.google.com/identity/protocols/oauth2/service-account#httprest.
"""

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

DATA_MANAGER_SCOPE = "https://www.googleapis.com/auth/datamanager"
ASSERTION_SECONDS = 3600  # the longest that Google takes
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
UNREADABLE_KEY_MESSAGE = "The JSON key of the service account cannot be read."


class UnreadableAccountKey(Exception):
    """The JSON key of a service account has no private key that can sign."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A service account, with the key that it signs with."""

    email: str
    key_id: str
    private_key: RSAPrivateKey


def read_service_account(text: str) -> ServiceAccount:
    """Read a JSON key. Raises UnreadableAccountKey. The address in it is not used: that for tokens is a setting."""
    try:
        found = json.loads(text)
        private_key = load_pem_private_key(found["private_key"].encode(), None)
        email, key_id = str(found["client_email"]), str(found.get("private_key_id") or "")
    except (ValueError, TypeError, LookupError, AttributeError, UnsupportedAlgorithm):
        raise UnreadableAccountKey(UNREADABLE_KEY_MESSAGE) from None
    if not isinstance(private_key, RSAPrivateKey):
        raise UnreadableAccountKey(UNREADABLE_KEY_MESSAGE)
    return ServiceAccount(email, key_id, private_key)


def token_request_body(account: ServiceAccount, token_url: str, now: int) -> bytes:
    """Return the form that asks for a token. `now` is in seconds since the epoch."""
    return urlencode({"grant_type": GRANT_TYPE, "assertion": _signed_assertion(account, token_url, now)}).encode()


def _signed_assertion(account: ServiceAccount, audience: str, now: int) -> str:
    import jwt  # late: it takes 4 MB, and few installations send conversions

    claims = {
        "iss": account.email,
        "scope": DATA_MANAGER_SCOPE,
        "aud": audience,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    }
    headers = {"kid": account.key_id} if account.key_id else None
    return jwt.encode(claims, account.private_key, "RS256", headers)
