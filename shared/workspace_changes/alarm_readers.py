"""The users who can be told of a workspace's alarms."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.operations.workspace_alarms import named_readers
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors

MAX_OFFERED_USERS = 200
UNKNOWN_USER_MESSAGE = "The {field} field: there is no active user {id}."
OFFERED_USERS_SQL = f"""
SELECT id, name, email, role FROM users WHERE workspace_id = %s AND is_active
ORDER BY role <> 'admin', lower(name), id LIMIT {MAX_OFFERED_USERS}
"""
KNOWN_USERS_SQL = "SELECT id FROM users WHERE workspace_id = %s AND is_active AND id = ANY(%s)"
COUNT_ADMINS_SQL = "SELECT count(*) FROM users WHERE workspace_id = %s AND is_active AND role = 'admin'"


class OfferedUser(NamedTuple):
    """A user who may be told."""

    id: int
    name: str
    email: str
    role: str


async def read_offered_users(connection: Connection, workspace_id: int) -> list[OfferedUser]:
    """Return the active users, admins first."""
    rows = await (await connection.execute(OFFERED_USERS_SQL, (workspace_id,))).fetchall()
    return [OfferedUser(*row) for row in rows]


async def find_unknown_readers(connection: Connection, workspace_id: int, fields: Mapping[str, Any]) -> FieldErrors:
    """Return the errors of readers whom the workspace does not have, by field."""
    readers = named_readers(fields)
    wanted = sorted({id_ for ids in readers.values() for id_ in ids})
    if not wanted:
        return {}
    rows = await (await connection.execute(KNOWN_USERS_SQL, (workspace_id, wanted))).fetchall()
    known = {id_ for (id_,) in rows}
    return {
        field: [UNKNOWN_USER_MESSAGE.format(field=field, id=unknown[0])]
        for code, ids in readers.items()
        if (unknown := [id_ for id_ in ids if id_ not in known]) and (field := f"alarms.{code}.user_ids")
    }


async def count_readers(connection: Connection, workspace_id: int, user_ids: list[int] | None) -> int:
    """Return how many are told."""
    if user_ids is not None:
        return len(user_ids)
    row = await (await connection.execute(COUNT_ADMINS_SQL, (workspace_id,))).fetchone()
    return int(row[0]) if row else 0
