"""The chart of a source: what came and what was refused within 24 hours, by the hour."""

from collections.abc import Sequence
from datetime import timedelta

from markupsafe import Markup

from services.console.web.page_view import PageView
from services.console.web.svg import ChartAxes, ChartCursor, ChartSeries, nice_axis

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
    number = view.formatting.number
    series = ChartSeries(
        values, "c-in", is_area=True, name=view.translate("taken"), texts=[number(one) for one in received]
    )
    cursor = ChartCursor(
        [view.formatting.hour_minute(now - timedelta(hours=back)) for back in range(len(values) - 1, -1, -1)],
        bar_name=view.translate("refused"),
        bar_texts=[number(n) for n in refused],
    )
    return drawing.chart(title, [series], axes, bars=bars, height=160, cursor=cursor)
