"""Versions of submissions: the payload as it came, and each payload that somebody replayed in its place."""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

from shared.intake.change_author import ChangeAuthor
from shared.intake.payload_changes import PayloadDifference
from shared.platform.db.connections import Connection, as_json

# Version 1 is the payload as it came. It is written once, with the first version that replaces it.
KEEP_ORIGINALS_SQL = """
INSERT INTO submission_versions (workspace_id, submission_id, version, received_at, payload, created_at)
SELECT s.workspace_id, s.id, 1, s.received_at, s.payload, s.received_at
FROM submissions s, unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS w(id, received_at)
WHERE s.workspace_id = %(workspace)s AND s.id = w.id AND s.received_at = w.received_at
ON CONFLICT DO NOTHING
"""
ADD_VERSIONS_SQL = """
INSERT INTO submission_versions (workspace_id, submission_id, version, received_at, payload, changes, author, reason)
SELECT %(workspace)s, w.id, 1 + (SELECT max(version) FROM submission_versions v
                                 WHERE v.workspace_id = %(workspace)s AND v.submission_id = w.id),
       w.received_at, w.payload, w.changes::jsonb, %(author)s::jsonb, %(reason)s
FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[], %(payloads)s::bytea[], %(changes)s::text[])
     AS w(id, received_at, payload, changes)
"""
LIST_VERSIONS_SQL = """
SELECT version, created_at, author, reason, payload, changes FROM submission_versions
WHERE workspace_id = %s AND submission_id = %s ORDER BY version DESC
"""
ORIGINAL_PAYLOAD_SQL = """
SELECT payload FROM submission_versions WHERE workspace_id = %s AND submission_id = %s AND version = 1
"""


class NewVersion(NamedTuple):
    """A payload (JSON) that takes the place of another one."""

    submission_id: uuid.UUID
    received_at: Any  # datetime
    payload: bytes
    changes: list[PayloadDifference]


async def add_versions(
    connection: Connection, workspace_id: int, versions: Sequence[NewVersion], author: ChangeAuthor, reason: str | None
) -> None:
    """Store versions of submissions that are still in `submissions`, in the caller's transaction."""
    if not versions:
        return
    values = {
        "workspace": workspace_id,
        "ids": [each.submission_id for each in versions],
        "times": [each.received_at for each in versions],
        "payloads": [each.payload for each in versions],
        "changes": [as_json(each.changes) for each in versions],
        "author": as_json(author.to_json()),
        "reason": reason,
    }
    await connection.execute(KEEP_ORIGINALS_SQL, values)
    await connection.execute(ADD_VERSIONS_SQL, values)


async def list_versions(connection: Connection, workspace_id: int, submission_id: uuid.UUID) -> list[dict[str, Any]]:
    """Return the versions of a submission, newest first, each with its payload as bytes; none if nothing was
    changed."""
    rows = await (await connection.execute(LIST_VERSIONS_SQL, (workspace_id, submission_id))).fetchall()
    names = ("version", "created_at", "author", "reason", "payload", "changes")
    return [dict(zip(names, row, strict=True)) for row in rows]


async def original_payload(connection: Connection, workspace_id: int, submission_id: uuid.UUID) -> bytes | None:
    """Return the payload as it came of a submission that was changed, else None."""
    row = await (await connection.execute(ORIGINAL_PAYLOAD_SQL, (workspace_id, submission_id))).fetchone()
    return bytes(row[0]) if row else None
