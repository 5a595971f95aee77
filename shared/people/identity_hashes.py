"""Keyed hashes of identities: by them an erased person is known again, and nobody can read who it was. Pure."""

import hashlib
import hmac
import os
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from shared.leads.placement import WorkspaceSettings
from shared.leads.submission import AcceptedSubmission, normalise_submission

HASH_KEY_BYTES = 32
HASH_BYTES = 16

PersonIdentity = tuple[str, str]  # kind (email, phone or external) and normalised value


def new_hash_key() -> str:
    """Return a random key, in hexadecimal."""
    return os.urandom(HASH_KEY_BYTES).hex()


def hash_identity(key: str, kind: str, value: str) -> bytes:
    """Return the keyed hash of an identity: HMAC-SHA-256 (RFC 2104), cut to 16 bytes."""
    return hmac.digest(bytes.fromhex(key), f"{kind}\0{value}".encode(errors="surrogatepass"), hashlib.sha256)[
        :HASH_BYTES
    ]


def hash_identities(key: str, identities: Iterable[PersonIdentity]) -> list[bytes]:
    """Return the hashes of identities, sorted."""
    return sorted({hash_identity(key, kind, value) for kind, value in identities})


class PersonMatcher(NamedTuple):
    """Knows a person again by the hashes of identities."""

    key: str
    hashes: frozenset[bytes]

    def matches(self, identities: Collection[PersonIdentity]) -> bool:
        """Return whether one of the identities is the person's."""
        return any(hash_identity(self.key, kind, value) in self.hashes for kind, value in identities)


def identities_of_body(body: Any, settings: WorkspaceSettings) -> set[PersonIdentity]:
    """Return the identities that ingest would find in a submission's body. A body of any shape can be stored."""
    if not isinstance(body, dict):
        return set()
    submission = AcceptedSubmission("", 0, settings.id, "", None, None, body, None, "", 0, 0)
    try:
        normalise_submission(
            submission,
            country=settings.country,
            fold_gmail=settings.fold_gmail,
            never_join=settings.never_join,
        )
    except (TypeError, ValueError, AttributeError):
        return set()
    return {(kind, value) for _, kind, value in submission.keys}
