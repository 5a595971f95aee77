"""Charts and figures of the history: submissions in and out, failures, and the time to a verdict."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from markupsafe import Markup

from services.console.web.page_view import PageView
from services.console.web.svg import ChartAxes, ChartCursor, ChartSeries, Drawing, nice_axis
from shared.operations.history import HistoryPoint

TIME_LABELS = 5  # labels on the axis of time
FAILURE_BAR_SHARE = 0.3  # of the chart's height for the highest bar of failures
LOG_FLOOR_MS = 10.0
RATE_POINTS = 2  # points whose mean is the present rate: the current minute alone has just begun


def current_rates(points: Sequence[HistoryPoint], step: int) -> dict[str, Any]:
    """Return the present rates: accepted and done a second, failed a minute, and percentiles of the verdict in ms."""
    recent = points[-RATE_POINTS - 1 : -1] or points
    seconds = max(len(recent), 1) * step
    last = next((point for point in reversed(points) if any(v is not None for v in point.verdict_ms.values())), None)
    return {
        "accepted": sum(point.accepted for point in recent) / seconds,
        "done": sum(point.done for point in recent) / seconds,
        "failed_per_minute": 60 * sum(point.dead for point in recent) / seconds,
        "failed": sum(point.dead for point in points),
        "verdict_ms": last.verdict_ms if last else {},
    }


def sparklines(points: Sequence[HistoryPoint], step: int) -> dict[str, list[float]]:
    """Return the values of the small charts beside the figures."""
    return {
        "accepted": [point.accepted / step for point in points],
        "done": [point.done / step for point in points],
        "failed": [float(point.dead) for point in points],
        "oldest": [max((lane.oldest_s or 0.0 for lane in point.lanes.values()), default=0.0) for point in points],
    }


def flow_chart(view: PageView, points: Sequence[HistoryPoint], step: int) -> Markup:
    """Return the chart of submissions accepted and done a second, with failures as bars."""
    accepted = [point.accepted / step for point in points]
    done = [point.done / step for point in points]
    top, values = nice_axis(max([*accepted, *done], default=0.0))
    most_failures = max((point.dead for point in points), default=0)
    share = 100 * FAILURE_BAR_SHARE / most_failures if most_failures > 0 else 0.0
    bars = [share * max(point.dead, 0) for point in points]  # a replay takes dead ones out: fewer than none
    axes = ChartAxes(top, [(value, _short_number(value)) for value in values], time_labels(view, points))
    series = [
        _rates(view, accepted, "c-in", view.translate("accepted"), is_area=True),
        _rates(view, done, "c-out", view.translate("done")),
    ]
    cursor = replace(
        _submissions_cursor(view, points, step),
        bar_name=view.translate("failed"),
        bar_texts=[view.formatting.number(max(point.dead, 0)) for point in points],
    )
    title = view.translate("Submissions in and out, a second")
    return _drawing(view).chart(title, series, axes, bars=bars, cursor=cursor)


def verdict_chart(view: PageView, points: Sequence[HistoryPoint], step: int) -> Markup:
    """Return the chart of the time from received to decided, on a logarithmic scale."""
    lines = {name: [point.verdict_ms.get(name) for point in points] for name in ("p99", "p95", "p50")}
    axes = _log_axes(view, lines.values(), points)
    series = [_waits(view, line, name) for name, line in lines.items()]
    cursor = _submissions_cursor(view, points, step)
    return _drawing(view).chart(view.translate("Time from received to decided"), series, axes, cursor=cursor)


def chart_cursor(view: PageView, points: Sequence[HistoryPoint]) -> ChartCursor:
    """Return a crosshair that tells the time of each point."""
    return ChartCursor([view.formatting.hour_minute(point.at) for point in points])


def lane_waits(points: Sequence[HistoryPoint]) -> dict[str, list[float]]:
    """Return how long work waited until it was begun, by lane: the 95th percentile of each point, in ms."""
    names = {name for point in points for name in point.lanes}
    return {
        name: [(point.lanes[name].waiting_ms.get("p95") or 0.0) if name in point.lanes else 0.0 for point in points]
        for name in names
    }


def _submissions_cursor(view: PageView, points: Sequence[HistoryPoint], step: int) -> ChartCursor:
    """Return a crosshair by which a stretch of time leads to the submissions that came in it."""
    start = round(points[0].at.timestamp() * 1000) if points else 0
    path = view.path("submissions") if points else ""
    return replace(chart_cursor(view, points), range_path=path, start_ms=start, step_s=step)


def _rates(
    view: PageView, values: Sequence[float | None], colour: str, name: str, *, is_area: bool = False
) -> ChartSeries:
    texts = ["–" if value is None else view.formatting.rate(value) for value in values]
    return ChartSeries(values, colour, is_area=is_area, name=name, texts=texts)


def _waits(view: PageView, values: Sequence[float | None], name: str) -> ChartSeries:
    return ChartSeries(values, f"c-{name}", name=name, texts=[view.formatting.milliseconds(one) for one in values])


def time_labels(view: PageView, points: Sequence[HistoryPoint], count: int = TIME_LABELS) -> list[str]:
    """Return labels at equal distances along the points, the last one for the present."""
    if len(points) < 2:
        return [view.translate("now")]
    last = len(points) - 1
    places = [round(last * index / (count - 1)) for index in range(count)]
    return [*(view.formatting.hour_minute(points[place].at) for place in places[:-1]), view.translate("now")]


def _drawing(view: PageView) -> Drawing:
    return view.console.renderer.drawing(view.language)


def _short_number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


def lane_charts(view: PageView, points: Sequence[HistoryPoint], lane: str, step: int) -> dict[str, Markup]:
    """Return the charts of one lane: its depth, how long work waits, and work in and out a second."""
    lane_points = [point.lanes.get(lane) for point in points]  # type: ignore[call-overload]
    drawing, times, cursor = _drawing(view), time_labels(view, points), chart_cursor(view, points)
    depth = [None if one is None or one.depth is None else float(one.depth) for one in lane_points]
    entered = [None if one is None or one.entered is None else one.entered / step for one in lane_points]
    outflow = [None if one is None else one.out / step for one in lane_points]
    waits = {name: [one.waiting_ms.get(name) if one else None for one in lane_points] for name in ("p99", "p95", "p50")}
    top, values = nice_axis(max((value for value in depth if value is not None), default=0.0))
    flow_top, flow_values = nice_axis(max((value for value in (*entered, *outflow) if value is not None), default=0.0))
    return {
        "depth": drawing.chart(
            view.translate("Work that waits"),
            [
                ChartSeries(
                    depth,
                    "c-wait",
                    is_area=True,
                    name=view.translate("waiting"),
                    texts=[view.formatting.number(one) for one in depth],
                )
            ],
            ChartAxes(top, [(value, _short_number(value)) for value in values], times),
            cursor=cursor,
        ),
        "waiting": drawing.chart(
            view.translate("How long work waits"),
            [_waits(view, line, name) for name, line in waits.items()],
            _log_axes(view, waits.values(), points),
            cursor=cursor,
        ),
        "flow": drawing.chart(
            view.translate("Work in and out, a second"),
            [
                _rates(view, entered, "c-in", view.translate("in"), is_area=True),
                _rates(view, outflow, "c-out", view.translate("out")),
            ],
            ChartAxes(flow_top, [(value, _short_number(value)) for value in flow_values], times),
            height=160,
            cursor=cursor,
        ),
    }


def _log_axes(view: PageView, lines: Iterable[Sequence[float | None]], points: Sequence[HistoryPoint]) -> ChartAxes:
    highest = max((value for line in lines for value in line if value is not None), default=0.0)
    top = next((size for size in (1000.0, 10_000.0, 100_000.0, 1_000_000.0) if size >= highest), 10_000_000.0)
    sizes = (100.0, 1000.0, 10_000.0, 100_000.0, 1_000_000.0)
    labels = [(value, view.formatting.duration(value / 1000)) for value in sizes if value <= top]
    return ChartAxes(top, labels, time_labels(view, points, 3), log_floor=LOG_FLOOR_MS)
