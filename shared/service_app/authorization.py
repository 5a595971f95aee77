"""Authorization: decorators that state who may call a handler. A handler without one cannot be mounted."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from aiohttp import web

from shared.auth.api_keys import AuthenticatedKey
from shared.platform.errors import Forbidden

HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])

API_KEY = web.RequestKey("key", AuthenticatedKey)
PUBLIC_SCOPE = ""  # no key needed
ANY_KEY_SCOPE = "any"  # any valid key
SCOPE_SEPARATOR = " or "  # separates scopes of which one is enough
ALL_SCOPES_SEPARATOR = " and "  # separates scopes that are all needed


def public(handler: HandlerT) -> HandlerT:
    """Let anybody call the handler."""
    handler.scope = PUBLIC_SCOPE  # type: ignore[attr-defined]
    return handler


def any_key(handler: HandlerT) -> HandlerT:
    """Let any valid key call the handler, whatever its scopes; the handler decides what it shows."""
    handler.scope = ANY_KEY_SCOPE  # type: ignore[attr-defined]
    return handler


def requires_scope(*scopes: str) -> Callable[[HandlerT], HandlerT]:
    """Let only a key with one of these scopes call the handler."""

    def mark(handler: HandlerT) -> HandlerT:
        handler.scope = SCOPE_SEPARATOR.join(scopes)  # type: ignore[attr-defined]
        return handler

    return mark


def requires_scopes(*scopes: str) -> Callable[[HandlerT], HandlerT]:
    """Let only a key with all of these scopes call the handler."""

    def mark(handler: HandlerT) -> HandlerT:
        handler.scope = ALL_SCOPES_SEPARATOR.join(scopes)  # type: ignore[attr-defined]
        return handler

    return mark


def required_scope(request: web.Request) -> str:
    """Return the scope that the request's handler requires.

    A request without a handler (404, 405) requires any valid key, so that nobody can probe for routes. The exception is
    an address where all other methods are public: there is nothing to probe for.
    """
    scope: str | None = getattr(request.match_info.handler, "scope", None)
    if scope is not None:
        return scope
    here = [route for route in request.app.router.routes() if _route_path(route) == request.path]
    return (
        PUBLIC_SCOPE
        if here and all(getattr(route.handler, "scope", "") == PUBLIC_SCOPE for route in here)
        else ANY_KEY_SCOPE
    )


def _route_path(route: web.AbstractRoute) -> str | None:
    return route.resource.canonical if route.resource else None


def check_scope(key: AuthenticatedKey, scope: str) -> None:
    """Raise Forbidden, which names the scope, unless the key has it (or one of several, or all that are needed)."""
    if ALL_SCOPES_SEPARATOR in scope:
        missing = [repr(one) for one in scope.split(ALL_SCOPES_SEPARATOR) if not key.has_scope(one)]
        if missing:
            raise Forbidden(f"This API key lacks the scope {ALL_SCOPES_SEPARATOR.join(missing)}.")
        return
    if not (scope == ANY_KEY_SCOPE or key.has_scope(scope) or any(map(key.has_scope, scope.split(SCOPE_SEPARATOR)))):
        raise Forbidden(
            f"This API key lacks the scope {SCOPE_SEPARATOR.join(map(repr, scope.split(SCOPE_SEPARATOR)))}."
        )


def check_scopes_declared(routes: Iterable[web.RouteDef]) -> None:
    """Raise TypeError for a route whose handler does not state who may call it."""
    for route in routes:
        if not hasattr(route.handler, "scope"):
            raise TypeError(f"{route.method} {route.path}: mark the handler with public, any_key or requires_scope")
