"""Drills: what the last ones found on this machine, for operators."""

import asyncio

from aiohttp import web

from services.console.settings.drill_words import COUNT_TITLES, drill_headline, fault_title
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.operations.drill_certificates import read_certificates
from shared.platform.installation import COMMAND_NAME

MAX_SHOWN_DRILLS = 10


@workspace_page(Permission.OPERATE_INSTALLATION)
async def show(view: PageView) -> web.StreamResponse:
    """Show the newest certificate of the data dir, earlier ones in a line each, and the command for another."""
    certificates = await asyncio.to_thread(read_certificates, view.console.settings.data_dir, MAX_SHOWN_DRILLS)
    newest = certificates[0] if certificates else None
    headline, colour = drill_headline(view, newest)
    return await view.render(
        "settings/drill.html",
        newest=newest,
        earlier=certificates[1:],
        headline=headline,
        command=f"{COMMAND_NAME} drill",
        headline_colour=colour,
        titled_counts={name: (title, getattr(newest.totals, name)) for name, title in COUNT_TITLES.items()}
        if newest
        else {},
        fault_title=lambda fault: fault_title(view, fault),
    )
