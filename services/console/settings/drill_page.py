"""Drills: what the last ones found on this machine, the one that runs, its start and its stop, for operators."""

import asyncio
from typing import Any, NamedTuple

from aiohttp import web

from services.console.settings import drill_words
from services.console.web.access import workspace_page
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from services.console.web.password_confirmation import confirm_recently
from shared.auth.roles import Permission
from shared.operations.drill_certificates import DrillCertificate, read_certificates
from shared.operations.drill_progress import CurrentDrill, find_current_drill
from shared.operations.drill_requests import (
    DRILL_MINUTES,
    DrillStop,
    RequestedDrill,
    are_drills_offered,
    read_requested_drill,
    read_stop,
    request_drill,
    request_stop,
)
from shared.platform.installation import COMMAND_NAME
from shared.service_app.audit import audit_details

DRILL_PAGE = "settings/system/drill"
MAX_SHOWN_DRILLS = 10


class ShownDrills(NamedTuple):
    """What the data dir says of drills.

    `failed` is one that was asked for here and has no certificate, `stopped` says who ended the last one.
    """

    certificates: list[DrillCertificate]
    current: CurrentDrill | None
    failed: RequestedDrill | None
    stopped: DrillStop | None
    is_offered: bool


@workspace_page(Permission.OPERATE_INSTALLATION)
async def show(view: PageView) -> web.StreamResponse:
    """Show the newest certificate and earlier ones in a line each. `start` and `stop` open the questions."""
    return await _render(view, is_asking="start" in view.request.query, asks_stop="stop" in view.request.query)


@workspace_page(Permission.OPERATE_INSTALLATION)
async def live(view: PageView) -> web.StreamResponse:
    """Stream how far the drill is."""

    async def read() -> ShownDrills:
        return await _read_drills(view)

    return await stream_snapshots(view, "drill", read, _render_live)


@workspace_page(Permission.OPERATE_INSTALLATION)
async def start(view: PageView) -> web.StreamResponse:
    """Ask the `up` of this data dir for a drill. A form that does not say how long is answered with the question."""
    form = await view.read_fields()
    minutes = next((choice for choice in DRILL_MINUTES if str(choice) == form.get("minutes")), None)
    if minutes is None:
        return await _render(view, 422, is_asking=True)
    audit_details(view.request, after={"minutes": minutes})
    if problem := await confirm_recently(view, form):
        return await _render(view, 422, is_asking=True, minutes=minutes, password_problem=problem)
    if problem := await asyncio.to_thread(_ask_for_drill, view, minutes):
        return await _render(view, 409, problem=problem)
    view.redirect(view.path(DRILL_PAGE), view.translate("The drill starts."))


@workspace_page(Permission.OPERATE_INSTALLATION)
async def stop(view: PageView) -> web.StreamResponse:
    """Ask the drill that is under way to stop, if it is the one that the form was about."""
    form = await view.read_fields()
    if problem := await asyncio.to_thread(_ask_for_stop, view, form.get("since", "")):
        return await _render(view, 409, problem=problem)
    view.redirect(view.path(DRILL_PAGE), view.translate("The drill is being stopped."))


def _ask_for_drill(view: PageView, minutes: int) -> str | None:
    """Ask for a drill. Return why there is none, so that the answer is a refusal."""
    data_dir = view.console.settings.data_dir
    if not are_drills_offered(data_dir):
        return view.translate("No drill was started: no up runs on this data dir.")
    if find_current_drill(data_dir) or not request_drill(data_dir, minutes):
        return view.translate("A drill is under way already.")
    return None


def _ask_for_stop(view: PageView, since: str) -> str | None:
    """Ask for a stop of the drill that began then. Return why nothing is stopped."""
    data_dir = view.console.settings.data_dir
    current = find_current_drill(data_dir)
    if current is None:
        return view.translate("Nothing was stopped: no drill runs.")
    if since != current.since.isoformat():
        return view.translate("Nothing was stopped: another drill runs by now.")
    if current.stop:
        return view.translate("The drill is being stopped already.")
    request_stop(data_dir, view.account.name)
    return None


async def _read_drills(view: PageView) -> ShownDrills:
    return await asyncio.to_thread(_read_files, view)


def _read_files(view: PageView) -> ShownDrills:
    data_dir = view.console.settings.data_dir
    certificates = read_certificates(data_dir, MAX_SHOWN_DRILLS)
    current, requested, stopped = find_current_drill(data_dir), read_requested_drill(data_dir), read_stop(data_dir)
    failed = requested if requested and not current and not requested.is_under_way else None
    earlier = max(
        (*(certificate.made_at for certificate in certificates[:1]), *([failed.asked_at] if failed else [])),
        default=None,
    )
    if current or (stopped and earlier and stopped.at < earlier):
        stopped = None
    return ShownDrills(
        certificates, current, None if stopped else failed, stopped, is_offered=are_drills_offered(data_dir)
    )


async def _render(view: PageView, status: int = 200, **dialog_values: Any) -> web.Response:
    drills = await _read_drills(view)
    shown = {
        "is_asking": False,
        "asks_stop": False,
        "minutes": DRILL_MINUTES[0],
        "password_problem": None,
        "problem": None,
        **dialog_values,
    }
    return await view.render(
        "settings/drill.html", status, minutes_choices=DRILL_MINUTES, **_shown_drills(view, drills), **shown
    )


def _render_live(view: PageView, drills: ShownDrills) -> str:
    return view.render_text("settings/_drill_live.html", **_shown_drills(view, drills))


def _shown_drills(view: PageView, drills: ShownDrills) -> dict[str, Any]:
    newest = drills.certificates[0] if drills.certificates else None
    headline, colour = drill_words.drill_headline(view, newest, drills.current, drills.stopped)
    counts = (
        {name: (title, getattr(newest.totals, name)) for name, title in drill_words.COUNT_TITLES.items()}
        if newest is not None
        else {}
    )
    return {
        "drill_page": DRILL_PAGE,
        "newest": newest,
        "earlier": drills.certificates[1:],
        "current": drills.current,
        "failed": drills.failed,
        "stopped": drills.stopped,
        "is_offered": drills.is_offered,
        "headline": headline,
        "headline_colour": colour,
        "command": f"{COMMAND_NAME} drill",
        "titled_counts": counts,
        "clock_time": drill_words.clock_time,
        "phase_title": lambda phase: drill_words.phase_title(view, phase),
        "certificate_sentence": lambda coded, english: drill_words.certificate_sentence(view, coded, english),
        "fault_title": lambda fault: drill_words.fault_title(view, fault),
    }
