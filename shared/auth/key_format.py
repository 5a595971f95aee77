"""The format of API keys: how they are generated, recognised and hashed.

A key is `lh_`, 32 random characters and a checksum of 6 characters (CRC-32, as in GitHub's tokens), all in base 62. The
checksum allows a mistyped or invented key to be refused without a query. Only the SHA-256 of a key is stored. Keys have
190 bits of entropy, so that a slow hash would add no protection.
"""

import hashlib
import secrets
import zlib
from typing import NamedTuple

KEY_PREFIX = "lh_"
KEY_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KEY_RANDOM_LENGTH, KEY_CHECKSUM_LENGTH = 32, 6
KEY_LENGTH = len(KEY_PREFIX) + KEY_RANDOM_LENGTH + KEY_CHECKSUM_LENGTH

ALL_SCOPES = frozenset(
    "read:leads write:leads delete:leads read:pipelines write:pipelines read:tags write:tags read:users write:users "
    "delete:users read:forms write:forms delete:forms read:automations write:automations delete:automations "
    "read:integrations write:integrations read:operations write:operations submit:leads *".split()
)


class GeneratedKey(NamedTuple):
    """A newly generated key. `secret` is shown once and never stored."""

    secret: str
    prefix: str  # enough to recognise it in a list, too little to guess it
    digest: bytes


def generate_key() -> GeneratedKey:
    """Generate a key."""
    body = KEY_PREFIX + "".join(secrets.choice(KEY_ALPHABET) for _ in range(KEY_RANDOM_LENGTH))
    secret = body + _key_checksum(body)
    return GeneratedKey(secret, secret[: len(KEY_PREFIX) + 6], hash_key(secret))


def is_well_formed(secret: str) -> bool:
    """Return whether the text has the length, the prefix and the checksum of a key."""
    if len(secret) != KEY_LENGTH or not secret.startswith(KEY_PREFIX) or not secret.isascii():
        return False
    body, check = secret[:-KEY_CHECKSUM_LENGTH], secret[-KEY_CHECKSUM_LENGTH:]
    return secrets.compare_digest(_key_checksum(body), check)


def hash_key(secret: str) -> bytes:
    """Return the hash that is stored of a key. Bytes of a header that are not valid text are hashed unchanged."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()


def _key_checksum(body: str) -> str:
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(KEY_CHECKSUM_LENGTH):
        value, rest = divmod(value, len(KEY_ALPHABET))
        digits = KEY_ALPHABET[rest] + digits
    return digits
