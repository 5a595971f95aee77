"""Pages for errors: what happened, what is safe, what to do. They work while the database is away."""

from aiohttp import web

from services.console.web.page_view import PageView, last_membership
from shared.platform.db.database_engine import NoConnectionFree
from shared.platform.db.database_errors import is_unavailable
from shared.platform.db.standby_watch import CommitUnconfirmed, StandbyAway
from shared.platform.errors import ApiError, Overloaded, ServerError, ServiceUnavailable
from shared.platform.observability import logging
from shared.platform.web.response_headers import REQUEST_ID

log = logging.get_logger()


async def error_page(view: PageView, error: ApiError) -> web.Response:
    """Return the page of an error that a handler raised. Whoever is signed in keeps navigation and search."""
    if view.session and view.membership is None:
        view.membership = last_membership(view.request, view.session)
    is_busy = isinstance(error, Overloaded)
    is_unconfirmed = isinstance(error, CommitUnconfirmed)
    is_standby_away = isinstance(error, StandbyAway)
    has_own_words = is_busy or is_unconfirmed or is_standby_away
    is_away = isinstance(error, ServiceUnavailable) and not has_own_words
    response = await view.render(
        "error_database.html" if is_away else "error.html",
        error.status,
        error=error,
        is_busy=is_busy,
        is_unconfirmed=is_unconfirmed,
        is_standby_away=is_standby_away,
        request_id=view.request[REQUEST_ID],
    )
    response.headers.update(error.headers or {})
    return response


async def failure_page(view: PageView, error: Exception) -> web.Response:
    """Return the page of an unexpected error. A database that is away has a page of its own."""
    if isinstance(error, NoConnectionFree):
        return await error_page(view, Overloaded())
    if is_unavailable(error):
        log.warning("console.database_away", error=type(error).__name__)
        return await error_page(view, ServiceUnavailable())
    log.exception("console.failed", request_id=view.request[REQUEST_ID])
    return await error_page(view, ServerError())
