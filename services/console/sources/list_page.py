"""Sources: all of them in a list, and the most remarkable one beside it."""

from aiohttp import web

from services.console.sources.source_page import render_source
from services.console.web.access import workspace_page
from services.console.web.page_view import PageView
from shared.auth.roles import Permission


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """List the sources."""
    return await render_source(view, None)
