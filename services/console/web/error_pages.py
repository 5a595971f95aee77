"""Pages for errors: what happened, what is safe, what to do. They work while the database is away."""

from aiohttp import web

from services.console.web.page_view import PageView
from shared.db.errors import is_unavailable
from shared.errors import ApiError, ServerError, ServiceUnavailable
from shared.observability import logging
from shared.web.middleware import REQUEST_ID

log = logging.get_logger()


async def error_page(view: PageView, error: ApiError) -> web.Response:
    """Return the page of an error that a handler raised."""
    template = "error_database.html" if isinstance(error, ServiceUnavailable) else "error.html"
    response = await view.render(template, error.status, error=error, request_id=view.request[REQUEST_ID])
    response.headers.update(error.headers or {})
    return response


async def failure_page(view: PageView, error: Exception) -> web.Response:
    """Return the page of an unexpected error. A database that is away has a page of its own."""
    if is_unavailable(error):
        log.warning("console.database_away", error=type(error).__name__)
        return await error_page(view, ServiceUnavailable())
    log.exception("console.failed", request_id=view.request[REQUEST_ID])
    return await error_page(view, ServerError())
