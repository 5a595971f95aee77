"""Find the addresses that want no mail of a workspace."""

from collections.abc import Collection

from shared.platform.db.connections import Connection

SUPPRESSED_ADDRESSES_SQL = """
SELECT s.workspace_id, s.email FROM unnest(%s::bigint[], %s::text[]) AS wanted(workspace_id, email)
JOIN suppressions s ON s.workspace_id = wanted.workspace_id AND s.email = wanted.email
"""

AddressKey = tuple[int, str]  # a workspace, and an address in lower case


async def find_suppressed(connection: Connection, addresses: Collection[AddressKey]) -> set[AddressKey]:
    """Return those of the addresses that get no mail."""
    if not addresses:
        return set()
    columns = tuple(map(list, zip(*addresses, strict=True)))
    return {*await (await connection.execute(SUPPRESSED_ADDRESSES_SQL, columns)).fetchall()}
