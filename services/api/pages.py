"""Pages of a list: the values of `page` and `per_page`, and the `meta` and `links` around the data."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from aiohttp import web

from services.api.context import CIPHER_KEY, SETTINGS_KEY
from services.api.request_parsing import raise_if_invalid, workspace_of
from shared.platform.cursors import CursorPosition, CursorSigner, InvalidCursor
from shared.platform.errors import FieldErrors
from shared.platform.web.client_address import base_url
from shared.platform.web.openapi import PAGING_PARAMETERS, operation_description

DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 15, 100
CURSOR_AND_PAGE_MESSAGE = "The cursor field cannot be sent together with page."
INVALID_CURSOR_MESSAGE = (
    "The cursor field is no cursor of this list: send what next_cursor said, with the same filters and sort."
)
MAX_PAGE_NUMBER = 2**53  # beyond it a JSON number is no longer exact in JavaScript


class CursorPage(NamedTuple):
    """A page by cursor: the signer of the list's cursors, and the position of the previous page's end."""

    signer: CursorSigner
    after: CursorPosition | None


class PageRequest(NamedTuple):
    """A page by number or, if it has a `walk`, by cursor."""

    number: int
    size: int
    walk: CursorPage | None = None

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def read_page(request: web.Request, errors: FieldErrors) -> PageRequest:
    """Return the requested page. Errors go into `errors`."""
    return read_numbers(request.query, errors)._replace(walk=_cursor_page(request, errors))


def _cursor_page(request: web.Request, errors: FieldErrors) -> CursorPage | None:
    if "cursor" not in request.query:
        return None
    known = {*operation_description(request.match_info.handler).query_names} - {*PAGING_PARAMETERS}
    narrowed = {name: request.query[name] for name in known if name in request.query}
    signer = CursorSigner(request.app[CIPHER_KEY].signing_key(), workspace_of(request), request.path, narrowed)
    return CursorPage(signer, read_cursor(request.query, signer, errors))


def read_cursor(query: Mapping[str, str], signer: CursorSigner, errors: FieldErrors) -> CursorPosition | None:
    """Return the cursor's position, or None for the first page. Errors go into `errors`."""
    text, wrong = query["cursor"], [CURSOR_AND_PAGE_MESSAGE] if "page" in query else []
    try:
        after = signer.decode_position(text) if text else None
    except InvalidCursor:
        wrong, after = [*wrong, INVALID_CURSOR_MESSAGE], None
    if wrong:
        errors["cursor"] = wrong
    return after


def read_numbers(query: Mapping[str, str], errors: FieldErrors) -> PageRequest:
    """Return the page by `page` and `per_page`. Errors go into `errors`."""
    number = _positive_number(query, "page", 1, errors)
    size = _positive_number(query, "per_page", DEFAULT_PAGE_SIZE, errors)
    return PageRequest(min(number, MAX_PAGE_NUMBER), min(size, MAX_PAGE_SIZE))


def page_of(request: web.Request) -> PageRequest:
    """Return the requested page. Raises ValidationFailed."""
    errors: FieldErrors = {}
    page = read_page(request, errors)
    raise_if_invalid(errors)
    return page


def page_response(
    request: web.Request,
    data: list[Any],
    page: PageRequest,
    total: int,
    by: str | None = None,
    *,
    is_lower_bound: bool = False,
    more_meta: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the response of a list.

    `by` is the field that the list is sorted by ahead of the id. `more_meta` are members of `meta` of this list alone.
    For a page by cursor `total` only tells whether more follows. With `is_lower_bound` there are more than `total`: the
    last page is not known, and a next one follows each.
    """
    if page.walk:
        last = CursorPosition(data[-1][by] if by else None, data[-1]["id"]) if total > len(data) else None
        cursor = page.walk.signer.encode_position(last) if last else None
        return cursor_response(request, data, page, cursor, more_meta=more_meta)
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
            **({"total_is_lower_bound": True} if is_lower_bound else {}),
            **(more_meta or {}),
        },
        "links": {
            "first": _page_link(request, 1),
            "last": None if is_lower_bound else _page_link(request, pages),
            "prev": _page_link(request, min(page.number - 1, pages)) if page.number > 1 else None,
            "next": _page_link(request, page.number + 1) if is_lower_bound or page.number < pages else None,
            "self": _page_link(request, page.number),
        },
    }


def cursor_response(
    request: web.Request,
    data: list[Any],
    page: PageRequest,
    next_cursor: str | None,
    *,
    more_meta: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the response of a page by cursor."""
    return {
        "data": data,
        "meta": {
            "per_page": page.size,
            "next_cursor": next_cursor,
            **(more_meta or {}),
        },
        "links": {
            "first": None,
            "last": None,
            "prev": None,
            "next": _page_link(request, next_cursor, "cursor") if next_cursor else None,
            "self": _page_link(request, request.query.get("cursor", ""), "cursor"),
        },
    }


def _positive_number(query: Mapping[str, str], name: str, default: int, errors: FieldErrors) -> int:
    text = query.get(name)
    if text is None:
        return default
    digits = text.lstrip("0")
    if not (digits.isascii() and digits.isdigit()):
        errors[name] = [f"The {name} field must be a positive integer."]
        return default
    return int(digits[:20])  # longer numbers are beyond every limit


def _page_link(request: web.Request, place: int | str, name: str = "page") -> str:
    query = [(other, value) for other, value in request.query.items() if other != name]
    url = request.rel_url.with_query([*query, (name, str(place))])
    return f"{base_url(request, request.app[SETTINGS_KEY])}{url}"
