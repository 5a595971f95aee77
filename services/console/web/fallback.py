"""The answer to addresses below `/console/` that do not exist."""

from aiohttp import web

from services.console.web.access import anonymous_page
from services.console.web.page_view import PageView
from shared.platform.errors import NotFound


@anonymous_page
async def nothing_here(view: PageView) -> web.StreamResponse:
    """Raise NotFound, which becomes a page."""
    raise NotFound


FALLBACK_ROUTES = [web.route("*", "/console/{tail:.*}", nothing_here)]
