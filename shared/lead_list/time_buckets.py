"""Splits a time span into whole days, hours and five minutes, which have counters, and the remainders at both ends.
Pure."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

BUCKET_SECONDS = (86_400, 3_600, 300)  # seconds, the coarsest first
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# No lead is older or newer. A span without a bound ends here.
EARLIEST_TIME, LATEST_TIME = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
ONE_MICROSECOND = timedelta(microseconds=1)


class BucketRange(NamedTuple):
    """Buckets of `grain` seconds that begin at or after `start` and before `end`."""

    grain: int
    start: datetime
    end: datetime


class BucketedSpan(NamedTuple):
    """The whole buckets, and the remaining times at both ends: from one time until before another."""

    ranges: list[BucketRange]
    remainders: list[tuple[datetime, datetime]]


def split_span(after: datetime | None, before: datetime | None) -> BucketedSpan:
    """Split the times later than `after` and earlier than `before`."""
    start = max(min(after, LATEST_TIME) + ONE_MICROSECOND, EARLIEST_TIME) if after else EARLIEST_TIME
    end = min(max(before, EARLIEST_TIME), LATEST_TIME) if before else LATEST_TIME
    if start >= end:
        return BucketedSpan([], [])
    first, last = _round_up(start, BUCKET_SECONDS[-1]), _round_down(end, BUCKET_SECONDS[-1])
    if first >= last:
        return BucketedSpan([], [(start, end)])
    ragged = [(one, other) for one, other in ((start, first), (last, end)) if one < other]
    return BucketedSpan(_split_range(first, last, BUCKET_SECONDS), ragged)


def _split_range(start: datetime, end: datetime, grains: tuple[int, ...]) -> list[BucketRange]:
    if start >= end:
        return []
    grain, *finer = grains
    first, last = _round_up(start, grain), _round_down(end, grain)
    if first >= last:
        return _split_range(start, end, tuple(finer))
    return [
        *_split_range(start, first, tuple(finer)),
        BucketRange(grain, first, last),
        *_split_range(last, end, tuple(finer)),
    ]


def _round_down(time: datetime, grain: int) -> datetime:
    return time - (time - UNIX_EPOCH) % timedelta(seconds=grain)


def _round_up(time: datetime, grain: int) -> datetime:
    return time + (UNIX_EPOCH - time) % timedelta(seconds=grain)
