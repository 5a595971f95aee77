"""A tag is merged into another: its leads get the other, once, and its name stays as another name of that.

What still arrives by the old name gets the tag. Nothing happens to the leads: no entry, no automation, no webhook.
"""

from typing import Any

from shared.leads import reference_locks
from shared.leads.tag_management import ManagedTag, find_tag
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound, ValidationFailed

INTO_ERRORS = {"into": ["The into field must be another tag of the workspace."]}
STILL_MOVING_MESSAGE = "Leads still get the tag that it was merged into: wait until all have it."

MERGE_TAG_SQL = """
UPDATE tags SET alias_of = %(into)s, updated_at = now()
WHERE workspace_id = %(workspace)s AND (id = %(tag)s OR alias_of = %(tag)s)
"""
COUNT_BOTH_SQL = """
SELECT count(*) FROM leads WHERE workspace_id = %s AND tag_ids @> ARRAY[%s, %s]::bigint[]
"""
FIND_ALIAS_SQL = """
SELECT id FROM tags WHERE workspace_id = %s AND alias_of = %s AND lower(upper(name)) = lower(upper(%s))
"""
# By the index of tags.
HOLDS_LEADS_SQL = "SELECT EXISTS (SELECT FROM leads WHERE workspace_id = %s AND tag_ids @> ARRAY[%s]::bigint[])"
DELETE_ALIAS_SQL = "DELETE FROM tags WHERE workspace_id = %s AND id = %s"
KEEP_NAME_SQL = "INSERT INTO tags (workspace_id, name, alias_of) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"


class TagCountMoved(Conflict):
    """The confirmed number of leads is not the number any more. The response names the new one."""

    def __init__(self, count: int, confirmed: int) -> None:
        super().__init__(f"{count} leads have the tag by now, not {confirmed}.")
        self.count = count

    def response_body(self) -> dict[str, Any]:
        """Return the error envelope with the `count`."""
        return {**super().response_body(), "count": self.count}


async def merge_tags(
    connection: Connection, workspace_id: int, tag_id: int, into: int, confirmed: int | None = None
) -> ManagedTag:
    """Give all leads of a tag another, and return that one. Over 1,000 leads get it in the background.

    Raises NotFound, ValidationFailed for an `into` that is no other tag, and TagCountMoved.
    """
    await reference_locks.lock_exclusive(connection, workspace_id)
    tag = await find_tag(connection, workspace_id, tag_id)
    if into == tag_id:
        raise ValidationFailed(INTO_ERRORS)
    try:
        await find_tag(connection, workspace_id, into)
    except NotFound:
        raise ValidationFailed(INTO_ERRORS) from None
    if confirmed is not None and tag.leads_count != confirmed:
        raise TagCountMoved(tag.leads_count, confirmed)
    await connection.execute(MERGE_TAG_SQL, {"workspace": workspace_id, "tag": tag_id, "into": into})
    await reference_locks.clear_reference(connection, workspace_id, "tag", tag_id)
    return await find_tag(connection, workspace_id, into)


async def count_leads_with_both(connection: Connection, workspace_id: int, one: int, other: int) -> int:
    """Return how many leads have both tags."""
    [(count,)] = await (await connection.execute(COUNT_BOTH_SQL, (workspace_id, one, other))).fetchall()
    return int(count)


async def keep_old_name(connection: Connection, workspace_id: int, tag_id: int, name: str) -> None:
    """Keep the name that a tag had as another name of it."""
    await connection.execute(KEEP_NAME_SQL, (workspace_id, name, tag_id))


async def forget_alias(connection: Connection, workspace_id: int, tag_id: int, name: str) -> None:
    """Forget another name of a tag: what arrives by it makes a new tag. Raises NotFound and Conflict."""
    await reference_locks.lock_exclusive(connection, workspace_id)
    row = await (await connection.execute(FIND_ALIAS_SQL, (workspace_id, tag_id, name))).fetchone()
    if row is None:
        raise NotFound
    [(holds_leads,)] = await (await connection.execute(HOLDS_LEADS_SQL, (workspace_id, row[0]))).fetchall()
    if holds_leads:
        raise Conflict(STILL_MOVING_MESSAGE)
    await connection.execute(DELETE_ALIAS_SQL, (workspace_id, row[0]))
