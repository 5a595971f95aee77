"""Bring leads that were there before likeness into its queue, gently: only while little waits in it."""

from shared.platform.db.connections import Connection

BACKFILL_KIND = "likeness"  # of the row in `background_cleanups`
MAX_WAITING_ROWS = 5  # rows of the queue, of 100 leads, beyond which a backfill waits
CHUNK_LEADS, ROW_LEADS = 500, 100

NEXT_CHUNK_SQL = f"""
SELECT b.workspace_id, b.id, b.after_id FROM background_cleanups b
WHERE b.kind = '{BACKFILL_KIND}'
  AND (SELECT count(*) FROM (SELECT FROM likeness_queue LIMIT {MAX_WAITING_ROWS + 1}) waiting) <= {MAX_WAITING_ROWS}
ORDER BY b.id LIMIT 1 FOR UPDATE SKIP LOCKED
"""
QUEUE_CHUNK_SQL = f"""
WITH chunk AS (
    SELECT id, row_number() OVER (ORDER BY id) / {ROW_LEADS} AS part
    FROM (SELECT id FROM leads WHERE workspace_id = %(w)s AND id > %(after)s ORDER BY id LIMIT {CHUNK_LEADS}) next_leads
), queued AS (
    INSERT INTO likeness_queue (workspace_id, lead_ids)
    SELECT %(w)s, array_agg(id ORDER BY id) FROM chunk GROUP BY part ORDER BY part
)
SELECT max(id) FROM chunk
"""
ADVANCE_SQL = "UPDATE background_cleanups SET after_id = %s WHERE id = %s"
FINISH_SQL = "DELETE FROM background_cleanups WHERE id = %s"


async def backfill_chunk(connection: Connection) -> bool:
    """Queue the next leads of a workspace that is not through. Return whether there were any."""
    async with connection.transaction():
        row = await (await connection.execute(NEXT_CHUNK_SQL)).fetchone()
        if row is None:
            return False
        workspace_id, id_, after = row
        chunk = await connection.execute(QUEUE_CHUNK_SQL, {"w": workspace_id, "after": after})
        last = (await chunk.fetchall())[0][0]
        if last is None:
            await connection.execute(FINISH_SQL, (id_,))
        else:
            await connection.execute(ADVANCE_SQL, (last, id_))
    return True
