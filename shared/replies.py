"""Verdicts on their way back to the caller who waits.

A worker sends them by `pg_notify` inside its transaction, so that there is no moment between commit and publish in
which it could die. Addressed by request, since twins of one idempotency key share a submission id.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

REUSED = "Idempotency-Key: the same key came again with another body; nothing was changed."
MOST_BYTES = 7_900  # PostgreSQL refuses a notification of 8,000 bytes


class Verdict(NamedTuple):
    """What became of a submission."""

    state: str  # done, dead, conflict
    lead_id: int | None = None
    is_duplicate: bool | None = None
    matched_on: list[str] | None = None
    warnings: list[str] | None = None
    replayed: bool = False  # the first's verdict, to a repeat of its idempotency key

    def repeated(self) -> "Verdict":
        """To a repeat: without the note that others used the key for something else."""
        return self._replace(warnings=[w for w in self.warnings or () if w != REUSED] or None, replayed=True)


# A verdict too long to send is looked up by the gateway in the submission's row.
LOOK_UP = "look-up"

Reply = tuple[int, Verdict]


def packed(replies: Iterable[Reply]) -> list[str]:
    """Payloads for one gateway, each short enough for a notification."""
    payloads: list[str] = []
    parts: list[bytes] = []
    size = 2
    for number, verdict in replies:
        part = orjson.dumps([number, *verdict])
        if len(part) > MOST_BYTES - 2:
            part = orjson.dumps([number, *Verdict(LOOK_UP)])
        if size + len(part) + 1 > MOST_BYTES:
            payloads.append(_joined(parts))
            parts, size = [], 2
        parts.append(part)
        size += len(part) + 1
    if parts:
        payloads.append(_joined(parts))
    return payloads


def unpacked(payload: bytes | str) -> list[Reply]:
    """The replies of one notification."""
    items: list[list[Any]] = orjson.loads(payload)
    return [(item[0], Verdict(*item[1:])) for item in items]


def _joined(parts: list[bytes]) -> str:
    return (b"[" + b",".join(parts) + b"]").decode()
