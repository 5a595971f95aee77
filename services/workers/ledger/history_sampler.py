"""Sample the ledger and the depths of the lanes for the history by the minute, and fold old minutes into half hours."""

from shared.operations.lane_depths import LANE_DEPTHS_SQL
from shared.operations.lane_names import LANE_NAMES
from shared.platform.db.connections import ASYNC_COMMIT, Connection

# The ledger has grown by the difference to what the history already holds. Both are written by one statement, so that
# the history adds up with the ledger after any crash.
SAMPLE_LEDGER_SQL = f"""
WITH quick AS (
    SELECT {ASYNC_COMMIT}
), seen AS (
    SELECT workspace_id, state, sum(n)::bigint AS n
    FROM (SELECT workspace_id, state, n FROM ledger UNION ALL SELECT workspace_id, state, n FROM ledger_deltas) counts
    GROUP BY 1, 2
), changed AS MATERIALIZED (
    SELECT s.workspace_id, s.state, s.n - coalesce(o.n, 0) AS n, s.n AS total
    FROM seen s LEFT JOIN ledger_samples o USING (workspace_id, state) WHERE s.n <> coalesce(o.n, 0)
), noted AS (
    INSERT INTO ledger_samples (workspace_id, state, n)
    SELECT workspace_id, state, total FROM changed ORDER BY 1, 2
    ON CONFLICT (workspace_id, state) DO UPDATE SET n = excluded.n
)
INSERT INTO minute_statistics AS m (workspace_id, step, at, accepted, done, dead, quarantined)
SELECT workspace_id, 60, date_trunc('minute', clock_timestamp()),
       coalesce(sum(n) FILTER (WHERE state = 'accepted'), 0), coalesce(sum(n) FILTER (WHERE state = 'done'), 0),
       coalesce(sum(n) FILTER (WHERE state = 'dead'), 0), coalesce(sum(n) FILTER (WHERE state = 'quarantined'), 0)
FROM quick, changed GROUP BY 1 ORDER BY 1
ON CONFLICT (workspace_id, step, at) DO UPDATE
SET accepted = m.accepted + excluded.accepted, done = m.done + excluded.done, dead = m.dead + excluded.dead,
    quarantined = m.quarantined + excluded.quarantined
"""
# All lanes of the installation get a row each minute, a workspace's only while it has work. What is missing is zero.
SAMPLE_LANES_SQL = f"""
WITH quick AS (
    SELECT {ASYNC_COMMIT}
), depths AS MATERIALIZED (
    {LANE_DEPTHS_SQL}
), known AS (
    SELECT workspace_id, lane FROM lane_statistics
    WHERE step = 60 AND at = date_trunc('minute', clock_timestamp()) AND workspace_id <> 0
    UNION SELECT workspace_id, lane FROM depths WHERE workspace_id <> 0
)
INSERT INTO lane_statistics AS m (workspace_id, step, at, lane, depth, oldest_s, sampled_at)
SELECT workspace_id, 60, date_trunc('minute', clock_timestamp()), lane, depth, oldest_s, clock_timestamp()
FROM quick, (
    SELECT 0::bigint AS workspace_id, lane, coalesce(sum(depth), 0)::bigint AS depth,
           coalesce(max(oldest_s), 0) AS oldest_s
    FROM unnest(%(lanes)s::text[]) lane LEFT JOIN depths USING (lane) GROUP BY lane
    UNION ALL
    SELECT workspace_id, lane, coalesce(depth, 0), coalesce(oldest_s, 0)
    FROM known LEFT JOIN depths USING (workspace_id, lane)
) samples ORDER BY workspace_id, lane
ON CONFLICT (workspace_id, step, at, lane) DO UPDATE
SET depth = excluded.depth, oldest_s = excluded.oldest_s, sampled_at = excluded.sampled_at
"""

# Whole half hours that ended over an hour ago.
IS_OLD_MINUTE_SQL = "step = 60 AND at < date_bin('30 minutes', clock_timestamp() - interval '60 minutes', 'epoch')"
FOLD_MINUTES_SQL = f"""
WITH folded AS (DELETE FROM minute_statistics WHERE {IS_OLD_MINUTE_SQL} RETURNING *)
INSERT INTO minute_statistics AS m (workspace_id, step, at, accepted, done, dead, quarantined, duplicates, verdict_ms)
SELECT workspace_id, 1800, date_bin('30 minutes', at, 'epoch'), sum(accepted), sum(done), sum(dead), sum(quarantined),
       sum(duplicates), sum_counts(verdict_ms)
FROM folded GROUP BY 1, 3
ON CONFLICT (workspace_id, step, at) DO UPDATE
SET accepted = m.accepted + excluded.accepted, done = m.done + excluded.done, dead = m.dead + excluded.dead,
    quarantined = m.quarantined + excluded.quarantined, duplicates = m.duplicates + excluded.duplicates,
    verdict_ms = add_counts(m.verdict_ms, excluded.verdict_ms)
"""
FOLD_LANES_SQL = f"""
WITH folded AS (DELETE FROM lane_statistics WHERE {IS_OLD_MINUTE_SQL} RETURNING *)
INSERT INTO lane_statistics AS m (workspace_id, step, at, lane, depth, oldest_s, sampled_at, out, waiting_ms, work_ms)
SELECT workspace_id, 1800, date_bin('30 minutes', at, 'epoch'), lane,
       (array_agg(depth ORDER BY at DESC) FILTER (WHERE sampled_at IS NOT NULL))[1], max(oldest_s), max(sampled_at),
       sum(out), sum_counts(waiting_ms), sum_counts(work_ms)
FROM folded GROUP BY 1, 3, 4
ON CONFLICT (workspace_id, step, at, lane) DO UPDATE
SET depth = coalesce(excluded.depth, m.depth), oldest_s = greatest(m.oldest_s, excluded.oldest_s),
    sampled_at = greatest(m.sampled_at, excluded.sampled_at), out = m.out + excluded.out,
    waiting_ms = add_counts(m.waiting_ms, excluded.waiting_ms), work_ms = add_counts(m.work_ms, excluded.work_ms)
"""
FOLD_SOURCES_SQL = f"""
WITH folded AS (DELETE FROM source_statistics WHERE {IS_OLD_MINUTE_SQL} RETURNING *)
INSERT INTO source_statistics AS m (workspace_id, channel, source, key_id, step, at, received, duplicates,
                                    last_received_at)
SELECT workspace_id, channel, source, key_id, 1800, date_bin('30 minutes', at, 'epoch'), sum(received),
       sum(duplicates), max(last_received_at)
FROM folded GROUP BY 1, 2, 3, 4, 6
ON CONFLICT (workspace_id, channel, source, key_id, step, at) DO UPDATE
SET received = m.received + excluded.received, duplicates = m.duplicates + excluded.duplicates,
    last_received_at = greatest(m.last_received_at, excluded.last_received_at)
"""
# Two days of half hours, of sources seven. A source's last row stays: it says when it was last seen.
EXPIRE_SQL = (
    "DELETE FROM minute_statistics WHERE step = 1800 AND at < clock_timestamp() - interval '48 h 30 min'",
    "DELETE FROM lane_statistics WHERE step = 1800 AND at < clock_timestamp() - interval '48 h 30 min'",
    """
    DELETE FROM source_statistics s WHERE step = 1800 AND at < clock_timestamp() - interval '7 days 30 min'
      AND (at < clock_timestamp() - interval '90 days' OR EXISTS (
          SELECT FROM source_statistics n WHERE n.workspace_id = s.workspace_id AND n.channel = s.channel
          AND n.source = s.source AND n.key_id = s.key_id AND (n.at > s.at OR n.step < s.step)))
    """,
)


async def sample_history(connection: Connection) -> None:
    """Add a sample of the ledger and of the lanes to the current minute. One process at a time may call it."""
    await connection.execute(SAMPLE_LEDGER_SQL, prepare=False)
    # A plan made for empty tables would read them whole.
    await connection.execute(SAMPLE_LANES_SQL.encode(), {"lanes": list(LANE_NAMES), "w": 0}, prepare=False)


async def fold_history(connection: Connection) -> None:
    """Fold old minutes into half hours, and delete half hours of over two days ago."""
    for fold in (FOLD_MINUTES_SQL, FOLD_LANES_SQL, FOLD_SOURCES_SQL, *EXPIRE_SQL):
        await connection.execute(fold, prepare=False)
