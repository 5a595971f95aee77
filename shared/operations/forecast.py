"""The forecast of a backlog, from its change over the last minute and the last five minutes. Pure.

Work that is due later does not count as backlog.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ForecastState = Literal["empty", "clears", "stalled", "growing", "unknown"]

SHORT_SPAN_SECONDS, LONG_SPAN_SECONDS = 60.0, 300.0
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
    work waits and nothing leaves. `unknown`: under a minute of data, or hardly any change.
    """

    state: ForecastState
    seconds: float | None = None
    rate: float | None = None


def forecast_backlog(depth: int, samples: Sequence[DepthSample], out_per_second: float | None) -> Forecast:
    """Return the forecast of a lane with `depth` due rows, by earlier samples in any order.

    `out_per_second` is what left the lane over the last minute, None if it is not known. A backlog that grew over the
    last minute gets no finite time, whatever it did before.
    """
    if depth == 0:
        return Forecast("empty")
    short = _rate_of_change(depth, samples, SHORT_SPAN_SECONDS)
    if short is None:
        return Forecast("unknown")
    if out_per_second == 0 and short >= 0:
        return Forecast("stalled")
    long = _rate_of_change(depth, samples, LONG_SPAN_SECONDS)
    rate = short if long is None else (short + long) / 2
    if short > 0 and rate > SLOWEST_RATE:
        return Forecast("growing", rate=round(rate, 2))
    if short < 0 and rate < -SLOWEST_RATE:
        return Forecast("clears", seconds=round(depth / -rate, 1))
    return Forecast("unknown")


def _rate_of_change(depth: int, samples: Sequence[DepthSample], span: float) -> float | None:
    """Return the change a second since the youngest sample that is at least `span` seconds old."""
    old = [sample for sample in samples if sample.age >= span]
    if not old:
        return None
    since = min(old, key=lambda sample: sample.age)
    return (depth - since.depth) / since.age
