"""The session's cookie.

Over HTTPS, and on this machine, its name begins with `__Host-`, which binds it to this host. Over plain HTTP by name or
address browsers refuse such cookies, so it has a plain name there; the pages say that the connection is not protected.
"""

import ipaddress

from aiohttp import web

SECURE_COOKIE = "__Host-leadhub"
PLAIN_COOKIE = "leadhub"
LOCAL_NAMES = ("localhost", "localhost.localdomain")


def has_secure_context(request: web.Request, public_url: str) -> bool:
    """Return whether browsers treat the connection as secure: HTTPS, or this machine itself."""
    if public_url.startswith("https://") and request.host == public_url.removeprefix("https://").split("/")[0]:
        return True
    return request.secure or _is_this_machine(request.url.host or "")


def sent_session_token(request: web.Request) -> str | None:
    """Return the token of the session that the browser sent."""
    return request.cookies.get(SECURE_COOKIE) or request.cookies.get(PLAIN_COOKIE)


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


def _is_this_machine(host: str) -> bool:
    if host in LOCAL_NAMES or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
