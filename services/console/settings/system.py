"""System: what the installation runs, for operators."""

from datetime import datetime
from typing import Any

from aiohttp import web

from services.console.queues.lane_words import activity_title
from services.console.settings.system_words import process_title, system_headline, system_notes
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView, workspace_path
from shared.auth.roles import Permission
from shared.operations.settings_display import changed_settings, shown_address
from shared.operations.system_report import SystemProcess, SystemReport, read_disk, read_system_report
from shared.platform.observability.metrics_server import METRICS_PATH

HEALTH_PATH = "/api/v1/health"


@workspace_page(Permission.OPERATE_INSTALLATION)
async def show(view: PageView) -> web.StreamResponse:
    """Show the processes, stores, tables, settings and workspaces of the installation."""
    async with view.console.reading() as connection:
        report = await read_system_report(connection)
    overview = await view.console.overviews.read_overview()
    disk = read_disk(view.console.settings.data_dir)
    headline, colour = system_headline(view, report, overview.stores)
    return await view.render(
        "settings/system.html",
        report=report,
        stores=overview.stores,
        disk=disk,
        headline=headline,
        headline_colour=colour,
        notes=list(system_notes(view, report, overview.stores, disk)),
        up_since=_up_since(report),
        hosts=len({process.host for process in report.processes}),
        does=lambda process: _what_it_does(view, process),
        workspace_path=workspace_path,
        **_shown_settings(view),
    )


def _shown_settings(view: PageView) -> dict[str, Any]:
    settings = view.console.settings
    return {
        "settings": settings,
        "changed": changed_settings(settings),
        "addresses": {
            "database": shown_address(settings.database_url),
            "broker": shown_address(settings.broker_url),
            "redis": shown_address(settings.redis_url),
            "spool": shown_address(settings.spool_url),
        },
        "health_path": HEALTH_PATH,
        "metrics_url": f"http://{settings.metrics_host}:{settings.metrics_port}{METRICS_PATH}"
        if settings.metrics_port
        else "",
    }


def _up_since(report: SystemReport) -> datetime | None:
    """Return since when something runs without a break."""
    return min((process.started_at for process in report.alive), default=None)


def _what_it_does(view: PageView, process: SystemProcess) -> str:
    if process.kind == "worker":
        return activity_title(view, process.activity)
    return process_title(view, process.kind)
