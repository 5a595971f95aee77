"""Authorization: decorators that state who may call a handler. A handler without one cannot be mounted."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from aiohttp import web

from shared.errors import Forbidden
from shared.keys import Key

Handler = TypeVar("Handler", bound=Callable[..., Any])

KEY = web.RequestKey("key", Key)
PUBLIC = ""  # no key needed
ANY_KEY = "any"  # any valid key
OR = " or "  # separates scopes of which one is enough


def public(handler: Handler) -> Handler:
    """Let anybody call the handler."""
    handler.scope = PUBLIC  # type: ignore[attr-defined]
    return handler


def any_key(handler: Handler) -> Handler:
    """Let any valid key call the handler, whatever its scopes; the handler decides what it shows."""
    handler.scope = ANY_KEY  # type: ignore[attr-defined]
    return handler


def needs(*scopes: str) -> Callable[[Handler], Handler]:
    """Let only a key with one of these scopes call the handler."""

    def mark(handler: Handler) -> Handler:
        handler.scope = OR.join(scopes)  # type: ignore[attr-defined]
        return handler

    return mark


def scope_of(request: web.Request) -> str:
    """Return the scope that the request's handler requires.

    A request without a handler (404, 405) requires any valid key, so that nobody can probe for routes. The exception is
    an address where all other methods are public: there is nothing to probe for.
    """
    scope: str | None = getattr(request.match_info.handler, "scope", None)
    if scope is not None:
        return scope
    here = [route for route in request.app.router.routes() if _path(route) == request.path]
    return PUBLIC if here and all(getattr(route.handler, "scope", "") == PUBLIC for route in here) else ANY_KEY


def _path(route: web.AbstractRoute) -> str | None:
    return route.resource.canonical if route.resource else None


def require(key: Key, scope: str) -> None:
    """Raise Forbidden, which names the scope, unless the key has it (or one of several)."""
    if not (scope == ANY_KEY or key.may(scope) or any(map(key.may, scope.split(OR)))):
        raise Forbidden(f"This API key lacks the scope {OR.join(map(repr, scope.split(OR)))}.")


def check_marked(routes: Iterable[web.RouteDef]) -> None:
    """Raise TypeError for a route whose handler does not state who may call it."""
    for route in routes:
        if not hasattr(route.handler, "scope"):
            raise TypeError(f"{route.method} {route.path}: mark the handler with public, any_key or requires_scope")
