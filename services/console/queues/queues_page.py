"""Queues: the lanes, their history, and pausing them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from services.console.queues import history_charts
from services.console.queues.busiest_receiver import BusiestReceiver, find_busiest_receiver, receiver_sentence
from services.console.queues.lane_words import lane_forecast
from services.console.web.access import workspace_page
from services.console.web.channel_names import origin_name
from services.console.web.context import OverviewRead
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.operations.history import HistoryPoint
from shared.operations.lane_names import JOURNAL_LANES, LANE_NAMES, LaneName
from shared.operations.lane_pauses import LaneActor, pause_lane, resume_lane
from shared.operations.overview_types import LaneState, Overview
from shared.platform.errors import NotFound, ValidationFailed

SPANS = {"1h": 60, "24h": 24 * 60, "48h": 48 * 60}  # minutes
PAUSE_MINUTES = {"15": 15, "60": 60, "240": 240}
MAX_REASON_LENGTH = 300  # characters


@dataclass(frozen=True)
class QueuesSnapshot:
    """What the page shows, read at one moment. `step` is the length of a point, in seconds."""

    overview: Overview
    step: int
    points: list[HistoryPoint]
    channel_names: Mapping[str, str]
    receiver: BusiestReceiver | None = None


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show all lanes, one of them in detail, and with `pause` the dialog to pause one."""
    return await _render(view)


@workspace_page(Permission.SEE_RECORDS)
async def live(view: PageView) -> web.StreamResponse:
    """Stream the page's figures."""
    return await stream_snapshots(
        view, live_topic(view), lambda: _read(view, view.console.watch_overview), _render_live, shown=_asked_lane(view)
    )


@workspace_page(Permission.STEER_QUEUES)
async def pause(view: PageView) -> web.StreamResponse:
    """Pause a lane, with a reason and an end."""
    lane = _permitted_lane(view)
    form = await view.read_fields()
    reason = " ".join(form.get("reason", "").split())[:MAX_REASON_LENGTH]
    if not reason:
        return await _render(
            view, 422, pause_question=lane, problem=view.translate("Say why: everybody sees it."), form=form
        )
    try:
        until = _end_of_pause(view, form)
        await view.console.writing(
            lambda connection: pause_lane(
                connection, lane, view.workspace.workspace_id, lane_actor(view), reason, until
            )
        )
    except ValidationFailed:
        problem = view.translate("The end must be a time to come.")
        return await _render(view, 422, pause_question=lane, problem=problem, form=form)
    view.console.forget_figures(view.workspace.workspace_id)
    view.redirect(view.path("queues"), view.translate("The lane %(lane)s is paused.", lane=view.lane_title(lane)))


@workspace_page(Permission.STEER_QUEUES)
async def resume(view: PageView) -> web.StreamResponse:
    """Resume a lane."""
    lane = _permitted_lane(view)
    await view.console.writing(
        lambda connection: resume_lane(connection, lane, view.workspace.workspace_id, lane_actor(view))
    )
    view.console.forget_figures(view.workspace.workspace_id)
    view.redirect(view.path("queues"), view.translate("The lane %(lane)s goes on.", lane=view.lane_title(lane)))


def live_topic(view: PageView) -> tuple[str, str, bool, str]:
    """Return what the figures depend on. Whose history an operator sees depends on the lane."""
    is_operator = view.permits(Permission.OPERATE_INSTALLATION)
    return "queues", _span(view), is_operator, _asked_lane(view) if is_operator else ""


def lane_actor(view: PageView) -> LaneActor:
    """Return the reader as the cause of a pause."""
    is_operator = view.permits(Permission.OPERATE_INSTALLATION)
    return LaneActor("operator" if is_operator else "user", view.account.account_id, view.account.name)


def _permitted_lane(view: PageView) -> LaneName:
    for lane in LANE_NAMES:
        if lane == view.request.match_info["lane"]:
            if not view.may_pause(lane):
                raise view.refusal(Permission.OPERATE_INSTALLATION)
            return lane
    raise NotFound


def _end_of_pause(view: PageView, form: dict[str, str]) -> datetime | None:
    """Return the end of a pause, None if somebody has to resume it. Raises ValidationFailed."""
    minutes = PAUSE_MINUTES.get(form.get("until", ""))
    if minutes:
        return datetime.now(UTC) + timedelta(minutes=minutes)
    if form.get("until") != "at":
        return None
    try:
        return datetime.fromisoformat(form.get("at", "")).replace(tzinfo=view.zone)
    except ValueError:
        raise ValidationFailed({"until": ["no time"]}) from None


def _span(view: PageView) -> str:
    asked = view.request.query.get("span", "1h")
    return asked if asked in SPANS else "1h"


def _asked_lane(view: PageView) -> str:
    asked = view.request.query.get("lane", "")
    return asked if asked in LANE_NAMES else ""


def _chosen_lane(view: PageView, lanes: list[LaneState]) -> str:
    """Return the lane that is shown in detail: the one in the address, otherwise the one in the worst state.

    Where all are well, it is the one whose work has waited longest.
    """
    if asked := _asked_lane(view):
        return asked
    bad = [lane.name for lane in lanes if lane.forecast and lane.forecast.state in ("growing", "stalled")]
    return next(iter([*bad, *longest_waiting(lanes)]), "deliveries")


def longest_waiting(lanes: list[LaneState]) -> list[str]:
    """Return the lanes whose depth is known, the one whose work has waited longest first."""
    known = [lane for lane in lanes if lane.depth is not None]
    return [lane.name for lane in sorted(known, key=lambda lane: -(lane.oldest_s or 0.0) if lane.depth else 0.0)]


async def _read(view: PageView, read_overview: OverviewRead) -> QueuesSnapshot:
    is_operator = view.permits(Permission.OPERATE_INSTALLATION)
    overview = await read_overview(view.workspace.workspace_id, with_installation=is_operator)
    chosen = _chosen_lane(view, overview.lanes)
    owner = 0 if chosen in JOURNAL_LANES and is_operator else view.workspace.workspace_id
    step, points = await view.console.read_history(owner, SPANS[_span(view)])
    names = await view.console.read_channel_names(view.workspace.workspace_id)
    receiver = await find_busiest_receiver(view) if chosen == "deliveries" else None
    return QueuesSnapshot(overview, step, points, names, receiver)


def _render_live(view: PageView, snapshot: QueuesSnapshot) -> str:
    return view.render_text("queues/_live.html", **_shown(view, snapshot))


async def _render(
    view: PageView,
    status: int = 200,
    *,
    pause_question: str = "",
    problem: str | None = None,
    form: dict[str, str] | None = None,
) -> web.Response:
    pause_question = pause_question or view.request.query.get("pause", "")
    pause_question = pause_question if pause_question in LANE_NAMES and view.may_pause(pause_question) else ""
    shown = _shown(view, await _read(view, view.console.read_overview))
    return await view.render(
        "queues/queues.html", status, asked=pause_question, problem=problem, form=form or {}, **shown
    )


def _shown(view: PageView, snapshot: QueuesSnapshot) -> dict[str, Any]:
    lanes = snapshot.overview.lanes
    chosen = _chosen_lane(view, lanes)
    known = [lane for lane in lanes if lane.depth is not None]
    return {
        "overview": snapshot.overview,
        "span": _span(view),
        "spans": list(SPANS),
        "chosen": chosen,
        "lane_state": next((lane for lane in lanes if lane.name == chosen), None),
        "forecast": lambda lane: lane_forecast(view, lane),
        "depth_sparks": {
            name: [float(point.lanes[name].depth or 0) for point in snapshot.points if name in point.lanes]
            for name in LANE_NAMES
        },
        "total_waiting": sum(lane.depth or 0 for lane in known),
        "total_oldest": max((lane.oldest_s or 0.0 for lane in known), default=0.0),
        "charts": history_charts.lane_charts(view, snapshot.points, chosen, snapshot.step),
        "receiving": _received_shares(snapshot.overview, snapshot.channel_names),
        "lane_details": _lane_details(view),
        "receiver": snapshot.receiver,
        "receiver_sentence": receiver_sentence(view, snapshot.receiver),
    }


def _received_shares(overview: Overview, names: Mapping[str, str]) -> list[tuple[str, int, float]]:
    """Return the sources of the last hour with their counts and shares in percent, the largest first."""
    sources = sorted(overview.sources or (), key=lambda one: -one.received_1h)
    total = sum(one.received_1h for one in sources)
    shown = [one for one in sources if one.received_1h][:6]
    return [
        (origin_name(one.source, one.channel, names), one.received_1h, 100 * one.received_1h / total) for one in shown
    ]


def _lane_details(view: PageView) -> dict[str, str]:
    return {
        "waited_for": view.translate("forms and the API, a visitor waits"),
        "prompt": view.translate("webhooks, batches, answered at once"),
        "bulk": view.translate("replays and imports"),
        "automations": view.translate("steps that are due"),
        "deliveries": view.translate("webhooks out, mail, Slack"),
    }
