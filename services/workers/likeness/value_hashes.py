"""64-bit hashes of values and keys. Pure."""

import hashlib


def hash_value(kind: str, text: str) -> int:
    """Return a hash as PostgreSQL's bigint. It is never 0, the hash that counts all leads."""
    digest = hashlib.blake2b(f"{kind}\0{text}".encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True) or 1
