"""The numbers of a form as a funnel and as a chart by day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from babel.dates import format_date
from markupsafe import Markup

from services.console.web.page_view import PageView
from services.console.web.svg import ChartAxes, ChartCursor, ChartSeries, nice_axis
from services.console.web.translations import mark_message as _
from shared.forms.form_numbers import FormFigures

CHART_LABELS = 5  # days that are named below the chart


@dataclass(frozen=True)
class FunnelStep:
    """One step: its name, how many got so far, their share of the first step, and the share of the step before."""

    name: str
    n: int
    percent: float
    note: str
    colour: str


def funnel_steps(view: PageView, figures: FormFigures) -> list[FunnelStep]:
    """Return the way of visitors from seeing the form to sending it, and what of it was held."""
    top = max(figures.views, figures.starts, figures.submissions, 1)

    def share(part: int, whole: int, words: str) -> str:
        if part > whole:
            return view.translate("more than the step before, which programs and own forms skip")
        return view.translate(words, share=view.formatting.percent(part, whole)) if whole else ""

    return [
        FunnelStep(view.translate("Views"), figures.views, 100 * figures.views / top, "", "c-in"),
        FunnelStep(
            view.translate("Starts"),
            figures.starts,
            100 * figures.starts / top,
            share(figures.starts, figures.views, _("%(share)s of those who saw it began")),
            "c-in",
        ),
        FunnelStep(
            view.translate("Sent"),
            figures.submissions,
            100 * figures.submissions / top,
            share(figures.submissions, figures.starts, _("%(share)s of those who began sent it")),
            "c-out",
        ),
        FunnelStep(
            view.translate("Held"),
            figures.held,
            100 * figures.held / top,
            share(figures.held, figures.submissions, _("%(share)s of what was sent looks like spam")),
            "c-held",
        ),
    ]


def days_chart(view: PageView, by_day: Mapping[date, FormFigures], days: int) -> Markup:
    """Return the chart of the last days, the oldest first: views, and what was sent."""
    today = view.formatting.now.astimezone(view.zone).date()
    shown = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
    figures = [by_day.get(day, FormFigures()) for day in shown]
    top, values = nice_axis(max((float(max(one.views, one.submissions)) for one in figures), default=0.0), 2)
    labels = [(value, view.formatting.number(value)) for value in values if value == int(value)]
    views, submissions = [one.views for one in figures], [one.submissions for one in figures]
    series = [
        _count_series(view, views, "c-in", view.translate("Views"), is_area=True),
        _count_series(view, submissions, "c-out", view.translate("Sent")),
    ]
    cursor = ChartCursor([str(format_date(day, "d MMM", locale=view.language.code)) for day in shown])
    places = [round(index * (days - 1) / (CHART_LABELS - 1)) for index in range(CHART_LABELS)]
    names = [str(format_date(shown[place], "d MMM", locale=view.language.code)) for place in places]
    drawing = view.console.renderer.drawing(view.language)
    title = view.translate("Views and what was sent, by day")
    return drawing.chart(title, series, ChartAxes(max(top, 1.0), labels, names), height=180, cursor=cursor)


def _count_series(view: PageView, counts: list[int], colour: str, name: str, *, is_area: bool = False) -> ChartSeries:
    return ChartSeries([*map(float, counts)], colour, is_area, name, [*map(view.formatting.number, counts)])
