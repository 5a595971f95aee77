"""The weekly partitions of `submissions`: created ahead of time, and dropped when their retention time is over."""

from datetime import UTC, datetime, timedelta

import psycopg
from psycopg import sql

from shared.platform.db.connections import Connection
from shared.platform.observability import logging

log = logging.get_logger()

ONE_WEEK = timedelta(weeks=1)
FIRST_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
# Inserted rows before a vacuum is due. The rows of a week are similar, so that older statistics will do.
INSERT_VACUUM_THRESHOLD = 20_000

SUBMISSION_PARTITIONS_SQL = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'submissions'::regclass
"""


def start_of_week(moment: datetime) -> datetime:
    """Return midnight UTC of the Monday of that week."""
    return FIRST_MONDAY + (moment - FIRST_MONDAY) // ONE_WEEK * ONE_WEEK


def partition_name(week: datetime) -> str:
    return f"submissions_{week:%Y%m%d}"


def create_partition_sql(week: datetime) -> str:
    """Return the statement that creates a week's partition if it is missing."""
    return (
        f"CREATE TABLE IF NOT EXISTS {partition_name(week)} PARTITION OF submissions "
        f"FOR VALUES FROM ('{week.isoformat()}') TO ('{(week + ONE_WEEK).isoformat()}') "
        f"WITH (autovacuum_analyze_scale_factor = 1, autovacuum_vacuum_insert_threshold = {INSERT_VACUUM_THRESHOLD})"
    )


def upcoming_partitions_sql(now: datetime, weeks: int = 4) -> list[str]:
    """Return the statements for the last week (for late spool entries), this week and the coming ones.

    Rows of other weeks go to the default partition, so that an entry of any age can be stored.
    """
    return [create_partition_sql(start_of_week(now) + ONE_WEEK * step) for step in range(-1, weeks + 1)]


def oldest_kept_week(now: datetime, keep_days: int) -> datetime:
    """Return the first week that is kept. Partitions are dropped whole, so that up to a week more is kept."""
    return start_of_week(now - timedelta(days=keep_days))


def expired_partitions(names: list[str], now: datetime, keep_days: int) -> list[str]:
    """Return the names of the partitions that lie before the kept weeks."""
    oldest = partition_name(oldest_kept_week(now, keep_days))
    return [name for name in names if name.removeprefix("submissions_").isdigit() and name < oldest]


async def create_upcoming(connection: Connection, now: datetime) -> None:
    """Create the partitions of the last week, this week and the coming ones."""
    for statement in upcoming_partitions_sql(now):
        try:
            await connection.execute(statement)
        except psycopg.errors.CheckViolation:
            log.warning("partition.overdue")  # the rows are in the default partition, where they work as well
        except psycopg.errors.LockNotAvailable:
            log.info("partition.postponed")


async def drop_expired(connection: Connection, now: datetime, keep_days: int) -> None:
    """Drop the partitions whose submissions are older than the retention time, in days."""
    names = [row[0] for row in await (await connection.execute(SUBMISSION_PARTITIONS_SQL)).fetchall()]
    for name in expired_partitions(names, now, keep_days):
        try:
            await connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
        except psycopg.errors.LockNotAvailable:
            log.info("partition.postponed", partition=name)
        else:
            log.info("partition.dropped", partition=name)
