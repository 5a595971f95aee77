"""Lanes and workers in words: the forecast of a lane, and what a worker does."""

from markupsafe import Markup

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.operations.overview_types import LaneState

ACTIVITY_TITLES = {
    "idle": _("idle"),
    "automations": _("running steps"),
    "deliveries": _("sending"),
    "jobs": _("working on a job"),
}


def lane_forecast(view: PageView, lane: LaneState) -> Markup:
    """Return the forecast of a lane as a sentence with its state."""
    drawing = view.console.renderer.drawing(view.language)
    if lane.pause is not None:
        until = lane.pause.until
        word = view.translate("paused")
        if until is not None:
            word = view.translate("paused until %(time)s", time=view.formatting.clock(until))
        return Markup('<span class="state waiting">{}{}</span>').format(drawing.icon("pause", "symbol-small"), word)
    if lane.forecast is None:
        return Markup('<span class="faint">–</span>')
    colour, text = _forecast_words(view, lane)
    if colour == "bad":
        return Markup('<span class="state dead">{}{}</span>').format(drawing.icon("warn", "symbol-small"), text)
    return Markup('<span class="{}">{}</span>').format(colour, text)


def _forecast_words(view: PageView, lane: LaneState) -> tuple[str, str]:
    forecast = lane.forecast
    if forecast is None or forecast.state == "unknown":
        return "faint", view.translate("not known yet")
    if forecast.state == "empty":
        return "faint", view.translate("empty")
    if forecast.state == "growing":
        rate = view.formatting.rate(forecast.rate)
        return "bad", view.translate("growing %(rate)s/s, will not drain", rate=rate)
    if forecast.state == "stalled":
        return "bad", view.translate("stands still")
    seconds = forecast.seconds or 0.0
    if seconds < 1:
        return "ok", view.translate("clears in under 1 s")
    return "ok" if seconds < 60 else "", view.translate(
        "clears in about %(time)s", time=view.formatting.duration(max(seconds, 1.0))
    )


def activity_title(view: PageView, activity: str) -> str:
    """Return what a worker does, by the lane that it served last."""
    return view.translate_choice(ACTIVITY_TITLES, activity, view.translate("deciding"))
