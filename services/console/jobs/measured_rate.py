"""The pace of a job while somebody watches it: rows a second, with live leads beside it."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from services.console.web.page_view import PageView
from services.console.web.svg import ChartAxes, ChartSeries, nice_axis
from shared.jobs.job_control import JobRow

MAX_SAMPLES = 120  # seconds that are shown
SMOOTHED_SAMPLES = 5  # samples over which a rate is measured: chunks come several a second, or one in many seconds
CHART_HEIGHT = 160  # pixels


class PaceSample(NamedTuple):
    """How far a job was at a moment of this process's clock, and the live leads a second at that time."""

    at: float
    handled: int
    live_rate: float


@dataclass(frozen=True)
class JobPace:
    """Rates by the second, the present one last."""

    handled: Sequence[float] = ()
    live: Sequence[float] = ()


class PaceMeter:
    """Remembers how a job went on for as long as somebody watches it."""

    def __init__(self) -> None:
        self._samples: deque[PaceSample] = deque(maxlen=MAX_SAMPLES)

    def note_progress(self, job: JobRow, live_rate: float) -> JobPace:
        """Add how far the job is now, and return its pace."""
        self._samples.append(PaceSample(time.monotonic(), job["position"], live_rate))
        samples = list(self._samples)
        before = [samples[max(place - SMOOTHED_SAMPLES, 0)] for place in range(1, len(samples))]
        rates = [
            (later.handled - earlier.handled) / max(later.at - earlier.at, 0.1)
            for earlier, later in zip(before, samples[1:], strict=True)
        ]
        return JobPace(rates, [sample.live_rate for sample in samples[1:]])


def pace_chart(view: PageView, pace: JobPace) -> Markup | None:
    """Return the chart of a job's pace, None while there are too few figures."""
    if len(pace.handled) < 2:
        return None
    top, values = nice_axis(max([*pace.handled, *pace.live], default=0.0))
    seconds = len(pace.handled)
    times = [view.translate("%(n)s s ago", n=seconds), view.translate("now")]
    labels = [(value, view.formatting.number(value, 0 if value == int(value) else 1)) for value in values]
    series = [ChartSeries(pace.handled, "c-out", is_area=True), ChartSeries(pace.live, "c-in")]
    drawing = view.console.renderer.drawing(view.language)
    return drawing.chart(view.translate("Rows a second"), series, ChartAxes(top, labels, times), height=CHART_HEIGHT)
