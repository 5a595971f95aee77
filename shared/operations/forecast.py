"""The forecast of a backlog, from its change over the last minute and the last five minutes. Pure.

Work that is due later does not count as backlog.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ForecastState = Literal["empty", "clears", "stalled", "growing", "unknown"]

SHORT_SPAN_SECONDS, LONG_SPAN_SECONDS = 60.0, 300.0
LEAST_GROWING_DEPTH = 50  # rows below which a backlog that grows is no news: a burst, or a receiver that is slow
# A backlog changes at least this fast, in submissions a second; below, its change says nothing about its end.
SLOWEST_RATE = 0.05


@dataclass(frozen=True, slots=True)
class DepthSample:
    """The depth of a lane some time ago. `age` is in seconds."""

    age: float
    depth: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """The future of a backlog.

    `clears` has `seconds` until it is empty. `growing` has its growth a second as `rate`; it will not drain. `stalled`:
    work has waited for a minute and nothing leaves. `unknown`: under a minute of data, hardly any change, or a small or
    young growth.
    """

    state: ForecastState
    seconds: float | None = None
    rate: float | None = None


def forecast_backlog(depth: int, samples: Sequence[DepthSample], out_per_second: float | None) -> Forecast:
    """Return the forecast of a lane with `depth` due rows, by earlier samples in any order.

    `out_per_second` is what left the lane over the last minute, None if it is not known. A backlog that grew over the
    last minute gets no finite time, whatever it did before. It is `growing` once it is large and grew in the minute
    before as well.
    """
    if depth == 0:
        return Forecast("empty")
    short = _rate_of_change(depth, samples, SHORT_SPAN_SECONDS)
    if short is None:
        return Forecast("unknown")
    before = _youngest_of(samples, SHORT_SPAN_SECONDS)
    if out_per_second == 0 and short >= 0 and before and before.depth:
        return Forecast("stalled")
    long = _rate_of_change(depth, samples, LONG_SPAN_SECONDS)
    rate = short if long is None else (short + long) / 2
    if short > 0 and rate > SLOWEST_RATE and depth >= LEAST_GROWING_DEPTH and _grew_before(samples):
        return Forecast("growing", rate=round(rate, 2))
    if short < 0 and rate < -SLOWEST_RATE:
        return Forecast("clears", seconds=round(depth / -rate, 1))
    return Forecast("unknown")


def _rate_of_change(depth: int, samples: Sequence[DepthSample], span: float) -> float | None:
    """Return the change a second since the youngest sample that is at least `span` seconds old."""
    since = _youngest_of(samples, span)
    return None if since is None else (depth - since.depth) / since.age


def _grew_before(samples: Sequence[DepthSample]) -> bool:
    """Return whether the backlog grew in the minute before the last one."""
    later, earlier = _youngest_of(samples, SHORT_SPAN_SECONDS), _youngest_of(samples, 2 * SHORT_SPAN_SECONDS)
    return later is not None and earlier is not None and later.depth > earlier.depth


def _youngest_of(samples: Sequence[DepthSample], span: float) -> DepthSample | None:
    """Return the youngest sample that is at least `span` seconds old."""
    old = [sample for sample in samples if sample.age >= span]
    return min(old, key=lambda sample: sample.age, default=None)
