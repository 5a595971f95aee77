"""Say that two leads are not one person, and take it back."""

from shared.likeness.pair_list import PairDict, read_pair
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound

# A hash of 0 has the engine note what the leads were like: a pair that came of a merge has none yet.
DISMISS_SQL = """
UPDATE duplicate_pairs SET state = 'dismissed', dismissed_bits = bits, dismissed_by = %(by)s,
       dismissed_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE workspace_id = %(workspace)s AND id = %(id)s AND state = 'open'
"""
REOPEN_SQL = """
UPDATE duplicate_pairs SET state = 'open', dismissed_bits = NULL, dismissed_by = NULL, dismissed_at = NULL,
       updated_at = clock_timestamp()
WHERE workspace_id = %(workspace)s AND id = %(id)s AND state = 'dismissed'
"""
# As an edit queues it: the pair may have changed while it was dismissed.
QUEUE_LEADS_SQL = """
INSERT INTO likeness_queue (workspace_id, lead_ids, is_rescored)
SELECT workspace_id, ARRAY[lead_a, lead_b], true FROM duplicate_pairs WHERE workspace_id = %s AND id = %s
"""
MERGED_MESSAGE = "These leads are merged. Unmerge them first."
NOT_FOUND_NOUN = "There is no pair {id}."


async def dismiss_pair(connection: Connection, workspace_id: int, pair_id: int, by: str) -> PairDict:
    """Dismiss an open pair; a dismissed one stays as it is. `by` is who says so, such as `user:7`.

    It comes back only when a name, email or phone of either lead changes and the evidence is clearly stronger.
    Raises NotFound, and Conflict for a merged pair.
    """
    return await _set_state(connection, workspace_id, pair_id, DISMISS_SQL, by)


async def reopen_pair(connection: Connection, workspace_id: int, pair_id: int) -> PairDict:
    """Reopen a dismissed pair; an open one stays as it is. Raises NotFound, and Conflict for a merged pair."""
    pair = await _set_state(connection, workspace_id, pair_id, REOPEN_SQL, "")
    await connection.execute(QUEUE_LEADS_SQL, (workspace_id, pair_id))
    return pair


async def _set_state(connection: Connection, workspace_id: int, pair_id: int, statement: str, by: str) -> PairDict:
    await connection.execute(statement, {"workspace": workspace_id, "id": pair_id, "by": by})
    pair = await read_pair(connection, workspace_id, pair_id)
    if pair is None:
        raise NotFound(NOT_FOUND_NOUN.format(id=pair_id))
    if pair["state"] == "merged":
        raise Conflict(MERGED_MESSAGE)
    return pair
