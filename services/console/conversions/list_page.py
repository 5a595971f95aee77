"""Conversions: the ad platforms that are told of leads, each with what became of its newest events."""

from typing import Final

from aiohttp import web

from services.console.conversions import words
from services.console.conversions.reads import read_reports
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.integrations.conversion_check import RECENT_EVENTS

CONVERSIONS_PAGE: Final = "conversions"


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the connections."""
    async with view.console.reading() as connection:
        reports = await read_reports(connection, view.workspace.workspace_id)
    return await view.render(
        "conversions/list.html",
        rows=[
            (
                report,
                words.platform_name(report.type),
                words.connection_state(view, report),
                words.last_answer(view, report),
                words.events_sentence(view, report),
            )
            for report in reports
        ],
        platforms=platform_choices(view),
        most=RECENT_EVENTS,
    )


def platform_choices(view: PageView) -> list[tuple[str, str, str, str]]:
    """Return the platforms that can be connected: type, name, initials and what is needed."""
    return [(type_, one.name, one.initials, view.translate(one.note)) for type_, one in words.PLATFORM_WORDS.items()]
