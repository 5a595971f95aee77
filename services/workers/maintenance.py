"""Regular maintenance by the sweeper: partitions, retention, gauges."""

from datetime import datetime

import redis
from psycopg import sql

from services.workers import partitions
from services.workers.failure_causes import delete_old_causes
from services.workers.recipient_limits import delete_old_counters
from shared.accounting import ledger
from shared.imports.import_erasure import expire_imports
from shared.intake.spool import Spool
from shared.platform.db.connections import Connection
from shared.platform.observability import logging
from shared.platform.observability.metrics import (
    LEDGER_SUBMISSIONS,
    LIVE_WORKERS,
    OLDEST_WAITING_SECONDS,
    PENDING_SUBMISSIONS,
    SPOOLED_SUBMISSIONS,
    UNACCOUNTED_SUBMISSIONS,
)

log = logging.get_logger()

# Deletes from the default partition. It holds old entries of the spool and rows that arrived while a clock was wrong.
DELETE_DEFAULT_PARTITION_SQL = """
DELETE FROM submissions_default WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM submissions_default WHERE received_at < %s LIMIT 5000))
"""
DELETE_OLD_KEYS_SQL = """
DELETE FROM submission_keys WHERE (workspace_id, id) IN (
    SELECT workspace_id, id FROM submission_keys WHERE received_at < %s ORDER BY received_at LIMIT 5000)
"""
DELETE_OLD_DELIVERIES_SQL = """
WITH old AS (
    DELETE FROM deliveries WHERE (workspace_id, id) IN (
        SELECT workspace_id, id FROM deliveries WHERE finished_at < %s ORDER BY finished_at LIMIT 5000)
    RETURNING workspace_id, id
), attempts AS (
    DELETE FROM delivery_attempts a USING old WHERE a.workspace_id = old.workspace_id AND a.delivery_id = old.id
)
SELECT FROM old
"""
# Conversions of deleted integrations. A walk over the index finds the integrations, however many rows each has.
DELETE_ORPHANED_CONVERSIONS_SQL = """
WITH RECURSIVE known AS (
    (SELECT workspace_id, integration_id FROM conversions ORDER BY workspace_id, integration_id LIMIT 1)
    UNION ALL
    SELECT following.* FROM known k, LATERAL (
        SELECT workspace_id, integration_id FROM conversions
        WHERE (workspace_id, integration_id) > (k.workspace_id, k.integration_id)
        ORDER BY workspace_id, integration_id LIMIT 1) following
)
DELETE FROM conversions c USING (
    SELECT found.workspace_id, found.id FROM known k, LATERAL (
        SELECT workspace_id, id FROM conversions
        WHERE workspace_id = k.workspace_id AND integration_id = k.integration_id LIMIT 5000) found
    WHERE NOT EXISTS (SELECT FROM integrations i WHERE i.workspace_id = k.workspace_id AND i.id = k.integration_id)
    LIMIT 5000) gone
WHERE c.workspace_id = gone.workspace_id AND c.id = gone.id
"""
VISITOR_DAYS = 30  # days that addresses of visitors are kept
DELETE_OLD_VISITORS_SQL = """
DELETE FROM submission_visitors WHERE (workspace_id, submission_id) IN (
    SELECT workspace_id, submission_id FROM submission_visitors
    WHERE created_at < now() - make_interval(days => %s) ORDER BY created_at LIMIT 5000)
"""
KEPT_COUNT_DAYS = 100  # days of counts by the hour; the numbers of forms and sources show fewer
DELETE_OLD_COUNTS_SQL = """
DELETE FROM {table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {table} WHERE hour < now() - make_interval(days => %s) LIMIT 5000))
"""
COUNT_TABLES = ("form_counts", "integration_counts")
# Versions of submissions go with these. Jobs go with their items, in chunks: a job may have a million.
DELETE_OLD_VERSIONS_SQL = """
DELETE FROM submission_versions WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM submission_versions WHERE received_at < %s LIMIT 5000))
"""
DELETE_OLD_JOB_ITEMS_SQL = """
DELETE FROM job_items WHERE (workspace_id, job_id, id) IN (
    SELECT i.workspace_id, i.job_id, i.id
    FROM jobs j JOIN job_items i ON i.workspace_id = j.workspace_id AND i.job_id = j.id
    WHERE j.finished_at < %s LIMIT 5000)
"""
DELETE_OLD_JOBS_SQL = "DELETE FROM jobs WHERE finished_at < %s"
# Queue tables keep their pages for later leads (migration 0014). A queue that was long returns its pages to the system.
LONG_QUEUE_BYTES = 64 << 20  # bytes
LONG_QUEUES_SQL = """
SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
AND reloptions @> ARRAY['vacuum_truncate=off'] AND pg_table_size(oid) > %s
"""
DELETE_OLD_ALARMS_SQL = "DELETE FROM alarms WHERE cleared_at < now() - make_interval(days => %s)"
DELETE_OLD_AUDIT_SQL = """
DELETE FROM audit_log WHERE id IN (
    SELECT id FROM audit_log WHERE at < now() - %s * interval '1 day' ORDER BY at LIMIT 5000)
"""
DELETE_OLD_PROCESSES_SQL = "DELETE FROM processes WHERE seen_at < now() - interval '1 day'"


async def update_gauges(connection: Connection, spool: Spool) -> float:
    """Set the gauges of submissions and workers and return the age of the oldest waiting submission in seconds.

    If the spool does not answer, only the journal is counted.
    """
    states = set(ledger.LEDGER_STATES)
    try:
        state = await ledger.read_ledger(connection, spool)
    except redis.RedisError:
        state = await ledger.read_ledger(connection, None)
        states.discard("spooled")
    for name in states:
        LEDGER_SUBMISSIONS.labels(name).set(state[name])
    UNACCOUNTED_SUBMISSIONS.set(ledger.count_unaccounted(state))
    LIVE_WORKERS.set(state["workers"])
    PENDING_SUBMISSIONS.set(state["pending"])
    oldest: float = state["oldest_waiting_s"]
    OLDEST_WAITING_SECONDS.set(oldest)
    return oldest


async def update_spool_gauges(spool: Spool, journal_waiting_seconds: float) -> int:
    """Set the gauges of the spool, without PostgreSQL. Return how many submissions are in it.

    `journal_waiting_seconds` is the last result of `update_gauges`.
    """
    spooled = await spool.count_submissions()
    SPOOLED_SUBMISSIONS.set(spooled)
    if oldest := await spool.oldest_waiting_s():
        OLDEST_WAITING_SECONDS.set(max(oldest, journal_waiting_seconds))
    return spooled


async def run_hourly_maintenance(connection: Connection, now: datetime, keep_days: int) -> None:
    """Create future partitions and delete expired data: whole partitions, other rows in chunks."""
    # A running backup locks the table. If this waited for the backup, every ingest would wait behind it.
    await connection.execute("SET lock_timeout = '200ms'")
    await partitions.create_upcoming(connection, now)
    await partitions.drop_expired(connection, now, keep_days)
    limit = partitions.oldest_kept_week(now, keep_days)
    chunked = (DELETE_DEFAULT_PARTITION_SQL, DELETE_OLD_KEYS_SQL, DELETE_OLD_VERSIONS_SQL, DELETE_OLD_JOB_ITEMS_SQL)
    for statement in chunked:
        while (await connection.execute(statement, (limit,))).rowcount:
            pass
    while (await connection.execute(DELETE_OLD_DELIVERIES_SQL, (limit,))).rowcount:
        pass
    while (await connection.execute(DELETE_ORPHANED_CONVERSIONS_SQL)).rowcount:
        pass
    while (await connection.execute(DELETE_OLD_VISITORS_SQL, (VISITOR_DAYS,))).rowcount:
        pass
    await delete_old_counters(connection)
    for table in COUNT_TABLES:
        while (await connection.execute(DELETE_OLD_COUNTS_SQL.format(table=table), (KEPT_COUNT_DAYS,))).rowcount:
            pass
    await delete_old_causes(connection, keep_days)
    await expire_imports(connection, keep_days)
    await connection.execute(DELETE_OLD_JOBS_SQL, (limit,))
    await connection.execute(DELETE_OLD_PROCESSES_SQL)
    await connection.execute(DELETE_OLD_ALARMS_SQL, (keep_days,))
    await _truncate_empty_queues(connection)


async def expire_audit_log(connection: Connection, keep_days: int) -> None:
    """Delete entries of the audit log that are more than `keep_days` days old, in chunks."""
    while (await connection.execute(DELETE_OLD_AUDIT_SQL, (keep_days,))).rowcount:
        pass


async def _truncate_empty_queues(connection: Connection) -> None:
    # Truncating a long queue takes time. If it were cancelled, the whole hourly maintenance would start again.
    await connection.execute("SET statement_timeout = 0")
    for (name,) in await (await connection.execute(LONG_QUEUES_SQL, (LONG_QUEUE_BYTES,))).fetchall():
        queue = sql.Identifier(name)
        rows = await connection.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(queue))
        if not rows.rowcount:
            await connection.execute(sql.SQL("VACUUM (TRUNCATE, SKIP_LOCKED) {}").format(queue))
            log.info("queue.shortened", queue=name)
    await connection.execute("RESET statement_timeout")
