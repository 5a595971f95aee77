"""The sweeper's hourly maintenance: partitions ahead of time, retention, and queues that were long."""

from datetime import datetime

from psycopg import sql

from services.workers import partitions
from services.workers.retention.installation_retention import delete_expired
from shared.platform.db.connections import Connection
from shared.platform.observability import logging

log = logging.get_logger()

# Queue tables keep their pages for later leads (migration 0014). A queue that was long returns its pages to the system.
LONG_QUEUE_BYTES = 64 << 20  # bytes
LONG_QUEUES_SQL = """
SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
AND reloptions @> ARRAY['vacuum_truncate=off'] AND pg_table_size(oid) > %s
"""


async def run_hourly_maintenance(connection: Connection, now: datetime, keep_days: int) -> None:
    """Create future partitions, delete expired data, and shorten queues that are empty again."""
    # A running backup locks the table. If this waited for the backup, every ingest would wait behind it.
    await connection.execute("SET lock_timeout = '200ms'")
    await partitions.create_upcoming(connection, now)
    await delete_expired(connection, now, keep_days)
    await _truncate_empty_queues(connection)


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
