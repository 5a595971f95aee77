"""What a handler takes and gives, said once: the same words check the request and write the OpenAPI document.

    @needs("write:tags")
    @takes(TagFields, required=("name",), example={"name": "partner"})
    @gives(TagRecord, status=201)
    async def create(request): ...

A `takes` or `asks` is checked when the handler calls `body_of` or `query_of`; nothing is read behind its back.
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

    `gives` is the shape of a record, or of the whole answer without an `envelope`; None: an empty answer. `listed`
    wraps the record into a page. `media` are the types of the body; `raw` is that of an answer beside JSON. `status` is
    that of the ordinary answer, `also` are others, `instead` the shapes of those that differ.
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
        """The shape of the record, or of the whole answer, under a status."""
        return self.instead.get(status, self.gives)


def description(handler: Any) -> Description:
    """What is said of a handler; of one that says nothing, nothing."""
    found: Description = getattr(handler, "description", Description())
    return found


def check_described(routes: Iterable[web.RouteDef]) -> None:
    """Raises TypeError for a route whose handler does not say what it gives: it would be missing from the document."""
    for route in routes:
        if not hasattr(route.handler, "description"):
            raise TypeError(f"{route.method} {route.path}: say with gives what the handler answers")


def takes(
    fields: type, *, required: tuple[str, ...] = (), media: tuple[str, ...] = ("application/json",), example: Any
) -> Callable[[Handler], Handler]:
    """The body: a `TypedDict` (total=False), which of its fields must be there, and one that a reader can paste."""

    def mark(handler: Handler) -> Handler:
        described = _describe(handler)
        described.takes = Shape(fields, required=required)
        described.media = media
        described.example = example
        return handler

    return mark


def asks(fields: type, *, required: tuple[str, ...] = ()) -> Callable[[Handler], Handler]:
    """The query parameters, beside those of paging."""

    def mark(handler: Handler) -> Handler:
        _describe(handler).asks = Shape(fields, required=required)
        return handler

    return mark


def heeds(fields: type) -> Callable[[Handler], Handler]:
    """The request headers that make a difference, beside those that every endpoint heeds."""

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
    """The answer: `{"data": record}`, a page of them where `listed`, or the record itself without an `envelope`.

    `raw` names the media type of an answer that is no JSON. `other_statuses` are answered in addition to those that any
    endpoint may answer with, such as 409; `schemas_by_status` holds the shapes of those that have one of their own.
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
    """The handler's own description, made by its first decorator."""
    found: Description | None = getattr(handler, "description", None)
    if found is None:
        found = Description()
        handler.description = found  # type: ignore[attr-defined]
    return found
