"""The answer to addresses below `/console/` that do not exist."""

from aiohttp import web

from services.console.web.access import anonymous_page, find_membership
from services.console.web.page_view import PageView
from shared.platform.errors import NotFound


@anonymous_page
async def nothing_here(view: PageView) -> web.StreamResponse:
    """Raise NotFound, which becomes a page with the navigation of the workspace that the address begins with."""
    if view.session:
        slug = view.request.match_info["tail"].partition("/")[0]
        view.membership = await find_membership(view, view.session, slug)
    raise NotFound


FALLBACK_ROUTES = [web.route("*", "/console/{tail:.*}", nothing_here)]
