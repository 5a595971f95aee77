"""The weekly partitions of `submissions`: created ahead of time, and dropped when their retention time is over."""

from datetime import UTC, datetime, timedelta

WEEK = timedelta(weeks=1)
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
# Inserted rows before a vacuum is due. The rows of a week are similar, so that older statistics will do.
YOUNG = 20_000


def week_of(moment: datetime) -> datetime:
    """Return midnight UTC of the Monday of that week."""
    return EPOCH + (moment - EPOCH) // WEEK * WEEK


def name_of(week: datetime) -> str:
    return f"submissions_{week:%Y%m%d}"


def creation(week: datetime) -> str:
    """Return the statement that creates a week's partition if it is missing."""
    return (
        f"CREATE TABLE IF NOT EXISTS {name_of(week)} PARTITION OF submissions "
        f"FOR VALUES FROM ('{week.isoformat()}') TO ('{(week + WEEK).isoformat()}') "
        f"WITH (autovacuum_analyze_scale_factor = 1, autovacuum_vacuum_insert_threshold = {YOUNG})"
    )


def ahead(now: datetime, weeks: int = 4) -> list[str]:
    """Return the statements for the last week (for late spool entries), this week and the coming ones.

    Rows of other weeks go to the default partition, so that an entry of any age can be stored.
    """
    return [creation(week_of(now) + WEEK * step) for step in range(-1, weeks + 1)]


def oldest_kept(now: datetime, keep_days: int) -> datetime:
    """Return the first week that is kept. Partitions are dropped whole, so that up to a week more is kept."""
    return week_of(now - timedelta(days=keep_days))


def expired(names: list[str], now: datetime, keep_days: int) -> list[str]:
    """Return the names of the partitions that lie before the kept weeks."""
    oldest = name_of(oldest_kept(now, keep_days))
    return [name for name in names if name.removeprefix("submissions_").isdigit() and name < oldest]
