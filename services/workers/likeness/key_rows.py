"""Look up and write blocking keys. A full key closes: one row of lead -1 stands for it, and costs one row to read."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from services.workers.likeness.candidate_ranking import CLOSED_KEY_LEAD, KEY_CAP
from services.workers.likeness.sql_arrays import bigint_array
from shared.platform.db.connections import Connection

LOOK_UP_SQL = f"""
SELECT k.key, found.lead_id FROM unnest(%s::bigint[]) AS k(key), LATERAL (
    SELECT lead_id FROM likeness_keys WHERE workspace_id = %s AND key = k.key
    ORDER BY lead_id LIMIT {KEY_CAP + 1}) found
"""
WRITE_SQL = f"""
WITH gone AS (
    DELETE FROM likeness_keys k USING unnest(%(old_keys)s::bigint[], %(old_leads)s::bigint[]) AS old(key, lead_id)
    WHERE k.workspace_id = %(w)s AND k.key = old.key AND k.lead_id = old.lead_id
), full_keys AS (
    DELETE FROM likeness_keys k USING unnest(%(full)s::bigint[]) AS old(key)
    WHERE k.workspace_id = %(w)s AND k.key = old.key AND k.lead_id <> {CLOSED_KEY_LEAD}
)
INSERT INTO likeness_keys (workspace_id, key, lead_id)
SELECT %(w)s, key, lead_id FROM (
    SELECT * FROM unnest(%(new_keys)s::bigint[], %(new_leads)s::bigint[]) AS new(key, lead_id)
    UNION ALL SELECT key, {CLOSED_KEY_LEAD} FROM unnest(%(full)s::bigint[]) AS new(key)) AS written
ORDER BY key, lead_id ON CONFLICT DO NOTHING
"""

KeyedLeads = Mapping[int, Sequence[int]]  # keys by lead


class KeyTable:
    """The open keys of a batch: which leads have them, those of the batch included; and the keys that are closed."""

    def __init__(self, stored: Mapping[int, list[int]], batch: KeyedLeads) -> None:
        self.closed = {key for key, leads in stored.items() if leads[0] == CLOSED_KEY_LEAD}
        self.sharers: dict[int, list[int]] = {}
        bearers: dict[int, list[int]] = defaultdict(list)
        for lead_id, keys in batch.items():
            for key in keys:
                bearers[key].append(lead_id)
        for key, leads in bearers.items():
            if key not in self.closed:
                known = stored.get(key)
                self.sharers[key] = leads if known is None and len(leads) == 1 else sorted({*leads, *(known or ())})
        self.full = [key for key, leads in self.sharers.items() if len(leads) > KEY_CAP]

    def open_sharers(self, keys: Iterable[int]) -> dict[int, list[int]]:
        """Return the leads of each key that is open. A key that closes with this batch serves it once more."""
        return {key: self.sharers[key][: KEY_CAP + 1] for key in keys if key in self.sharers}

    def writable(self, key: int) -> bool:
        return key in self.sharers and len(self.sharers[key]) <= KEY_CAP


async def look_up_keys(connection: Connection, workspace_id: int, batch: KeyedLeads) -> KeyTable:
    """Read at most 51 rows of each key of the batch."""
    keys = sorted({key for keys in batch.values() for key in keys})
    stored: dict[int, list[int]] = defaultdict(list)
    if keys:
        cursor = await connection.execute(LOOK_UP_SQL, (bigint_array(keys), workspace_id))
        for key, lead_id in await cursor.fetchall():
            stored[key].append(lead_id)
    return KeyTable(stored, batch)


async def write_keys(
    connection: Connection, workspace_id: int, table: KeyTable, new: KeyedLeads, old: KeyedLeads
) -> None:
    """Write new keys, delete old ones and close full ones. A key that stays is in neither."""
    added = [(key, lead_id) for lead_id, keys in new.items() for key in keys if table.writable(key)]
    dropped = [(key, lead_id) for lead_id, keys in old.items() for key in keys]
    if not added and not dropped and not table.full:
        return
    values = {
        "w": workspace_id,
        "old_keys": bigint_array(key for key, _ in dropped),
        "old_leads": bigint_array(lead for _, lead in dropped),
        "new_keys": bigint_array(key for key, _ in added),
        "new_leads": bigint_array(lead for _, lead in added),
        "full": bigint_array(table.full),
    }
    await connection.execute(WRITE_SQL, values)
