"""Submission ids. Both kinds are UUIDs (RFC 9562) and carry or name the time they were received."""

import hashlib
import os
import time
from datetime import UTC, datetime

LAST = 253_402_300_799_000  # milliseconds: 9999-12-31T23:59:59, beyond which there is no datetime


def now_ms() -> int:
    """Milliseconds since the epoch: the precision in which `received_at` is kept, so that a UUIDv7 tells it whole."""
    return time.time_ns() // 1_000_000


def uuid7(ms: int) -> str:
    """A version 7 UUID of that millisecond."""
    random = os.urandom(10)
    digits = random.hex()
    variant = "89ab"[random[9] & 3]
    return f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{digits[:3]}-{variant}{digits[3:6]}-{digits[6:18]}"


def keyed(workspace_id: int, channel: str, key: str) -> str:
    """The version 5 UUID of an idempotency key: a repeat finds itself even while the database is away."""
    digest = hashlib.sha1(f"leadhub\0{workspace_id}\0{channel}\0{key}".encode(), usedforsecurity=False).digest()
    value = int.from_bytes(digest[:16])
    value = value & ~(0xF << 76) & ~(0b11 << 62) | 5 << 76 | 0b10 << 62
    return _dashed(f"{value:032x}")


def time_of(submission_id: str) -> datetime | None:
    """When a version 7 id was received; None for one of a key, whose time is in `submission_keys`, or a stranger."""
    digits = submission_id.replace("-", "")
    if digits[12] != "7" or (ms := int(digits[:12], 16)) > LAST:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC)


def _dashed(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
