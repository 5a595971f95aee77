"""Who may call a handler of the console. Each handler has one of these decorators; a test walks all routes by them.

The order of the checks is part of the security of the console, so it stands in one place: host, cross-site, session,
workspace, permission, and only then the body.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps

from aiohttp import hdrs, web

from services.console.web import error_pages
from services.console.web.connection_turns import ANONYMOUS_OWNER, turn_owner
from services.console.web.context import CONSOLE_CONTEXT
from services.console.web.csrf import cross_site_reason
from services.console.web.open_pages import REFUSAL_DELAY_SECONDS, TooManyPages
from services.console.web.page_view import PageView, Redirection, last_membership
from services.console.web.served_hosts import MisdirectedRequest, is_served, own_origins
from services.console.web.session_cookie import has_secure_context, sent_session_token, set_session_cookie
from services.console.web.single_answer import ANSWERED_ONCE
from services.console.web.translations import mark_message as _
from shared.audit.audit_entry import AuditActor
from shared.auth.roles import Permission
from shared.auth.sessions import AuthenticatedSession, Membership, SessionEnded, renew_session
from shared.platform.errors import ApiError, Forbidden, NotFound
from shared.platform.observability import logging
from shared.platform.web.openapi import responds
from shared.platform.web.response_headers import LOG_FIELDS
from shared.service_app.audit import AUDIT_ACTOR

log = logging.get_logger()

PageHandler = Callable[[PageView], Awaitable[web.StreamResponse]]
RouteHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ANONYMOUS_ACCESS = "anonymous"
ACCOUNT_ACCESS = "account"
SIGN_IN_PATH = "/console/sign-in"
SECONDS_A_DAY = 86_400
LIVE_SUFFIX = "/live"  # of the addresses of streams
UNKNOWN_HOST_MESSAGE = _(
    "This console does not serve the host %(host)s. Whoever runs it sets LEADHUB_PUBLIC_URL, or adds the host to "
    "LEADHUB_HOSTS."
)
CROSS_SITE_MESSAGE = "This request did not come from this console: {}."


class SignInNeeded(Exception):
    """The request has no session."""


def anonymous_page(handler: PageHandler) -> RouteHandler:
    """Let anybody call the handler, such as the sign-in page."""
    return _guarded(handler, ANONYMOUS_ACCESS)


def account_page(handler: PageHandler) -> RouteHandler:
    """Let every account that is signed in call the handler: what people set for themselves."""
    return _guarded(handler, ACCOUNT_ACCESS)


def workspace_page(permission: Permission) -> Callable[[PageHandler], RouteHandler]:
    """Let members of the workspace in the address call the handler whose role has the permission."""
    return lambda handler: _guarded(handler, permission)


def _guarded(handler: PageHandler, access: str | Permission) -> RouteHandler:
    @responds(None, raw="text/html", other_statuses=(303, 403, 404, 421))
    @wraps(handler)
    async def guarded(request: web.Request) -> web.StreamResponse:
        view = PageView(request)
        try:
            await _admit(view, access)
            if request.method == hdrs.METH_POST and not hasattr(handler, ANSWERED_ONCE):
                _end_repetition(view)
            with _counted_page(view):
                return await _renew_session(view, await handler(view))
        except TooManyPages as error:  # a page that says it would cost more than what is refused
            await asyncio.sleep(REFUSAL_DELAY_SECONDS)
            headers = {**error.headers, "X-Content-Type-Options": "nosniff"}
            return web.Response(status=error.status, text=str(error), headers=headers)
        except (SignInNeeded, SessionEnded):
            return _sign_in_response(request)
        except Redirection as redirection:
            return await _renew_session(view, redirection.response)
        except ApiError as error:
            return await error_pages.error_page(view, error)
        except Exception as error:
            return await error_pages.failure_page(view, error)

    guarded.scope = ""  # type: ignore[attr-defined]  # no API key: the session decides
    guarded.access = access  # type: ignore[attr-defined]
    return guarded


def _end_repetition(view: PageView) -> None:
    """Take the account's next form as new: whoever does something else in between does not press twice."""
    if view.session is not None:
        view.console.repeated_forms.forget(view.session.account_id)


def _counted_page(view: PageView) -> AbstractContextManager[None]:
    """Count a page of an account while it is under way. Live streams have limits of their own."""
    if view.session is None or view.request.path.endswith(LIVE_SUFFIX):
        return nullcontext()
    workspace_id = view.membership.workspace_id if view.membership else 0
    return view.console.open_pages.counted(view.session.account_id, workspace_id)


async def _admit(view: PageView, access: str | Permission) -> None:
    """Find the reader and the workspace. Raises MisdirectedRequest, SignInNeeded, Forbidden or NotFound."""
    request = view.request
    settings = request.app[CONSOLE_CONTEXT].settings
    if not is_served(request, settings):
        log.warning("console.unknown_host_refused")
        raise MisdirectedRequest(view.translate(UNKNOWN_HOST_MESSAGE, host=view.requested_host))
    reason = cross_site_reason(request.method, request.headers, own_origins(request, settings))
    if reason:
        log.warning("console.cross_site_refused", reason=reason)
        raise Forbidden(CROSS_SITE_MESSAGE.format(reason))
    turn_owner.set(ANONYMOUS_OWNER)
    token = sent_session_token(request, settings)
    view.session = await request.app[CONSOLE_CONTEXT].sessions.authenticate(token) if token else None
    if view.session is not None:
        turn_owner.set(-view.session.account_id)
    if access == ANONYMOUS_ACCESS:
        return
    if view.session is None:
        raise SignInNeeded
    account = view.session
    request[LOG_FIELDS] = {"account_id": account.account_id}
    request[AUDIT_ACTOR] = AuditActor("user", account.account_id, account.name)
    if access == ACCOUNT_ACCESS:
        view.membership = last_membership(view.request, view.session)  # for the navigation alone
    if isinstance(access, Permission):
        view.membership = await find_membership(view, view.session, request.match_info["workspace"])
        workspace_id = view.membership.workspace_id
        turn_owner.set(workspace_id)
        request[LOG_FIELDS]["workspace_id"] = workspace_id
        request[AUDIT_ACTOR] = AuditActor("user", account.account_id, account.name, workspace_id)
        if not view.permits(access):
            raise view.refusal(access)


async def find_membership(view: PageView, session: AuthenticatedSession, slug: str) -> Membership:
    """Return the reader's membership in a workspace. Raises NotFound for a foreign workspace."""
    if slug in session.memberships:
        return session.memberships[slug]
    if session.is_operator:
        found = await view.console.find_workspace(slug)
        if found is not None:
            return found
    raise NotFound


async def _renew_session(view: PageView, response: web.StreamResponse) -> web.StreamResponse:
    """Give the browser a new token where one is due: after the reader's rights changed."""
    session = view.session
    if session is None or not session.needs_renewal or response.prepared:
        return response
    token = await view.console.writing(lambda connection: renew_session(connection, session.id))
    if token:
        is_secure = has_secure_context(view.request, view.console.settings)
        max_age = round(view.console.settings.session_days * SECONDS_A_DAY) if session.is_kept else None
        set_session_cookie(response, token, is_secure=is_secure, max_age=max_age)
    return response


def _sign_in_response(request: web.Request) -> web.Response:
    """Send a reader to the sign-in page, and back to the page afterwards. A part of a page reloads the whole page."""
    if request.headers.get("HX-Request"):
        return web.Response(status=401, headers={"HX-Redirect": SIGN_IN_PATH})
    back = request.rel_url.human_repr() if request.method == hdrs.METH_GET else "/console/"
    location = request.rel_url.with_path(SIGN_IN_PATH).with_query({"next": back})
    return web.Response(status=303, headers={"Location": str(location)})
