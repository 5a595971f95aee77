"""Sources: all of them in a list, and the most remarkable one beside it."""

from aiohttp import web

from services.console.access import workspace_page
from services.console.page_view import PageView
from services.console.pages.source_page import render_source
from shared.auth.roles import Permission


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the sources."""
    return await render_source(view, None)
