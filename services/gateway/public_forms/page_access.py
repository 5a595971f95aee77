"""Who may ask for a public page: anybody. Its errors become pages, or JSON for scripts."""

from collections.abc import Awaitable, Callable
from functools import wraps

from aiohttp import web

from services.gateway.context import GATEWAY_CONTEXT
from services.gateway.public_forms.form_lookup import find_public_form
from services.gateway.public_forms.form_origins import cors_headers
from services.gateway.public_forms.page_responses import request_language
from services.gateway.public_forms.post_answers import refusal
from shared.forms.definition import FormDefinition
from shared.platform.db.database_errors import is_unavailable
from shared.platform.errors import ApiError, ServerError, ServiceUnavailable
from shared.platform.observability import logging
from shared.platform.web.openapi import responds
from shared.platform.web.response_headers import LOG_FIELDS, REQUEST_ID
from shared.service_app.authorization import public
from shared.service_app.middleware import DATABASE_AWAY_MESSAGE

log = logging.get_logger()

PageHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PUBLIC_FORM = web.RequestKey("public_form", FormDefinition)  # the form that a request is about, once it is known


def form_page(handler: PageHandler) -> PageHandler:
    """Let anybody call a handler of public forms. Its errors become pages, or JSON for scripts."""

    @public
    @responds(None, raw="text/html", other_statuses=(304, 404, 503))
    @wraps(handler)
    async def answered(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except ApiError as error:
            return _problem_response(request, error)
        except Exception as error:
            if is_unavailable(error):
                log.warning("form_page.database_away", error=type(error).__name__)
                return _problem_response(request, ServiceUnavailable(DATABASE_AWAY_MESSAGE))
            log.exception("form_page.failed", request_id=request[REQUEST_ID])
            return _problem_response(request, ServerError())

    return answered


async def find_form(request: web.Request) -> FormDefinition:
    """Return the active form of the request's path. Raises NotFound, or ServiceUnavailable if it cannot be known."""
    form = await find_public_form(request.app[GATEWAY_CONTEXT], request.match_info["public_id"])
    request[PUBLIC_FORM] = form
    request[LOG_FIELDS] = {"workspace_id": form.workspace_id, "form_id": form.id}
    return form


def _problem_response(request: web.Request, error: ApiError) -> web.Response:
    form, settings = request.get(PUBLIC_FORM), request.app[GATEWAY_CONTEXT].settings
    headers = {**(error.headers or {}), **(cors_headers(request, form, settings) if form else {})}
    return refusal(request, error, form=form, language=request_language(request, form), headers=headers)
