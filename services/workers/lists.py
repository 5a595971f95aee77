"""Keeping lists of leads flat: what triggers appended becomes totals and text to search."""

from shared import logging
from shared.db import Connection

log = logging.get()

TEXT_LOCK = 4_712_004  # one at a time: of two that write a lead's text, the later may have read the older lead
CHUNK = 20_000  # deltas, and leads compared, at a time
ROWS, LEADS = 1_000, 20_000  # of the queue at a time, and leads in them: a row is a statement's leads, up to 500

# Deltas of a second are many where leads come fast; they are summed up before they meet the totals. They are deleted by
# their places (ctid), which needs no index; and planned anew each time, since a plan that was made while the table was
# empty compares each with each.
FOLD_COUNTS = f"""
WITH folded AS (
    DELETE FROM lead_count_deltas WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM lead_count_deltas LIMIT {CHUNK} FOR UPDATE SKIP LOCKED))
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
    INSERT INTO lead_marginals (workspace_id, field, value, n)
    SELECT workspace_id, field, value, sum(n)
    FROM alike, LATERAL (
        VALUES ('', ''), ('source', source), ('status', status), ('pipeline_id', pipeline_id::text),
               ('pipeline_stage_id', pipeline_stage_id::text), ('assigned_user_id', assigned_user_id::text),
               ('starred', starred::text)
        UNION ALL SELECT DISTINCT 'tag_ids', tag_id::text FROM unnest(tag_ids) AS tag_id) AS margins (field, value)
    GROUP BY 1, 2, 3 HAVING sum(n) <> 0 ORDER BY 1, 2, 3
    ON CONFLICT (workspace_id, field, value) DO UPDATE SET n = lead_marginals.n + excluded.n
)
SELECT count(*) FROM folded
"""  # noqa: S608  # constants only
FOLD_TIMES = f"""
WITH folded AS (
    DELETE FROM lead_time_deltas WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM lead_time_deltas LIMIT {CHUNK} FOR UPDATE SKIP LOCKED))
    RETURNING *
), counted AS (
    INSERT INTO lead_times (workspace_id, kind, grain, at, n)
    SELECT workspace_id, kind, grain, date_bin(grain * interval '1 s', folded.at, 'epoch'), sum(n)
    FROM folded, unnest(ARRAY[300, 3600, 86400]) AS grain
    GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0 ORDER BY 1, 2, 3, 4
    ON CONFLICT (workspace_id, kind, grain, at) DO UPDATE SET n = lead_times.n + excluded.n
)
SELECT count(*) FROM folded
"""  # noqa: S608  # constants only
EMPTY = tuple(f"DELETE FROM {table} WHERE n = 0" for table in ("lead_counts", "lead_marginals", "lead_times"))  # noqa: S608

# In lower case by way of upper case: of the Greek sigmas two are small, and only one of them is what lower() makes.
# Line one: names; line two: email; line three: the phone's digits, and how it is written where that is no E.164.
TEXT = r"""
translate(lower(upper(concat_ws(' ', first_name, last_name))), E'\n', ' ') || E'\n'
    || translate(coalesce(lower(upper(email)), ''), E'\n', ' ') || E'\n' || CASE
        WHEN phone ~ '^\+\d+$' THEN substr(phone, 2)
        ELSE coalesce(regexp_replace(phone, '\D', '', 'g') || ' ' || translate(lower(upper(phone)), E'\n', ' '), '') END
"""
# All in one statement, so that the leads are read by a snapshot that has seen every commit whose row it takes. Nobody
# else writes texts meanwhile, so that new ones need no `ON CONFLICT`, which looks each up by itself and is told twice.
FOLD_TEXTS = f"""
WITH taken AS (
    DELETE FROM lead_search_queue WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM (
            SELECT ctid, sum(cardinality(lead_ids)) OVER (ORDER BY id) - cardinality(lead_ids) AS before
            FROM (SELECT ctid, id, lead_ids FROM lead_search_queue ORDER BY id LIMIT {ROWS}) first
        ) counted WHERE before < {LEADS}))
    RETURNING workspace_id, lead_ids
), named AS (
    SELECT DISTINCT workspace_id, lead_id FROM taken, unnest(lead_ids) AS lead_id
), found AS (
    SELECT n.workspace_id, n.lead_id, l.id IS NULL AS is_gone, {TEXT} AS text, s.text AS held
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
)
SELECT count(*) = {ROWS} OR sum(cardinality(lead_ids)) >= {LEADS} FROM taken
"""  # noqa: S608  # constants only

# What has gathered is sorted into the index by as much memory, not by the usual 4 MB at a time.
BEGIN_TEXTS = "SELECT pg_advisory_xact_lock(%s), set_config('work_mem', %s, true)"
SORT_MEMORY = "64MB"

# Leads whose text is missing or another, and texts without a lead, between two places in the order of the keys.
STRAY = f"""
WITH span AS (
    SELECT workspace_id, id FROM leads WHERE (workspace_id, id) > (%(workspace)s, %(id)s)
    ORDER BY workspace_id, id LIMIT {CHUNK}
), last AS (
    SELECT workspace_id, id FROM span ORDER BY 1 DESC, 2 DESC LIMIT 1
), stray AS (
    SELECT l.workspace_id, l.id FROM span JOIN leads l USING (workspace_id, id)
    LEFT JOIN lead_search s ON s.workspace_id = l.workspace_id AND s.lead_id = l.id
    WHERE s.text IS DISTINCT FROM {TEXT}
    UNION ALL
    SELECT s.workspace_id, s.lead_id FROM lead_search s LEFT JOIN last ON true
    WHERE (s.workspace_id, s.lead_id) > (%(workspace)s, %(id)s)
      AND (last.id IS NULL OR (s.workspace_id, s.lead_id) <= (last.workspace_id, last.id))
      AND NOT EXISTS (SELECT 1 FROM leads l WHERE l.workspace_id = s.workspace_id AND l.id = s.lead_id)
), queued AS (
    INSERT INTO lead_search_queue (workspace_id, lead_ids) SELECT workspace_id, array_agg(id) FROM stray GROUP BY 1
)
SELECT workspace_id, id, (SELECT count(*) FROM stray) FROM (SELECT 1) AS one LEFT JOIN last ON true
"""  # noqa: S608  # constants only


async def fold_counts(connection: Connection) -> bool:
    """Sums deltas up into totals; whether more of them may wait."""
    folded = [await (await connection.execute(fold, prepare=False)).fetchone() for fold in (FOLD_COUNTS, FOLD_TIMES)]
    return any(row and row[0] == CHUNK for row in folded)


async def fold_texts(connection: Connection) -> bool:
    """Brings the text of changed leads up to date; whether more of them may wait."""
    async with connection.transaction():
        await connection.execute(BEGIN_TEXTS, (TEXT_LOCK, SORT_MEMORY))
        row = await (await connection.execute(FOLD_TEXTS, prepare=False)).fetchone()
    return bool(row and row[0])


async def sort_texts(connection: Connection) -> None:
    """Sorts new texts into the index. Until then every search reads through them; many at once cost a third less.

    PostgreSQL does it by itself where 16 MB have gathered, some 13,000 leads: a search reads that in 10 ms.
    """
    await connection.execute("SELECT gin_clean_pending_list('ix_lead_search_text')")


async def tidy(connection: Connection) -> None:
    """Removes counts of nothing, and queues the leads whose text is not what it should be."""
    for statement in EMPTY:
        await connection.execute(statement)
    workspace, id_ = 0, 0
    while workspace is not None:
        row = await (await connection.execute(STRAY, {"workspace": workspace, "id": id_})).fetchone()
        workspace, id_, stray = row or (None, 0, 0)
        if stray:
            log.info("search.stray", leads=stray)
