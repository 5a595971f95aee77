"""The chart of a source: what came and what was refused within 24 hours, by the hour."""

from collections.abc import Sequence
from datetime import timedelta

from markupsafe import Markup

from services.console.web.page_view import PageView
from services.console.web.svg import ChartAxes, ChartSeries, nice_axis

REFUSED_SHARE = 30.0  # percent of the chart's height for the highest bar
LABELLED_HOURS = (23, 17, 11, 6)  # hours ago


def source_chart(view: PageView, received: Sequence[int], refused: Sequence[int]) -> Markup:
    """Return the chart. Both series are by the hour, the oldest first."""
    values = [float(n) for n in received]
    top, labelled = nice_axis(max(values, default=0.0), 2)
    labels = [(value, view.formatting.number(value)) for value in labelled if value == int(value)]
    now = view.formatting.now
    hours = [view.formatting.hour_minute(now - timedelta(hours=back)) for back in LABELLED_HOURS]
    most = max(refused, default=0)
    bars = [REFUSED_SHARE * n / most if most else 0.0 for n in refused]
    axes = ChartAxes(max(top, 1.0), labels, [*hours, view.translate("now")])
    drawing = view.console.renderer.drawing(view.language)
    title = view.translate("Leads and refusals of the last 24 hours")
    return drawing.chart(title, [ChartSeries(values, "c-in", is_area=True)], axes, bars=bars, height=160)
