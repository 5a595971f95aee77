"""Who stands behind the names of the audit log: anybody may rename themselves, and a key may be named like a person."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from shared.platform.db.connections import Connection

READ_ACTORS_SQL = """
SELECT 'user', id, email, name FROM accounts WHERE id = ANY(%(user)s)
UNION ALL
SELECT 'key', id, prefix, name FROM api_keys WHERE workspace_id = %(workspace_id)s AND id = ANY(%(key)s)
"""

ActorReference = tuple[str | None, int | None]  # kind and id


class AuditIdentity(NamedTuple):
    """What tells an actor from others: the e-mail address of a user, or the prefix of a key. `name` is today's."""

    mark: str
    name: str


async def read_identities(
    connection: Connection, workspace_id: int, entries: Iterable[Mapping[str, Any]]
) -> dict[ActorReference, AuditIdentity]:
    """Return the actors of a workspace's entries, as far as they are users and keys."""
    ids: dict[str, set[int]] = {"user": set(), "key": set()}
    for entry in entries:
        if entry["actor_kind"] in ids and entry["actor_id"] is not None:
            ids[entry["actor_kind"]].add(entry["actor_id"])
    values = {"workspace_id": workspace_id, **{kind: sorted(found) for kind, found in ids.items()}}
    rows = await (await connection.execute(READ_ACTORS_SQL, values)).fetchall()
    return {(kind, id_): AuditIdentity(mark, name) for kind, id_, mark, name in rows}
