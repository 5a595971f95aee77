"""Addresses that get no mail as leads: listed, found, added and removed.

Each function that writes needs a transaction of the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from shared.intake.change_author import ChangeAuthor
from shared.platform.db.connections import Connection
from shared.platform.errors import NotFound
from shared.platform.web.path_params import MAX_ID

SuppressionReason = Literal["unsubscribed", "manual"]

COUNTED_SUPPRESSIONS: Final = 10_000  # more are not counted
CHUNK_ADDRESSES: Final = 5_000  # of one statement
MAX_ADDED: Final = 1_000_000  # addresses of a workspace, from which its team adds no more; the links always work

_COLUMNS = "id, email, reason, note, created_by, created_at"
LIST_SUPPRESSIONS_SQL = f"""
SELECT {_COLUMNS} FROM suppressions
WHERE workspace_id = %(workspace)s AND id < %(before)s AND (%(text)s = '' OR strpos(email, %(text)s) > 0)
ORDER BY id DESC LIMIT %(limit)s
"""
# One transaction adds a group: its rows have its time.
_GROUP = """
workspace_id = %(workspace)s AND reason = 'manual' AND created_at = %(at)s
AND created_by IS NOT DISTINCT FROM %(by)s::jsonb
"""
LIST_GROUP_SQL = (
    f"SELECT {_COLUMNS} FROM suppressions WHERE {_GROUP} AND id < %(before)s ORDER BY id DESC LIMIT %(limit)s"
)
COUNT_GROUP_SQL = f"SELECT count(*) FROM suppressions WHERE {_GROUP}"
DELETE_GROUP_SQL = f"DELETE FROM suppressions WHERE {_GROUP} RETURNING id"
COUNT_SUPPRESSIONS_SQL = """
SELECT count(*) FROM (SELECT FROM suppressions WHERE workspace_id = %s LIMIT %s) counted
"""
FIND_SUPPRESSION_SQL = f"SELECT {_COLUMNS} FROM suppressions WHERE workspace_id = %s AND id = %s"
# As the senders compare: see `services/workers/deliveries/targets.py`.
FIND_SUPPRESSION_OF_SQL = f"SELECT {_COLUMNS} FROM suppressions WHERE workspace_id = %s AND email = lower(%s)"
# Rows are inserted in the order of their unique key, so that two writers cannot wait for one another.
SUPPRESS_ADDRESSES_SQL = """
INSERT INTO suppressions (workspace_id, email, reason, note, created_by)
SELECT %s, email, %s, %s, %s FROM unnest(%s::text[]) AS wanted(email) ORDER BY email COLLATE "C"
ON CONFLICT DO NOTHING RETURNING id
"""
DELETE_SUPPRESSION_SQL = "DELETE FROM suppressions WHERE workspace_id = %s AND id = %s RETURNING id"


@dataclass(frozen=True, slots=True)
class ManagedSuppression:
    """An address that gets no mail. `created_by` is the author as JSON; None if the person unsubscribed by a link."""

    id: int
    email: str
    reason: SuppressionReason
    note: str | None
    created_by: dict[str, Any] | None
    created_at: datetime


async def list_suppressions(
    connection: Connection, workspace_id: int, text: str = "", *, limit: int, before: int = MAX_ID
) -> list[ManagedSuppression]:
    """Return suppressions older than `before`, newest first: those whose address has the `text` in any case."""
    values = {"workspace": workspace_id, "before": before, "text": text.strip().lower(), "limit": limit}
    async with connection.cursor(row_factory=class_row(ManagedSuppression)) as cursor:
        await cursor.execute(LIST_SUPPRESSIONS_SQL, values)
        return await cursor.fetchall()


async def count_suppressions(connection: Connection, workspace_id: int) -> int:
    """Return how many addresses get no mail, up to `COUNTED_SUPPRESSIONS`."""
    [(count,)] = await (
        await connection.execute(COUNT_SUPPRESSIONS_SQL, (workspace_id, COUNTED_SUPPRESSIONS))
    ).fetchall()
    return int(count)


async def find_suppression(connection: Connection, workspace_id: int, id_: int) -> ManagedSuppression:
    """Return a suppression. Raises NotFound."""
    suppression = await _read_one(connection, FIND_SUPPRESSION_SQL, (workspace_id, id_))
    if suppression is None:
        raise NotFound
    return suppression


async def find_suppression_of(
    connection: Connection, workspace_id: int, email: str | None
) -> ManagedSuppression | None:
    """Return the suppression of a lead's address, None if mail is sent there."""
    return await _read_one(connection, FIND_SUPPRESSION_OF_SQL, (workspace_id, email)) if email else None


async def suppress_addresses(
    connection: Connection,
    workspace_id: int,
    emails: Sequence[str],
    reason: SuppressionReason,
    *,
    note: str | None = None,
    author: ChangeAuthor | None = None,
) -> list[int]:
    """Suppress normalised addresses and return the ids of the new rows. Those that are suppressed stay as they are."""
    by = Jsonb(author.to_json()) if author else None
    ids: list[int] = []
    wanted = sorted(emails)  # over the chunks too, the order of the unique key
    for start in range(0, len(wanted), CHUNK_ADDRESSES):
        chunk = wanted[start : start + CHUNK_ADDRESSES]
        values = (workspace_id, reason, (note or "").strip() or None, by, chunk)
        ids += [row[0] for row in await (await connection.execute(SUPPRESS_ADDRESSES_SQL, values)).fetchall()]
    return ids


async def has_room(connection: Connection, workspace_id: int, added: int) -> bool:
    """Return whether a workspace's list may be added to by so many addresses."""
    [(count,)] = await (await connection.execute(COUNT_SUPPRESSIONS_SQL, (workspace_id, MAX_ADDED))).fetchall()
    return int(count) + added <= MAX_ADDED


async def list_group(
    connection: Connection, workspace_id: int, member: ManagedSuppression, *, limit: int, before: int = MAX_ID
) -> list[ManagedSuppression]:
    """Return the addresses that were added together with one, newest first."""
    async with connection.cursor(row_factory=class_row(ManagedSuppression)) as cursor:
        await cursor.execute(
            LIST_GROUP_SQL.encode(), {**_group_values(workspace_id, member), "before": before, "limit": limit}
        )
        return await cursor.fetchall()


async def count_group(connection: Connection, workspace_id: int, member: ManagedSuppression) -> int:
    """Return how many addresses were added together with one, itself included, and are still there."""
    [(count,)] = await (await connection.execute(COUNT_GROUP_SQL, _group_values(workspace_id, member))).fetchall()
    return int(count)


async def delete_group(connection: Connection, workspace_id: int, id_: int) -> int:
    """Remove the addresses that were added together with one, and return how many. Raises NotFound."""
    member = await find_suppression(connection, workspace_id, id_)
    deleted = await (await connection.execute(DELETE_GROUP_SQL, _group_values(workspace_id, member))).fetchall()
    if not deleted:
        raise NotFound
    return len(deleted)


async def delete_suppression(connection: Connection, workspace_id: int, id_: int) -> None:
    """Remove an address from the list: it gets mail again. Raises NotFound."""
    if not await (await connection.execute(DELETE_SUPPRESSION_SQL, (workspace_id, id_))).fetchall():
        raise NotFound


def _group_values(workspace_id: int, member: ManagedSuppression) -> dict[str, Any]:
    by = Jsonb(member.created_by) if member.created_by else None
    return {"workspace": workspace_id, "at": member.created_at, "by": by}


async def _read_one(connection: Connection, statement: str, values: tuple[Any, ...]) -> ManagedSuppression | None:
    async with connection.cursor(row_factory=class_row(ManagedSuppression)) as cursor:
        await cursor.execute(statement.encode(), values)
        return await cursor.fetchone()
