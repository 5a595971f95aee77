"""Keep the read models of the lead list up to date: totals and search texts, from rows that triggers appended."""

from collections.abc import Callable

from shared.platform.db.advisory_locks import SEARCH_TEXT_LOCK
from shared.platform.db.connections import Connection
from shared.platform.observability import logging

log = logging.get_logger()

FOLD_CHUNK_SIZE = 20_000  # deltas folded, and leads compared, at a time
# Limits of one read of the queue; a row holds the leads of one statement, up to 500.
MAX_QUEUE_ROWS, MAX_QUEUED_LEADS = 1_000, 20_000

LIKENESS_ROW_LEADS = 100  # leads in one row of the queue of likeness: a batch

# Many deltas accumulate while leads arrive fast, so they are summed before they are added to the totals. They are
# deleted by ctid, which needs no index. The statement is planned each time: a plan made while the table was empty would
# compare every row with every other.
FOLD_COUNTS_SQL = f"""
WITH folded AS (
    DELETE FROM lead_count_deltas WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM lead_count_deltas LIMIT {FOLD_CHUNK_SIZE} FOR UPDATE SKIP LOCKED))
    RETURNING *
), alike AS (
    SELECT workspace_id, tag_ids, source, status, pipeline_id, pipeline_stage_id, assigned_user_id, starred, sum(n) AS n
    FROM folded GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING sum(n) <> 0
), counted AS (
    INSERT INTO lead_counts
        (workspace_id, tag_id, source, status, pipeline_id, pipeline_stage_id, assigned_user_id, starred, n)
    SELECT workspace_id, tag_id, source, status, pipeline_id, pipeline_stage_id, assigned_user_id, starred, sum(n)
    FROM alike, LATERAL (SELECT 0 UNION SELECT unnest(tag_ids)) AS borne (tag_id)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING sum(n) <> 0 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
    ON CONFLICT (workspace_id, tag_id, source, status, pipeline_id, pipeline_stage_id, assigned_user_id, starred)
    DO UPDATE SET n = lead_counts.n + excluded.n
), marginal AS (
    INSERT INTO lead_counts_by_field (workspace_id, field, value, n)
    SELECT workspace_id, field, value, sum(n)
    FROM alike, LATERAL (
        VALUES ('', ''), ('source', source), ('status', status), ('pipeline_id', pipeline_id::text),
               ('pipeline_stage_id', pipeline_stage_id::text), ('assigned_user_id', assigned_user_id::text),
               ('starred', starred::text)
        UNION ALL SELECT DISTINCT 'tag_ids', tag_id::text FROM unnest(tag_ids) AS tag_id) AS margins (field, value)
    GROUP BY 1, 2, 3 HAVING sum(n) <> 0 ORDER BY 1, 2, 3
    ON CONFLICT (workspace_id, field, value) DO UPDATE SET n = lead_counts_by_field.n + excluded.n
)
SELECT count(*) FROM folded
"""
FOLD_TIMES_SQL = f"""
WITH folded AS (
    DELETE FROM lead_time_deltas WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM lead_time_deltas LIMIT {FOLD_CHUNK_SIZE} FOR UPDATE SKIP LOCKED))
    RETURNING *
), counted AS (
    INSERT INTO lead_counts_by_time (workspace_id, kind, grain, at, n)
    SELECT workspace_id, kind, grain, date_bin(grain * interval '1 s', folded.at, 'epoch'), sum(n)
    FROM folded, unnest(ARRAY[300, 3600, 86400]) AS grain
    GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0 ORDER BY 1, 2, 3, 4
    ON CONFLICT (workspace_id, kind, grain, at) DO UPDATE SET n = lead_counts_by_time.n + excluded.n
)
SELECT count(*) FROM folded
"""
COUNT_TABLES = ("lead_counts", "lead_counts_by_field", "lead_counts_by_time")
DELETE_ZERO_COUNTS_SQL = tuple(f"DELETE FROM {table} WHERE n = 0" for table in COUNT_TABLES)

# Upper case first, then lower case: Greek has two small sigmas, and lower() alone would keep both.
# Line one holds the names and, behind a tab, the company, line two the email, read or as given, line three the phone's
# digits and, unless it is E.164, its spelling.
SEARCH_TEXT_SQL = r"""
translate(lower(upper(concat_ws(' ', first_name, last_name))), E'\n\t', '  ')
    || coalesce(E'\t' || translate(lower(upper(nullif(company, ''))), E'\n\t', '  '), '') || E'\n'
    || translate(coalesce(lower(upper(coalesce(email, email_as_given))), ''), E'\n', ' ') || E'\n' || CASE
        WHEN phone ~ '^\+\d+$' THEN substr(phone, 2)
        ELSE coalesce(regexp_replace(phone, '\D', '', 'g') || ' ' || translate(lower(upper(phone)), E'\n', ' '), '') END
"""
# This is one statement, so its snapshot includes the leads of every queue row that it takes. The leads go on to the
# queue of likeness, which reads them again. The lock keeps out other
# writers of texts, so new texts need no `ON CONFLICT`, which would look up each row separately.
FOLD_SEARCH_TEXTS_SQL = f"""
WITH taken AS (
    DELETE FROM lead_search_queue WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM (
            SELECT ctid, sum(cardinality(lead_ids)) OVER (ORDER BY id) - cardinality(lead_ids) AS before
            FROM (SELECT ctid, id, lead_ids FROM lead_search_queue ORDER BY id LIMIT {MAX_QUEUE_ROWS}) first
        ) counted WHERE before < {MAX_QUEUED_LEADS}))
    RETURNING workspace_id, lead_ids
), named AS (
    SELECT DISTINCT workspace_id, lead_id FROM taken, unnest(lead_ids) AS lead_id
), found AS (
    SELECT n.workspace_id, n.lead_id, l.id IS NULL AS is_gone, {SEARCH_TEXT_SQL} AS text, s.text AS held
    FROM named n LEFT JOIN leads l ON l.workspace_id = n.workspace_id AND l.id = n.lead_id
    LEFT JOIN lead_search s ON s.workspace_id = n.workspace_id AND s.lead_id = n.lead_id
), removed AS (
    DELETE FROM lead_search s USING found f
    WHERE f.is_gone AND s.workspace_id = f.workspace_id AND s.lead_id = f.lead_id
), changed AS (
    UPDATE lead_search s SET text = f.text FROM found f
    WHERE NOT f.is_gone AND f.text <> f.held AND s.workspace_id = f.workspace_id AND s.lead_id = f.lead_id
), written AS (
    INSERT INTO lead_search (workspace_id, lead_id, text)
    SELECT workspace_id, lead_id, text FROM found WHERE NOT is_gone AND held IS NULL ORDER BY 1, 2
), compared AS (
    INSERT INTO likeness_queue (workspace_id, lead_ids)
    SELECT workspace_id, array_agg(lead_id ORDER BY lead_id)
    FROM (SELECT *, row_number() OVER (PARTITION BY workspace_id ORDER BY lead_id) / {LIKENESS_ROW_LEADS} AS part
          FROM named) parts
    GROUP BY workspace_id, part ORDER BY workspace_id, part
)
SELECT count(*) = {MAX_QUEUE_ROWS} OR sum(cardinality(lead_ids)) >= {MAX_QUEUED_LEADS},
    coalesce(sum(cardinality(lead_ids)), 0)::bigint FROM taken
"""

# The index merges pending entries with this much memory instead of the default 4 MB.
LOCK_SEARCH_TEXTS_SQL = "SELECT pg_advisory_xact_lock(%s), set_config('work_mem', %s, true)"
INDEX_SORT_MEMORY = "64MB"

# Finds leads with a missing or outdated text, and texts without a lead, within one range of keys.
QUEUE_STALE_TEXTS_SQL = f"""
WITH span AS (
    SELECT workspace_id, id FROM leads WHERE (workspace_id, id) > (%(workspace)s, %(id)s)
    ORDER BY workspace_id, id LIMIT {FOLD_CHUNK_SIZE}
), last AS (
    SELECT workspace_id, id FROM span ORDER BY 1 DESC, 2 DESC LIMIT 1
), stray AS (
    SELECT l.workspace_id, l.id FROM span JOIN leads l USING (workspace_id, id)
    LEFT JOIN lead_search s ON s.workspace_id = l.workspace_id AND s.lead_id = l.id
    WHERE s.text IS DISTINCT FROM {SEARCH_TEXT_SQL}
    UNION ALL
    SELECT s.workspace_id, s.lead_id FROM lead_search s LEFT JOIN last ON true
    WHERE (s.workspace_id, s.lead_id) > (%(workspace)s, %(id)s)
      AND (last.id IS NULL OR (s.workspace_id, s.lead_id) <= (last.workspace_id, last.id))
      AND NOT EXISTS (SELECT 1 FROM leads l WHERE l.workspace_id = s.workspace_id AND l.id = s.lead_id)
), queued AS (
    INSERT INTO lead_search_queue (workspace_id, lead_ids) SELECT workspace_id, array_agg(id) FROM stray GROUP BY 1
)
SELECT workspace_id, id, (SELECT count(*) FROM stray) FROM (SELECT 1) AS one LEFT JOIN last ON true
"""


async def fold_lead_counts(connection: Connection) -> bool:
    """Add deltas to the totals. Return whether more may wait."""
    folded = [
        await (await connection.execute(fold, prepare=False)).fetchone() for fold in (FOLD_COUNTS_SQL, FOLD_TIMES_SQL)
    ]
    return any(row and row[0] == FOLD_CHUNK_SIZE for row in folded)


async def fold_search_texts(connection: Connection, note_leads: Callable[[int], None] = lambda _: None) -> bool:
    """Update the texts of changed leads. Return whether more may wait. `note_leads` learns how many were changed."""
    async with connection.transaction():
        await connection.execute(LOCK_SEARCH_TEXTS_SQL, (SEARCH_TEXT_LOCK, INDEX_SORT_MEMORY))
        row = await (await connection.execute(FOLD_SEARCH_TEXTS_SQL, prepare=False)).fetchone()
    may_wait, leads = row or (False, 0)
    note_leads(leads)
    return bool(may_wait)


async def flush_search_index(connection: Connection) -> None:
    """Merge the index's pending entries. Until then every search scans them; merging many at once costs a third less.

    PostgreSQL merges by itself at 16 MB, which is about 13,000 leads. A search scans these in 10 ms.
    """
    await connection.execute("SELECT gin_clean_pending_list('ix_lead_search_text')")


async def repair_read_models(connection: Connection) -> None:
    """Delete zero counts, and queue the leads whose search text is wrong."""
    for statement in DELETE_ZERO_COUNTS_SQL:
        await connection.execute(statement)
    workspace, id_ = 0, 0
    while workspace is not None:
        row = await (await connection.execute(QUEUE_STALE_TEXTS_SQL, {"workspace": workspace, "id": id_})).fetchone()
        workspace, id_, stray = row or (None, 0, 0)
        if stray:
            log.info("search.stray", leads=stray)
