"""The session's cookie.

Over HTTPS, and on this machine, its name begins with `__Host-`, which binds it to this host. Over plain HTTP by name or
address browsers refuse such cookies, so it has a plain name there; the pages say that the connection is not protected.
The plain one counts nowhere else: other hosts of the domain can set it.
"""

from urllib.parse import urlsplit

from aiohttp import web

from services.console.web.served_hosts import host_name, is_this_machine
from shared.platform.settings import Settings
from shared.platform.web.client_address import requested_origin

SECURE_COOKIE = "__Host-leadhub"
PLAIN_COOKIE = "leadhub"


def has_secure_context(request: web.Request, settings: Settings) -> bool:
    """Return whether browsers treat the connection as secure: HTTPS, or this machine itself."""
    scheme, host = requested_origin(request, settings)
    public = urlsplit(settings.public_url)
    if public.scheme == "https" and host.lower() == public.netloc.lower():
        return True
    return scheme == "https" or is_this_machine(host_name(host))


def sent_session_token(request: web.Request, settings: Settings) -> str | None:
    """Return the token of the session that the browser sent."""
    bound = request.cookies.get(SECURE_COOKIE)
    return bound if bound or has_secure_context(request, settings) else request.cookies.get(PLAIN_COOKIE)


def set_session_cookie(response: web.StreamResponse, token: str, *, is_secure: bool, max_age: int | None) -> None:
    """Give the browser a session. Without `max_age` (seconds) it lasts until the browser is closed."""
    response.set_cookie(
        SECURE_COOKIE if is_secure else PLAIN_COOKIE,
        token,
        path="/",
        max_age=max_age,
        secure=is_secure,
        httponly=True,
        samesite="Lax",
    )


def delete_session_cookie(response: web.StreamResponse) -> None:
    """Make the browser forget the session."""
    response.del_cookie(SECURE_COOKIE, path="/", secure=True, httponly=True, samesite="Lax")
    response.del_cookie(PLAIN_COOKIE, path="/", httponly=True, samesite="Lax")
