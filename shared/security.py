"""The format of API keys: how they are generated, recognised and hashed.

A key is `lh_`, 32 random characters and a checksum of 6 characters (CRC-32, as in GitHub's tokens), all in base 62. The
checksum allows a mistyped or invented key to be refused without a query. Only the SHA-256 of a key is stored. Keys have
190 bits of entropy, so that a slow hash would add no protection.
"""

import hashlib
import secrets
import zlib
from typing import NamedTuple

PREFIX = "lh_"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM, CHECK = 32, 6
LENGTH = len(PREFIX) + RANDOM + CHECK

SCOPES = frozenset(
    "read:leads write:leads delete:leads read:pipelines write:pipelines read:tags write:tags read:users write:users "
    "delete:users read:forms write:forms delete:forms read:automations write:automations delete:automations "
    "read:integrations write:integrations read:operations write:operations submit:leads *".split()
)


class NewKey(NamedTuple):
    """A newly generated key. `secret` is shown once and never stored."""

    secret: str
    prefix: str  # enough to recognise it in a list, too little to guess it
    digest: bytes


def new_key() -> NewKey:
    """Generate a key."""
    body = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM))
    secret = body + _checksum(body)
    return NewKey(secret, secret[: len(PREFIX) + 6], digest(secret))


def well_formed(secret: str) -> bool:
    """Return whether the text has the length, the prefix and the checksum of a key."""
    if len(secret) != LENGTH or not secret.startswith(PREFIX) or not secret.isascii():
        return False
    body, check = secret[:-CHECK], secret[-CHECK:]
    return secrets.compare_digest(_checksum(body), check)


def digest(secret: str) -> bytes:
    """Return the hash that is stored of a key. Bytes of a header that are not valid text are hashed unchanged."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()


def _checksum(body: str) -> str:
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECK):
        value, rest = divmod(value, len(ALPHABET))
        digits = ALPHABET[rest] + digits
    return digits
