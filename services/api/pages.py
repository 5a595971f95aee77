"""Pages of a list: what `page` and `per_page` may be, and the `meta` and `links` around the data."""

import ipaddress
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiohttp import web

from services.api.requests import check
from services.api.state import SETTINGS
from shared.errors import Fields

DEFAULT_SIZE, LARGEST = 15, 100
LAST_PAGE = 2**53  # beyond it a JSON number is no longer exact in JavaScript


class Page(NamedTuple):
    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def read_page(query: Mapping[str, str], errors: Fields) -> Page:
    """The page asked for; what is wrong with it goes into `errors`."""
    number = _positive(query, "page", 1, errors)
    size = _positive(query, "per_page", DEFAULT_SIZE, errors)
    return Page(min(number, LAST_PAGE), min(size, LARGEST))


def page_of(request: web.Request) -> Page:
    """The page that the request asks for. Raises ValidationFailed."""
    errors: Fields = {}
    page = read_page(request.query, errors)
    check(errors)
    return page


def paged(request: web.Request, data: list[Any], page: Page, total: int) -> dict[str, Any]:
    """A list's answer."""
    last = max(-(-total // page.size), 1)
    return {
        "data": data,
        "meta": {
            "current_page": page.number,
            "last_page": last,
            "per_page": page.size,
            "total": total,
            "from": page.offset + 1 if data else None,
            "to": page.offset + len(data) if data else None,
        },
        "links": {
            "first": _link(request, 1),
            "last": _link(request, last),
            "prev": _link(request, min(page.number - 1, last)) if page.number > 1 else None,
            "next": _link(request, page.number + 1) if page.number < last else None,
            "self": _link(request, page.number),
        },
    }


def walked(request: web.Request, data: list[Any], page: Page, next_cursor: str | None) -> dict[str, Any]:
    """The answer to a step of a walk."""
    return {
        "data": data,
        "meta": {"per_page": page.size, "next_cursor": next_cursor},
        "links": {
            "first": None,
            "last": None,
            "prev": None,
            "next": _link(request, next_cursor, "cursor") if next_cursor else None,
            "self": _link(request, request.query.get("cursor", ""), "cursor"),
        },
    }


def _positive(query: Mapping[str, str], name: str, default: int, errors: Fields) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) > 0):
        errors[name] = [f"The {name} field must be a positive integer."]
        return default
    return int(text)


def _link(request: web.Request, place: int | str, name: str = "page") -> str:
    query = [(other, value) for other, value in request.query.items() if other != name]
    url = request.rel_url.with_query([*query, (name, str(place))])
    return f"{base_url(request)}{url}"


def base_url(request: web.Request) -> str:
    """What absolute links start with: the public URL of the settings, else the request's host.

    `X-Forwarded-*` can be written by anybody: they count only from a proxy that the settings trust.
    """
    settings = request.app[SETTINGS]
    if settings.public_url:
        return settings.public_url.rstrip("/")
    scheme, host = request.scheme, request.host
    if _trusted(request.remote, settings.trusted_proxies):
        scheme = request.headers.get("X-Forwarded-Proto", scheme).split(",")[0].strip()
        host = request.headers.get("X-Forwarded-Host", host).split(",")[0].strip()
    return f"{scheme}://{host}"


def _trusted(remote: str | None, networks: str) -> bool:
    if not remote or not networks.strip():
        return False
    address = ipaddress.ip_address(remote.partition("%")[0])
    return any(address in ipaddress.ip_network(network.strip(), strict=False) for network in networks.split(","))
