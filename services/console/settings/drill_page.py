"""Drills: what the last ones found on this machine, and the start of another, for operators."""

import asyncio
from typing import Any, NamedTuple

from aiohttp import web

from services.console.settings.drill_words import COUNT_TITLES, drill_headline, fault_title
from services.console.web.access import workspace_page
from services.console.web.live_updates import stream_snapshots
from services.console.web.page_view import PageView
from services.console.web.password_confirmation import confirm_recently
from shared.auth.roles import Permission
from shared.operations.drill_certificates import DrillCertificate, read_certificates
from shared.operations.drill_requests import (
    DRILL_MINUTES,
    RequestedDrill,
    are_drills_offered,
    read_requested_drill,
    request_drill,
)
from shared.platform.installation import COMMAND_NAME
from shared.service_app.audit import audit_details

DRILL_PAGE = "settings/system/drill"
MAX_SHOWN_DRILLS = 10


class ShownDrills(NamedTuple):
    """What the data dir says of drills. `requested` is the one that was asked for here and has no certificate yet."""

    certificates: list[DrillCertificate]
    requested: RequestedDrill | None
    is_offered: bool


@workspace_page(Permission.OPERATE_INSTALLATION)
async def show(view: PageView) -> web.StreamResponse:
    """Show the newest certificate and earlier ones in a line each. With `start` the question about another is open."""
    return await _render(view, is_asking="start" in view.request.query)


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
    audit_details(view.request, action="drill.started", after={"minutes": minutes})
    if problem := await confirm_recently(view, form):
        return await _render(view, 422, is_asking=True, minutes=minutes, password_problem=problem)
    data_dir = view.console.settings.data_dir
    if not await asyncio.to_thread(are_drills_offered, data_dir):
        return await _render(view, 409)
    is_new = await asyncio.to_thread(request_drill, data_dir, minutes)
    said = view.translate("The drill starts.") if is_new else view.translate("A drill is under way already.")
    view.redirect(view.path(DRILL_PAGE), said)


async def _read_drills(view: PageView) -> ShownDrills:
    return await asyncio.to_thread(_read_files, view)


def _read_files(view: PageView) -> ShownDrills:
    data_dir = view.console.settings.data_dir
    return ShownDrills(
        read_certificates(data_dir, MAX_SHOWN_DRILLS), read_requested_drill(data_dir), are_drills_offered(data_dir)
    )


async def _render(view: PageView, status: int = 200, **asked: Any) -> web.Response:
    drills = await _read_drills(view)
    shown = {"is_asking": False, "minutes": DRILL_MINUTES[0], "password_problem": None, **asked}
    return await view.render(
        "settings/drill.html", status, minutes_choices=DRILL_MINUTES, **_shown_drills(view, drills), **shown
    )


def _render_live(view: PageView, drills: ShownDrills) -> str:
    return view.render_text("settings/_drill_live.html", **_shown_drills(view, drills))


def _shown_drills(view: PageView, drills: ShownDrills) -> dict[str, Any]:
    newest = drills.certificates[0] if drills.certificates else None
    is_under_way = drills.requested is not None and drills.requested.is_under_way
    headline, colour = drill_headline(view, newest, is_under_way=is_under_way)
    counts = (
        {name: (title, getattr(newest.totals, name)) for name, title in COUNT_TITLES.items()}
        if newest is not None
        else {}
    )
    return {
        "drill_page": DRILL_PAGE,
        "newest": newest,
        "earlier": drills.certificates[1:],
        "requested": drills.requested,
        "is_under_way": is_under_way,
        "is_offered": drills.is_offered,
        "headline": headline,
        "headline_colour": colour,
        "command": f"{COMMAND_NAME} drill",
        "titled_counts": counts,
        "fault_title": lambda fault: fault_title(view, fault),
    }
