"""API keys: how they are made, recognised and kept.

A key is `lh_` + 32 random characters + 6 of checksum (CRC-32, as in GitHub's tokens), all base 62. The checksum lets a
mistyped or invented key be refused without asking the database. Only the SHA-256 of a key is stored: it has 190 bits of
entropy, so there is nothing that a slow hash would protect.
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
    """A key at its making: `secret` is shown once and never stored."""

    secret: str
    prefix: str  # enough to recognise it in a list, too little to guess it
    digest: bytes


def new_key() -> NewKey:
    """A fresh key."""
    body = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM))
    secret = body + _checksum(body)
    return NewKey(secret, secret[: len(PREFIX) + 6], digest(secret))


def well_formed(secret: str) -> bool:
    """Whether the text can be a key at all: its length, its alphabet and its checksum."""
    if len(secret) != LENGTH or not secret.startswith(PREFIX) or not secret.isascii():
        return False
    body, check = secret[:-CHECK], secret[-CHECK:]
    return secrets.compare_digest(_checksum(body), check)


def digest(secret: str) -> bytes:
    """What is stored of a key. A header may bring bytes that are no text: they are digested as they came."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()


def _checksum(body: str) -> str:
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(CHECK):
        value, rest = divmod(value, len(ALPHABET))
        digits = ALPHABET[rest] + digits
    return digits
