"""Move pairs of leads when leads are merged, unmerged, deleted or erased.

Each function runs in the caller's transaction, after it has locked the leads. The pairs are locked in the order of
their leads, as the likeness engine locks them.
"""

from shared.platform.db.advisory_locks import LIKENESS_LOCK_CLASS
from shared.platform.db.connections import Connection

LOCK_PAIRS_SQL = """
SELECT FROM duplicate_pairs
WHERE workspace_id = %(w)s AND (lead_a = ANY(%(leads)s::bigint[]) OR lead_b = ANY(%(leads)s::bigint[]))
ORDER BY lead_a, lead_b FOR UPDATE
"""
# A pair that was none before has `before_merge` null: an unmerge deletes it.
MARK_MERGED_SQL = """
INSERT INTO duplicate_pairs AS p (workspace_id, lead_a, lead_b, state, bits, probability, evidence, reasons,
                                  contacts_hash, engine_version, merge_id)
VALUES (%(w)s, least(%(winner)s, %(loser)s), greatest(%(winner)s, %(loser)s), 'merged', 0, 1, '[]', '[]', 0, 0,
        %(merge)s)
ON CONFLICT (workspace_id, lead_a, lead_b) DO UPDATE SET
    state = 'merged', merge_id = excluded.merge_id, updated_at = clock_timestamp(),
    before_merge = jsonb_build_object('state', p.state, 'merge_id', p.merge_id, 'before', p.before_merge)
WHERE p.state <> 'merged'
"""
# The loser's own rows stay, hidden since their lead is gone, until it comes back or is erased. A hash of 0 has the
# engine fill in what the dismissal is about.
MOVE_DISMISSALS_SQL = """
INSERT INTO duplicate_pairs AS p (workspace_id, lead_a, lead_b, state, bits, probability, evidence, reasons,
                                  contacts_hash, engine_version, dismissed_bits, dismissed_by, dismissed_at, merge_id,
                                  before_merge)
SELECT workspace_id, least(%(winner)s, other), greatest(%(winner)s, other), 'dismissed', bits, probability, evidence,
       reasons, 0, engine_version, dismissed_bits, dismissed_by, dismissed_at, %(merge)s, '{"state": "absent"}'
FROM (SELECT *, CASE WHEN lead_a = %(loser)s THEN lead_b ELSE lead_a END AS other FROM duplicate_pairs
      WHERE workspace_id = %(w)s AND state = 'dismissed' AND %(loser)s IN (lead_a, lead_b)) lost
WHERE other <> %(winner)s ORDER BY 2, 3
ON CONFLICT (workspace_id, lead_a, lead_b) DO UPDATE SET
    state = 'dismissed', merge_id = excluded.merge_id, contacts_hash = 0, updated_at = clock_timestamp(),
    dismissed_bits = p.bits, dismissed_by = excluded.dismissed_by, dismissed_at = excluded.dismissed_at,
    before_merge = jsonb_build_object('state', p.state, 'merge_id', p.merge_id, 'before', p.before_merge)
WHERE p.state = ANY (ARRAY['open', 'weak'])
"""
DROP_OPEN_SQL = """
DELETE FROM duplicate_pairs
WHERE workspace_id = %(w)s AND state = ANY (ARRAY['open', 'weak']) AND %(loser)s IN (lead_a, lead_b)
"""
UNDO_NEW_SQL = """
DELETE FROM duplicate_pairs
WHERE workspace_id = %(w)s AND merge_id = %(merge)s AND coalesce(before_merge->>'state', 'absent') = 'absent'
"""
UNDO_CHANGED_SQL = """
UPDATE duplicate_pairs SET
    state = before_merge->>'state', merge_id = (before_merge->>'merge_id')::bigint,
    before_merge = nullif(before_merge->'before', 'null'), updated_at = clock_timestamp(),
    dismissed_bits = CASE WHEN before_merge->>'state' <> 'dismissed' THEN NULL ELSE dismissed_bits END,
    dismissed_by = CASE WHEN before_merge->>'state' <> 'dismissed' THEN NULL ELSE dismissed_by END,
    dismissed_at = CASE WHEN before_merge->>'state' <> 'dismissed' THEN NULL ELSE dismissed_at END
WHERE workspace_id = %(w)s AND merge_id = %(merge)s
"""
# Hash 0 counts all leads.
FORGET_LEAD_SQL = """
WITH gone AS (
    DELETE FROM likeness_profiles WHERE workspace_id = %(w)s AND lead_id = ANY(%(leads)s::bigint[])
    RETURNING lead_id, keys, counted
), unlocked AS (
    DELETE FROM likeness_keys k USING gone, unnest(gone.keys) AS old(key)
    WHERE k.workspace_id = %(w)s AND k.key = old.key AND k.lead_id = gone.lead_id
)
UPDATE likeness_counts c SET n = c.n - less.n
FROM (SELECT value_hash, count(*) AS n FROM gone, unnest(counted || 0::bigint) AS old(value_hash) GROUP BY 1) less
WHERE c.workspace_id = %(w)s AND c.value_hash = less.value_hash
"""
DELETE_PAIRS_SQL = """
DELETE FROM duplicate_pairs
WHERE workspace_id = %(w)s AND (lead_a = ANY(%(leads)s::bigint[]) OR lead_b = ANY(%(leads)s::bigint[]))
"""


async def merge_pairs(connection: Connection, workspace_id: int, winner: int, loser: int, merge_id: int) -> None:
    """Mark the pair as merged, and move the loser's dismissals to the winner. The loser's open pairs are dropped."""
    values = {"w": workspace_id, "winner": winner, "loser": loser, "merge": merge_id, "leads": [winner, loser]}
    for statement in (LOCK_PAIRS_SQL, MARK_MERGED_SQL, MOVE_DISMISSALS_SQL, DROP_OPEN_SQL):
        await connection.execute(statement, values)


async def unmerge_pairs(connection: Connection, workspace_id: int, merge_id: int) -> None:
    """Give the pair and the dismissals that a merge changed their state of before. Both leads are scored again."""
    values = {"w": workspace_id, "merge": merge_id}
    for statement in (UNDO_NEW_SQL, UNDO_CHANGED_SQL):
        await connection.execute(statement, values)


async def forget_lead(connection: Connection, workspace_id: int, lead_id: int) -> None:
    """Delete all that likeness holds about a lead, at once: keys, profile, pairs, and its part of the counts.

    Waits for the workspace's running batch, which may have read the lead already.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(%s, %s::int)", (LIKENESS_LOCK_CLASS, workspace_id))
    values = {"w": workspace_id, "leads": [lead_id]}
    for statement in (FORGET_LEAD_SQL, DELETE_PAIRS_SQL):
        await connection.execute(statement, values)
