"""Submission ids: UUIDs (RFC 9562), random ones with the time of receipt and ones derived from an idempotency key."""

import hashlib
import os
import time
from datetime import UTC, datetime

MAX_TIMESTAMP_MS = (
    253_402_300_799_000  # milliseconds: 9999-12-31T23:59:59, the last second that `datetime` can represent
)


def now_ms() -> int:
    """Return milliseconds since the epoch: the precision of `received_at`, so that a UUIDv7 contains all of it."""
    return time.time_ns() // 1_000_000


def uuid7(ms: int) -> str:
    """Return a new version 7 UUID of that millisecond."""
    random = os.urandom(10)
    digits = random.hex()
    variant = "89ab"[random[9] & 3]
    return f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{digits[:3]}-{variant}{digits[3:6]}-{digits[6:18]}"


def numbered_uuid7(ms: int, series: str, number: int) -> str:
    """Return the version 7 UUID of that millisecond that the n-th item of a series always has.

    `number` is below 2**32. Ids of a series are in its order, so that an index takes them at its end.
    """
    digest = hashlib.sha1(f"leadhub\0{series}".encode(), usedforsecurity=False).digest()
    tail = (number & 0xFFFFFFFF) << 42 | int.from_bytes(digest[:8]) & (1 << 42) - 1
    value = ms << 80 | 7 << 76 | (tail >> 62) << 64 | 0b10 << 62 | tail & (1 << 62) - 1
    return _with_dashes(f"{value:032x}")


def idempotency_uuid(workspace_id: int, channel: str, key: str) -> str:
    """Return the version 5 UUID of an idempotency key: a repeat gets the same id even while the database is away."""
    digest = hashlib.sha1(f"leadhub\0{workspace_id}\0{channel}\0{key}".encode(), usedforsecurity=False).digest()
    value = int.from_bytes(digest[:16])
    value = value & ~(0xF << 76) & ~(0b11 << 62) | 5 << 76 | 0b10 << 62
    return _with_dashes(f"{value:032x}")


def received_time(submission_id: str) -> datetime | None:
    """Return the time of receipt that a version 7 id contains, or None for any other id.

    For ids of idempotency keys the time is in the table `submission_keys`.
    """
    digits = submission_id.replace("-", "")
    if digits[12] != "7" or (ms := int(digits[:12], 16)) > MAX_TIMESTAMP_MS:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC)


def _with_dashes(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
