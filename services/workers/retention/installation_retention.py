"""Delete what is older than the installation keeps it: whole partitions of submissions, other rows in chunks.

Runs of automations, imports, causes and counters of recipients are deleted where they are written.
"""

from datetime import datetime

from services.workers import partitions
from services.workers.failure_causes import delete_old_causes
from services.workers.mail_limits.recipient_limits import delete_old_counters
from shared.imports.import_erasure import expire_imports
from shared.platform.db.connections import Connection

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
DELETE_OLD_ALARMS_SQL = "DELETE FROM alarms WHERE cleared_at < now() - make_interval(days => %s)"
DELETE_OLD_AUDIT_SQL = """
DELETE FROM audit_log WHERE id IN (
    SELECT id FROM audit_log WHERE at < now() - %s * interval '1 day' ORDER BY at LIMIT 5000)
"""
DELETE_OLD_PROCESSES_SQL = "DELETE FROM processes WHERE seen_at < now() - interval '1 day'"


async def delete_expired(connection: Connection, now: datetime, keep_days: int) -> None:
    """Delete what has been kept for `keep_days`, or for the days that its kind is kept."""
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


async def expire_audit_log(connection: Connection, keep_days: int) -> None:
    """Delete entries of the audit log that are more than `keep_days` days old, in chunks."""
    while (await connection.execute(DELETE_OLD_AUDIT_SQL, (keep_days,))).rowcount:
        pass
