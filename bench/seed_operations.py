"""What stands around submissions: counts of causes, deliveries, jobs, the audit log and the history of two days."""

import sys

import psycopg

from bench.seed_submissions import SeededSubmissions
from services.workers.failure_causes import delivery_cause
from shared.operations.histogram import BUCKET_COUNT
from shared.operations.lane_names import LANE_NAMES

ENDED_JOBS = 40
DELIVERY_SHARE = 5  # one in so many submissions has a delivery, and one in a hundred of these failed
JOB_SHARE = 50  # one in so many submissions was replayed by the largest job
AUDIT_SHARE = 10  # one entry of the audit log for so many submissions
DELIVERY_ERRORS = (
    *("the receiver answered 500", "the receiver answered 503", "the receiver answered 404"),
    *("the connection was refused", "no answer within 15 s", "the certificate has expired"),
)

CAUSES_SQL = """
INSERT INTO causes (workspace_id, id, kind, fingerprint, error_type, place, title, first_seen_at, last_seen_at)
SELECT %(workspace)s, c.id, c.kind, c.fingerprint, c.error_type, c.place, c.title, f.first, f.last
FROM unnest(%(ids)s::bigint[], %(kinds)s::text[], %(fingerprints)s::text[], %(types)s::text[], %(places)s::text[],
            %(titles)s::text[]) AS c (id, kind, fingerprint, error_type, place, title),
     LATERAL (
         SELECT min(at) AS first, max(at) AS last FROM (
             SELECT processed_at AS at FROM submissions s
             WHERE s.workspace_id = %(workspace)s AND s.state = 'dead' AND s.cause_id = c.id
             UNION ALL
             SELECT finished_at FROM deliveries d
             WHERE d.workspace_id = %(workspace)s AND d.state = 'failed' AND d.cause_id = c.id) failed) f
WHERE f.first IS NOT NULL
"""
CAUSE_COUNTS_SQL = """
INSERT INTO cause_counts (workspace_id, cause_id, at, n)
SELECT %(workspace)s, cause_id, date_bin('10 minutes', at, 'epoch'), count(*) FROM (
    SELECT cause_id, processed_at AS at FROM submissions
    WHERE workspace_id = %(workspace)s AND state = 'dead' AND received_at > %(until)s - interval '8 days'
    UNION ALL
    SELECT cause_id, finished_at FROM deliveries
    WHERE workspace_id = %(workspace)s AND state = 'failed' AND finished_at > %(until)s - interval '8 days') failed
GROUP BY 2, 3
"""
DELIVERIES_SQL = """
INSERT INTO deliveries (workspace_id, message_id, kind, event, lead_id, endpoint, payload, state, attempts, due_at,
                        error, created_at, finished_at, cause_id)
SELECT workspace_id, 'msg_' || replace(id::text, '-', ''), 'webhook', 'lead.created', lead_id,
       'host:hooks' || lead_id / %(share)s %% 4 || '.example.com', payload,
       CASE WHEN cause > 0 THEN 'failed' ELSE 'sent' END, CASE WHEN cause > 0 THEN 8 ELSE 1 END,
       processed_at, (%(errors)s::text[])[cause], processed_at, processed_at + interval '1 s',
       (%(ids)s::bigint[])[cause]
FROM submissions, LATERAL (
    SELECT CASE WHEN lead_id / %(share)s %% 100 = 0
                THEN (1 + lead_id / %(share)s / 100 %% cardinality(%(ids)s::bigint[]))::int ELSE 0 END AS cause) chosen
WHERE workspace_id = %(workspace)s AND state = 'done' AND lead_id %% %(share)s = 0
ORDER BY received_at
"""
ATTEMPTS_SQL = """
INSERT INTO delivery_attempts (workspace_id, delivery_id, number, started_at, finished_at, duration_ms, status, error)
SELECT workspace_id, id, attempts, created_at, finished_at, 1000, 500, error
FROM deliveries WHERE workspace_id = %(workspace)s AND state = 'failed'
"""
JOBS_SQL = """
INSERT INTO jobs (workspace_id, kind, state, filter, reason, created_by, total, done, failed, skipped, position,
                  created_at, started_at, finished_at)
SELECT %(workspace)s, (ARRAY['replay', 'release', 'reject', 'deliveries'])[1 + n %% 4], 'done',
       '{"source": "facebook"}', 'A receiver was away.', '{"kind": "user", "id": 1, "name": "Bench"}',
       100 * n, 90 * n, 4 * n, 6 * n, 100 * n, at, at, at + interval '2 minutes'
FROM generate_series(1, %(jobs)s) n, LATERAL (SELECT %(until)s - n * interval '1 day' AS at) began
"""
LARGEST_JOB_SQL = """
WITH picked AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY received_at, id) AS n, id, received_at, state FROM (
        SELECT id, received_at, state FROM submissions
        WHERE workspace_id = %(workspace)s AND state IN ('done', 'dead')
          AND received_at BETWEEN %(until)s - interval '30 days' AND %(until)s - interval '1 day'
        ORDER BY received_at LIMIT %(n)s / %(share)s) replayed
), judged AS MATERIALIZED (
    SELECT *, CASE WHEN n %% 100 = 0 THEN 'failed' WHEN n %% 100 = 1 THEN 'skipped' ELSE 'done' END AS outcome
    FROM picked
), job AS (
    INSERT INTO jobs (workspace_id, kind, state, reason, created_by, total, done, failed, skipped, position, rate,
                      started_at, finished_at)
    SELECT %(workspace)s, 'replay', 'done', 'The stage is back.', '{"kind": "user", "id": 1, "name": "Bench"}',
           count(*), count(*) FILTER (WHERE outcome = 'done'), count(*) FILTER (WHERE outcome = 'failed'),
           count(*) FILTER (WHERE outcome = 'skipped'), count(*), 50, %(until)s - interval '3 hours', %(until)s
    FROM judged RETURNING id
)
INSERT INTO job_items (workspace_id, job_id, id, submission_id, received_at, outcome, error)
SELECT %(workspace)s, job.id, n, judged.id, received_at, outcome,
       CASE outcome WHEN 'failed' THEN 'It is on its way already.' END
FROM job, judged
"""
AUDIT_SQL = """
INSERT INTO audit_log (workspace_id, at, actor_kind, actor_id, actor_name, action, route, object_kind, object_id,
                       status, outcome, address)
SELECT %(workspace)s, %(until)s - (%(n)s / %(share)s - n) * interval '1 minute',
       CASE WHEN n %% 3 = 0 THEN 'key' ELSE 'user' END, 1 + n %% 5, 'Bench',
       (ARRAY['submission.replayed', 'cause.changed', 'lane.paused', 'api_key.created'])[1 + n %% 4],
       'POST /console/{workspace}/submissions/{id}/replay', 'submission', n::text,
       CASE WHEN n %% 50 = 0 THEN 403 ELSE 303 END, CASE WHEN n %% 50 = 0 THEN 'refused' ELSE 'done' END, '192.0.2.7'
FROM generate_series(1, %(n)s / %(share)s) n
"""
# Minutes of the last hour and half hours before it, as the sampler leaves them. Verdicts take 16 or 23 ms.
_STEPS = """
steps AS (
    SELECT *, CASE WHEN received_at < date_bin('30 minutes', %(until)s - interval '60 minutes', 'epoch')
                   THEN 1800 ELSE 60 END AS step
    FROM submissions WHERE workspace_id = %(workspace)s AND received_at > %(until)s - interval '48 hours'
), timed AS (
    SELECT *, date_bin(step * interval '1 s', received_at, 'epoch') AS at FROM steps
)
"""
MINUTES_SQL = f"""
WITH {_STEPS}
INSERT INTO minute_statistics (workspace_id, step, at, accepted, done, dead, quarantined, duplicates, verdict_ms)
SELECT workspace_id, step, at, count(*), count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'dead'),
       count(*) FILTER (WHERE state = 'quarantined'), count(*) FILTER (WHERE is_duplicate),
       array_fill(0::bigint, ARRAY[8]) || ARRAY[count(*) - count(*) / 4, count(*) / 4]
       || array_fill(0::bigint, ARRAY[%(buckets)s - 10])
FROM timed GROUP BY 1, 2, 3
ON CONFLICT DO NOTHING
"""
SOURCES_SQL = f"""
WITH {_STEPS}
INSERT INTO source_statistics (workspace_id, channel, source, step, at, received, last_received_at)
SELECT workspace_id, channel, source, step, at, count(*), max(received_at) FROM timed GROUP BY 1, 2, 3, 4, 5
ON CONFLICT DO NOTHING
"""
LANES_SQL = """
INSERT INTO lane_statistics (workspace_id, step, at, lane, depth, oldest_s, sampled_at, out, waiting_ms, work_ms)
SELECT w, step, at, lane, n %% 7, n %% 7 * 0.1, at, 20 + n %% 50, counts, counts
FROM (
    SELECT 60 AS step, n, date_trunc('minute', %(until)s) - n * interval '1 minute' AS at FROM generate_series(1, 60) n
    UNION ALL
    SELECT 1800, n, date_bin('30 minutes', %(until)s, 'epoch') - n * interval '30 minutes'
    FROM generate_series(3, 96) n) steps,
    unnest(%(lanes)s::text[]) lane, unnest(ARRAY[0, %(workspace)s]::bigint[]) w,
    LATERAL (SELECT array_fill(0::bigint, ARRAY[8]) || ARRAY[20 + n %% 50]::bigint[]
                    || array_fill(0::bigint, ARRAY[%(buckets)s - 9]) AS counts) histogram
WHERE w = 0 OR lane IN ('automations', 'deliveries')
ON CONFLICT DO NOTHING
"""
FILLED_TABLES = (
    *("activities", "deliveries", "delivery_attempts", "jobs", "job_items", "causes", "cause_counts", "audit_log"),
    *("minute_statistics", "lane_statistics", "source_statistics", "ledger"),
)


def fill_operations(database: psycopg.Connection, seeded: SeededSubmissions) -> None:
    """Add causes, deliveries, jobs, the audit log and the history to a workspace of submissions, and vacuum."""
    failures = [delivery_cause("webhook", error) for error in DELIVERY_ERRORS]
    all_causes = [*seeded.causes, *failures]
    values = {"workspace": seeded.workspace_id, "n": seeded.n, "until": seeded.until}
    print("deliveries", file=sys.stderr)
    of_deliveries = {"ids": [cause.id for cause in failures], "errors": list(DELIVERY_ERRORS)}
    database.execute(DELIVERIES_SQL, {**values, **of_deliveries, "share": DELIVERY_SHARE})
    database.execute(ATTEMPTS_SQL, values)
    print("causes, jobs and the history", file=sys.stderr)
    database.execute(
        CAUSES_SQL,
        {
            **values,
            "ids": [cause.id for cause in all_causes],
            "kinds": [cause.kind for cause in all_causes],
            "fingerprints": [cause.fingerprint for cause in all_causes],
            "types": [cause.error_type for cause in all_causes],
            "places": [cause.place for cause in all_causes],
            "titles": [cause.title for cause in all_causes],
        },
    )
    database.execute(CAUSE_COUNTS_SQL, values)
    database.execute(JOBS_SQL, {**values, "jobs": ENDED_JOBS})
    database.execute(LARGEST_JOB_SQL, {**values, "share": JOB_SHARE})
    database.execute(AUDIT_SQL, {**values, "share": AUDIT_SHARE})
    of_history = {**values, "buckets": BUCKET_COUNT, "lanes": list(LANE_NAMES)}
    for statement in (MINUTES_SQL, SOURCES_SQL, LANES_SQL):
        database.execute(statement.encode(), of_history)
    for table in FILLED_TABLES:
        database.execute(f"VACUUM (ANALYZE) {table}".encode())
