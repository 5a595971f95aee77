"""Pages of a list: the values of `page` and `per_page`, and the `meta` and `links` around the data."""

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from aiohttp import web

from services.api.cursors import BadCursor, Position, Signer
from services.api.requests import check, workspace_of
from services.api.state import SETTINGS, VAULT
from shared.errors import Fields
from shared.web.describe import description

DEFAULT_SIZE, LARGEST = 15, 100
PAGING = ("page", "per_page", "cursor")
NOT_BOTH = "The cursor field cannot be sent together with page."
NOT_OF_THIS = "The cursor field is no cursor of this list: send what next_cursor said, with the same filters and sort."
LAST_PAGE = 2**53  # beyond it a JSON number is no longer exact in JavaScript


class Walk(NamedTuple):
    """A page by cursor: the signer of the list's cursors, and the position of the previous page's end."""

    signer: Signer
    after: Position | None


class Page(NamedTuple):
    """A page by number or, if it has a `walk`, by cursor."""

    number: int
    size: int
    walk: Walk | None = None

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def read_page(request: web.Request, errors: Fields) -> Page:
    """Return the requested page. Errors go into `errors`."""
    return read_numbers(request.query, errors)._replace(walk=_walk(request, errors))


def _walk(request: web.Request, errors: Fields) -> Walk | None:
    if "cursor" not in request.query:
        return None
    narrowed = {name: request.query[name] for name in _filters(request) if name in request.query}
    signer = Signer(request.app[VAULT].signing_key(), workspace_of(request), request.path, narrowed)
    return Walk(signer, read_cursor(request.query, signer, errors))


def _filters(request: web.Request) -> Iterable[str]:
    """Return the query parameters that the list knows, in addition to those of paging."""
    asks = description(request.match_info.handler).asks
    return asks.fields.__annotations__ if asks else ()


def read_cursor(query: Mapping[str, str], signer: Signer, errors: Fields) -> Position | None:
    """Return the cursor's position, or None for the first page. Errors go into `errors`."""
    text, wrong = query["cursor"], [NOT_BOTH] if "page" in query else []
    try:
        after = signer.read(text) if text else None
    except BadCursor:
        wrong, after = [*wrong, NOT_OF_THIS], None
    if wrong:
        errors["cursor"] = wrong
    return after


def read_numbers(query: Mapping[str, str], errors: Fields) -> Page:
    """Return the page by `page` and `per_page`. Errors go into `errors`."""
    number = _positive(query, "page", 1, errors)
    size = _positive(query, "per_page", DEFAULT_SIZE, errors)
    return Page(min(number, LAST_PAGE), min(size, LARGEST))


def page_of(request: web.Request) -> Page:
    """Return the requested page. Raises ValidationFailed."""
    errors: Fields = {}
    page = read_page(request, errors)
    check(errors)
    return page


def paged(request: web.Request, data: list[Any], page: Page, total: int, by: str | None = None) -> dict[str, Any]:
    """Return the response of a list.

    `by` is the field that the list is sorted by ahead of the id. For a page by cursor `total` only tells whether more
    follows.
    """
    if page.walk:
        last = Position(data[-1][by] if by else None, data[-1]["id"]) if total > len(data) else None
        return walked(request, data, page, page.walk.signer.write(last) if last else None)
    pages = max(-(-total // page.size), 1)
    return {
        "data": data,
        "meta": {
            "current_page": page.number,
            "last_page": pages,
            "per_page": page.size,
            "total": total,
            "from": page.offset + 1 if data else None,
            "to": page.offset + len(data) if data else None,
            **_ignored(request),
        },
        "links": {
            "first": _link(request, 1),
            "last": _link(request, pages),
            "prev": _link(request, min(page.number - 1, pages)) if page.number > 1 else None,
            "next": _link(request, page.number + 1) if page.number < pages else None,
            "self": _link(request, page.number),
        },
    }


def walked(request: web.Request, data: list[Any], page: Page, next_cursor: str | None) -> dict[str, Any]:
    """Return the response of a page by cursor."""
    return {
        "data": data,
        "meta": {"per_page": page.size, "next_cursor": next_cursor, **_ignored(request)},
        "links": {
            "first": None,
            "last": None,
            "prev": None,
            "next": _link(request, next_cursor, "cursor") if next_cursor else None,
            "self": _link(request, request.query.get("cursor", ""), "cursor"),
        },
    }


def _ignored(request: web.Request) -> dict[str, list[str]]:
    """Return the unknown query parameters as a member of `meta`, or nothing if there are none."""
    known = {*PAGING, *_filters(request)}
    names = [name for name in dict.fromkeys(request.query) if name not in known]
    return {"ignored": names} if names else {}


def _positive(query: Mapping[str, str], name: str, default: int, errors: Fields) -> int:
    text = query.get(name)
    if text is None:
        return default
    digits = text.lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        errors[name] = [f"The {name} field must be a positive integer."]
        return default
    return int(digits[:20])  # longer numbers are beyond every limit


def _link(request: web.Request, place: int | str, name: str = "page") -> str:
    query = [(other, value) for other, value in request.query.items() if other != name]
    url = request.rel_url.with_query([*query, (name, str(place))])
    return f"{base_url(request)}{url}"


def base_url(request: web.Request) -> str:
    """Return the start of absolute links: the public URL of the settings, otherwise the request's host."""
    settings = request.app[SETTINGS]
    if settings.public_url:
        return settings.public_url.rstrip("/")
    scheme, host = request.scheme, request.host
    if _trusted(request.remote, settings.trusted_proxies):
        scheme = request.headers.get("X-Forwarded-Proto", scheme).split(",")[0].strip()
        host = request.headers.get("X-Forwarded-Host", host).split(",")[0].strip()
    return f"{scheme}://{host}"


def _trusted(remote: str | None, networks: str) -> bool:
    named = [part for part in map(str.strip, networks.split(",")) if part]
    if not remote or not named:
        return False
    address = ipaddress.ip_address(remote.partition("%")[0])
    return any(address in ipaddress.ip_network(network, strict=False) for network in named)
