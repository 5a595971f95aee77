"""Histograms of durations in milliseconds: counts in fixed buckets, so that two of them merge by adding.

The bounds grow by the square root of two, from 1 ms to over a day. A percentile is right within one bucket, over any
number of processes. Pure.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

BUCKET_BOUNDS = tuple(2 ** (step / 2) for step in range(54))  # upper bounds in ms; the last bucket is open
BUCKET_COUNT = len(BUCKET_BOUNDS) + 1


def bucket_of(milliseconds: float) -> int:
    """Return the bucket of a duration. A negative duration, between two clocks, counts as none."""
    return bisect_left(BUCKET_BOUNDS, milliseconds)


def add_duration(counts: list[int], milliseconds: float, times: int = 1) -> None:
    """Count a duration."""
    counts[bucket_of(milliseconds)] += times


def empty_histogram() -> list[int]:
    """Return a histogram without durations."""
    return [0] * BUCKET_COUNT


def merge_histograms(histograms: Iterable[Sequence[int]]) -> list[int]:
    """Return the histogram of all durations together. An empty sequence counts as no durations."""
    merged = empty_histogram()
    for histogram in histograms:
        for bucket, count in enumerate(histogram):
            merged[bucket] += count
    return merged


def percentile(counts: Sequence[int], share: float) -> float | None:
    """Return the duration that this share (0 to 1) of all durations does not exceed, in ms; None without durations.

    The result is the upper bound of its bucket, so it may be too long by two fifths, and never too short.
    """
    total = sum(counts)
    if not total:
        return None
    wanted, seen = max(share * total, 1), 0
    for bucket, count in enumerate(counts):
        seen += count
        if seen >= wanted:
            return BUCKET_BOUNDS[min(bucket, len(BUCKET_BOUNDS) - 1)]
    return BUCKET_BOUNDS[-1]


def percentiles(counts: Sequence[int]) -> dict[str, float | None]:
    """Return p50, p95 and p99 in ms, rounded to a tenth."""
    found = {name: percentile(counts, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
    return {name: value if value is None else round(value, 1) for name, value in found.items()}
