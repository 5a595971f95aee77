"""Decorators that describe a handler's input and output, used to check requests and to write the OpenAPI document.

    @requires_scope("write:tags")
    @request_body(TagFields, required=("name",), example={"name": "partner"})
    @responds(TagRecord, status=201)
    async def create(request): ...

A body or a query is checked only when the handler reads it; nothing is read before.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from shared.validation import Shape

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass
class Description:
    """The description of one handler, which its decorators fill in.

    It holds the schemas of body, query and headers, the media types of the body with an example, and the response: its
    type (None for an empty one; without an `envelope` it is the whole response), its ordinary status, other statuses,
    types of statuses that differ, whether it is a page of records, and a media type other than JSON.
    """

    takes: Shape | None = None
    media: tuple[str, ...] = ("application/json",)
    example: Any = None
    asks: Shape | None = None
    heeds: Shape | None = None
    gives: Any = None
    status: int = 200
    listed: bool = False
    envelope: bool = True
    raw: str | None = None
    also: tuple[int, ...] = ()
    instead: Mapping[int, Any] = field(default_factory=dict)

    def shape_of(self, status: int) -> Any:
        """Return the type of the record, or of the whole response, for a status."""
        return self.instead.get(status, self.gives)


def description(handler: Any) -> Description:
    """Return the description of a handler; an empty one for a handler without decorators."""
    found: Description = getattr(handler, "description", Description())
    return found


def check_described(routes: Iterable[web.RouteDef]) -> None:
    """Raise TypeError for a handler without a described response: it would be missing from the document."""
    for route in routes:
        if not hasattr(route.handler, "description"):
            raise TypeError(f"{route.method} {route.path}: describe the response with responds")


def takes(
    fields: type, *, required: tuple[str, ...] = (), media: tuple[str, ...] = ("application/json",), example: Any
) -> Callable[[Handler], Handler]:
    """Describe the body: a `TypedDict` (total=False), its required fields, and an example that a reader can paste."""

    def mark(handler: Handler) -> Handler:
        described = _describe(handler)
        described.takes = Shape(fields, required=required)
        described.media = media
        described.example = example
        return handler

    return mark


def asks(fields: type, *, required: tuple[str, ...] = ()) -> Callable[[Handler], Handler]:
    """Describe the query parameters, in addition to those of paging."""

    def mark(handler: Handler) -> Handler:
        _describe(handler).asks = Shape(fields, required=required)
        return handler

    return mark


def heeds(fields: type) -> Callable[[Handler], Handler]:
    """Describe the request headers that this endpoint reads, in addition to the common ones."""

    def mark(handler: Handler) -> Handler:
        _describe(handler).heeds = Shape(fields)
        return handler

    return mark


def gives(
    record: Any,
    *,
    status: int = 200,
    listed: bool = False,
    envelope: bool = True,
    raw: str | None = None,
    other_statuses: tuple[int, ...] = (),
    schemas_by_status: Mapping[int, Any] | None = None,
) -> Callable[[Handler], Handler]:
    """Describe the response: `{"data": record}`, a page of records if `listed`, or the bare record without `envelope`.

    `raw` names the media type of a response that is not JSON. `other_statuses` are statuses such as 409, in addition to
    those of every endpoint. `schemas_by_status` holds the types of statuses that have one of their own.
    """

    def mark(handler: Handler) -> Handler:
        described = _describe(handler)
        described.gives = record
        described.status = status
        described.listed = listed
        described.envelope = envelope
        described.raw = raw
        described.also = other_statuses
        described.instead = dict(schemas_by_status or {})
        return handler

    return mark


def _describe(handler: Handler) -> Description:
    """Return the handler's own description, which its first decorator creates."""
    found: Description | None = getattr(handler, "description", None)
    if found is None:
        found = Description()
        handler.description = found  # type: ignore[attr-defined]
    return found
