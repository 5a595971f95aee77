"""From which sites a form may be posted: `Origin`, else `Referer`, against the form's allowed origins."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from shared.forms.definition import FormDefinition
from shared.platform.settings import Settings
from shared.platform.web.client_address import base_url

PREFLIGHT_SECONDS = 600  # how long browsers may remember an answer: a change of the origins takes effect by then
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def is_origin_permitted(request: web.Request, form: FormDefinition, settings: Settings) -> bool:
    """Return whether the request may come from where it comes. A form without allowed origins takes it from anywhere.

    Pages of our own origin always may. A request that names neither `Origin` nor `Referer` may not.
    """
    allowed = form.settings["allowed_origins"]
    return not allowed or sent_origin(request) in {*map(_plain_origin, allowed), own_origin(request, settings)}


def sent_origin(request: web.Request) -> str | None:
    """Return the origin that the request comes from. `null`, as from a sandboxed frame, counts as none."""
    for header in (hdrs.ORIGIN, hdrs.REFERER):
        sent = request.headers.get(header)
        if sent and sent != "null":
            return _plain_origin(sent)
    return None


def own_origin(request: web.Request, settings: Settings) -> str | None:
    """Return the origin of this service, as the visitor's browser sees it."""
    return _plain_origin(base_url(request, settings))


def cors_headers(request: web.Request, form: FormDefinition, settings: Settings) -> dict[str, str]:
    """Return the headers that let a script of a permitted site read an answer. Without credentials."""
    if not form.settings["allowed_origins"]:
        return {"Access-Control-Allow-Origin": "*", **_EXPOSED}
    origin = request.headers.get(hdrs.ORIGIN)
    if origin and origin != "null" and is_origin_permitted(request, form, settings):
        return {"Access-Control-Allow-Origin": origin, hdrs.VARY: "Origin", **_EXPOSED}
    return {hdrs.VARY: "Origin"}


def preflight_headers(request: web.Request, form: FormDefinition, settings: Settings) -> Mapping[str, str]:
    """Return the headers of the answer to a browser that asks whether a script may post."""
    return {
        **cors_headers(request, form, settings),
        "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
        "Access-Control-Allow-Headers": "Content-Type, Accept, Idempotency-Key, X-Request-Id",
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
    }


_EXPOSED = {"Access-Control-Expose-Headers": "Retry-After, X-Request-Id, Idempotent-Replayed"}


def _plain_origin(address: str) -> str | None:
    """Return the origin of an address: scheme, host and a port that is not the scheme's own, in lower case."""
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2].lower()
    except ValueError:
        return None
    if not host or parts.scheme not in _DEFAULT_PORTS:
        return None
    return f"{parts.scheme}://{host.removesuffix(_DEFAULT_PORTS[parts.scheme])}"
