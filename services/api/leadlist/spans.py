"""Splits a time span into whole days, hours and five minutes, which have counters, and the remainders at both ends.
Pure."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

GRAINS = (86_400, 3_600, 300)  # seconds, the coarsest first
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# No lead is older or newer. A span without a bound ends here.
EARLIEST, LATEST = datetime(1, 1, 3, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
TICK = timedelta(microseconds=1)


class Run(NamedTuple):
    """Buckets of `grain` seconds that begin at or after `start` and before `end`."""

    grain: int
    start: datetime
    end: datetime


class Span(NamedTuple):
    """The whole buckets, and the remaining times at both ends: from one time until before another."""

    runs: list[Run]
    ragged: list[tuple[datetime, datetime]]


def span(after: datetime | None, before: datetime | None) -> Span:
    """Split the times later than `after` and earlier than `before`."""
    start = max(min(after, LATEST) + TICK, EARLIEST) if after else EARLIEST
    end = min(max(before, EARLIEST), LATEST) if before else LATEST
    if start >= end:
        return Span([], [])
    first, last = _up(start, GRAINS[-1]), _down(end, GRAINS[-1])
    if first >= last:
        return Span([], [(start, end)])
    ragged = [(one, other) for one, other in ((start, first), (last, end)) if one < other]
    return Span(_runs(first, last, GRAINS), ragged)


def _runs(start: datetime, end: datetime, grains: tuple[int, ...]) -> list[Run]:
    if start >= end:
        return []
    grain, *finer = grains
    first, last = _up(start, grain), _down(end, grain)
    if first >= last:
        return _runs(start, end, tuple(finer))
    return [*_runs(start, first, tuple(finer)), Run(grain, first, last), *_runs(last, end, tuple(finer))]


def _down(time: datetime, grain: int) -> datetime:
    return time - (time - EPOCH) % timedelta(seconds=grain)


def _up(time: datetime, grain: int) -> datetime:
    return time + (EPOCH - time) % timedelta(seconds=grain)
