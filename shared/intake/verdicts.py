"""Verdicts on their way from the worker to the gateway whose caller waits.

A worker sends them with `pg_notify` right behind its commit (`shared/platform/db/late_notices.py` says why). If it dies
in between, the gateway finds the verdict in the submission's row. They are addressed by request, since repeats with one
idempotency key share a submission id.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

KEY_REUSED_WARNING = "Idempotency-Key: the same key came again with another body; nothing was changed."
MAX_NOTIFICATION_BYTES = 7_900  # PostgreSQL rejects a notification of 8,000 bytes


class Verdict(NamedTuple):
    """The outcome of a submission."""

    state: str  # done, dead, conflict
    lead_id: int | None = None
    is_duplicate: bool | None = None
    matched_on: list[str] | None = None
    warnings: list[str] | None = None
    replayed: bool = False  # a repeat of an idempotency key gets the verdict of the first request

    def for_repeat(self) -> "Verdict":
        """Return this verdict for a repeat: without the warning that other requests reused the key."""
        return self._replace(
            warnings=[w for w in self.warnings or () if w != KEY_REUSED_WARNING] or None, replayed=True
        )


# The state in place of a verdict that is too long to send. The gateway reads it from the submission's row.
LOOK_UP_STATE = "look-up"

VerdictReply = tuple[int, Verdict]


def encode_replies(replies: Iterable[VerdictReply]) -> list[str]:
    """Encode replies to one gateway as payloads, each short enough for a notification."""
    payloads: list[str] = []
    parts: list[bytes] = []
    size = 2
    for number, verdict in replies:
        part = orjson.dumps([number, *verdict])
        if len(part) > MAX_NOTIFICATION_BYTES - 2:
            part = orjson.dumps([number, *Verdict(LOOK_UP_STATE)])
        if size + len(part) + 1 > MAX_NOTIFICATION_BYTES:
            payloads.append(_json_array(parts))
            parts, size = [], 2
        parts.append(part)
        size += len(part) + 1
    if parts:
        payloads.append(_json_array(parts))
    return payloads


def decode_replies(payload: bytes | str) -> list[VerdictReply]:
    """Decode the replies of one notification."""
    items: list[list[Any]] = orjson.loads(payload)
    return [(item[0], Verdict(*item[1:])) for item in items]


def _json_array(parts: list[bytes]) -> str:
    return (b"[" + b",".join(parts) + b"]").decode()
