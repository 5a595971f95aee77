"""The weekly partitions of `submissions`: made ahead of time, dropped when they are past their keeping."""

from datetime import UTC, datetime, timedelta

WEEK = timedelta(weeks=1)
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
YOUNG = 20_000  # rows that come before a vacuum can be due; rows of a week are alike, so samples of them may be old


def week_of(moment: datetime) -> datetime:
    """Midnight UTC of that week's Monday."""
    return EPOCH + (moment - EPOCH) // WEEK * WEEK


def name_of(week: datetime) -> str:
    return f"submissions_{week:%Y%m%d}"


def creation(week: datetime) -> str:
    """The statement that makes a week's partition where it is missing."""
    return (
        f"CREATE TABLE IF NOT EXISTS {name_of(week)} PARTITION OF submissions "
        f"FOR VALUES FROM ('{week.isoformat()}') TO ('{(week + WEEK).isoformat()}') "
        f"WITH (autovacuum_analyze_scale_factor = 1, autovacuum_vacuum_insert_threshold = {YOUNG})"
    )


def ahead(now: datetime, weeks: int = 4) -> list[str]:
    """Statements for the last week (late spool entries), this one and those to come.

    What falls outside goes to the default partition, so that an entry of any age can be stored.
    """
    return [creation(week_of(now) + WEEK * step) for step in range(-1, weeks + 1)]


def oldest_kept(now: datetime, keep_days: int) -> datetime:
    """Where the kept weeks begin: partitions go whole, so that up to a week more is kept."""
    return week_of(now - timedelta(days=keep_days))


def expired(names: list[str], now: datetime, keep_days: int) -> list[str]:
    """Those of the partitions `names` that lie before the kept weeks."""
    oldest = name_of(oldest_kept(now, keep_days))
    return [name for name in names if name.removeprefix("submissions_").isdigit() and name < oldest]
