"""The chart of a receiver's answers within the last hour, by the minute."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from markupsafe import Markup

from services.console.web.page_view import PageView
from services.console.web.svg import ChartAxes, ChartCursor, ChartSeries, nice_axis
from services.console.webhooks.reads import AnswerMinute

FAILED_SHARE: Final = 30.0  # percent of the chart's height for the highest bar
LABELLED_MINUTES: Final = (60, 45, 30, 15)  # minutes ago


def answers_chart(view: PageView, minutes: Sequence[AnswerMinute]) -> Markup:
    """Return the chart: the median and p95 of durations, and bars for what failed."""
    slowest = max((one.p95 for one in minutes if one.p95 is not None), default=0)
    top, labelled = nice_axis(slowest / 1000, 2)
    labels = [(value * 1000, view.formatting.duration(value)) for value in labelled if value]
    now = view.formatting.now
    times = [view.formatting.hour_minute(now - timedelta(minutes=back)) for back in LABELLED_MINUTES]
    most = max((one.failed for one in minutes), default=0)
    series = [
        _durations(view, "p95", [one.p95 for one in minutes]),
        _durations(view, "p50", [one.p50 for one in minutes]),
    ]
    cursor = ChartCursor(
        [view.formatting.hour_minute(now - timedelta(minutes=back)) for back in range(len(minutes) - 1, -1, -1)],
        bar_name=view.translate("failed"),
        bar_texts=[view.formatting.number(one.failed) for one in minutes],
    )
    return view.console.renderer.drawing(view.language).chart(
        view.translate("How long answers took within the last hour"),
        series,
        ChartAxes(max(top * 1000, 1.0), labels, [*times, view.translate("now")]),
        bars=[FAILED_SHARE * one.failed / most if most else 0.0 for one in minutes],
        height=160,
        cursor=cursor,
    )


def _durations(view: PageView, name: str, values: Sequence[int | None]) -> ChartSeries:
    return ChartSeries(values, f"c-{name}", name=name, texts=[view.formatting.milliseconds(one) for one in values])
