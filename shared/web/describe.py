"""What a handler takes and gives, said once: the same words check the request and write the OpenAPI document.

    @needs("write:tags")
    @takes(TagFields, required=("name",), example={"name": "partner"})
    @gives(TagRecord, status=201)
    async def create(request): ...

A `takes` or `asks` is checked when the handler calls `body_of` or `query_of`; nothing is read behind its back.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from aiohttp import web

from shared.validation import Shape

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class Description:
    """Of one handler. `gives` is the shape of a record, or of a whole answer where `bare`; None: an empty answer.

    `listed` wraps the record into a page. `media` are the types of the body; `raw` is that of an answer beside JSON.
    `status` is that of the ordinary answer, `also` are others, `instead` the shapes of those that differ.
    """

    takes: Shape | None = None
    media: tuple[str, ...] = ("application/json",)
    example: Any = None
    asks: Shape | None = None
    heeds: Shape | None = None
    gives: Any = None
    status: int = 200
    listed: bool = False
    bare: bool = False
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
    return _mark(takes=Shape(fields, required=required), media=media, example=example)


def asks(fields: type, *, required: tuple[str, ...] = ()) -> Callable[[Handler], Handler]:
    """The query parameters, beside those of paging."""
    return _mark(asks=Shape(fields, required=required))


def heeds(fields: type) -> Callable[[Handler], Handler]:
    """The request headers that make a difference, beside those that every endpoint heeds."""
    return _mark(heeds=Shape(fields))


def gives(
    record: Any,
    *,
    status: int = 200,
    listed: bool = False,
    bare: bool = False,
    raw: str | None = None,
    also: tuple[int, ...] = (),
    instead: Mapping[int, Any] | None = None,
) -> Callable[[Handler], Handler]:
    """The answer: `{"data": record}`, a page of them where `listed`, the record itself where `bare`.

    `raw` names the media type of an answer that is no JSON. `also` are statuses beside those that any endpoint may
    answer with, such as 409; `instead` are those among them with a shape of their own.
    """
    return _mark(gives=record, status=status, listed=listed, bare=bare, raw=raw, also=also, instead=dict(instead or {}))


def _mark(**said: Any) -> Callable[[Handler], Handler]:
    def mark(handler: Handler) -> Handler:
        handler.description = replace(description(handler), **said)  # type: ignore[attr-defined]
        return handler

    return mark
