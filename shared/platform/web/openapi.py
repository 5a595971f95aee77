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

from shared.platform.validation.schema import FieldsSchema

PAGING_PARAMETERS = ("page", "per_page", "cursor")
HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])


@dataclass
class OperationDescription:
    """The description of one handler, which its decorators fill in.

    It holds the schemas of body, query and headers, the media types of the body with an example, and the response: its
    type (None for an empty one; without an `envelope` it is the whole response), its ordinary status, other statuses,
    types of statuses that differ, whether it is a page of records, and media types other than JSON.
    """

    body_schema: FieldsSchema | None = None
    media_types: tuple[str, ...] = ("application/json",)
    example: Any = None
    query_schema: FieldsSchema | None = None
    header_schema: FieldsSchema | None = None
    response_type: Any = None
    status: int = 200
    is_list: bool = False
    envelope: bool = True
    raw_media_types: tuple[str, ...] = ()
    other_statuses: tuple[int, ...] = ()
    schemas_by_status: Mapping[int, Any] = field(default_factory=dict)

    @property
    def query_names(self) -> tuple[str, ...]:
        """The names of all query parameters, those of paging included."""
        own = tuple(self.query_schema.fields.__annotations__) if self.query_schema else ()
        return (*own, *PAGING_PARAMETERS) if self.is_list else own

    def response_type_of(self, status: int) -> Any:
        """Return the type of the record, or of the whole response, for a status."""
        return self.schemas_by_status.get(status, self.response_type)


def operation_description(handler: Any) -> OperationDescription:
    """Return the description of a handler; an empty one for a handler without decorators."""
    found: OperationDescription = getattr(handler, "description", OperationDescription())
    return found


def check_described(routes: Iterable[web.RouteDef]) -> None:
    """Raise TypeError for a handler without a described response: it would be missing from the document."""
    for route in routes:
        if not hasattr(route.handler, "description"):
            raise TypeError(f"{route.method} {route.path}: describe the response with responds")


def request_body(
    fields: type, *, required: tuple[str, ...] = (), media: tuple[str, ...] = ("application/json",), example: Any
) -> Callable[[HandlerT], HandlerT]:
    """Describe the body: a `TypedDict` (total=False), its required fields, and an example that a reader can paste."""

    def mark(handler: HandlerT) -> HandlerT:
        described = _describe(handler)
        described.body_schema = FieldsSchema(fields, required=required)
        described.media_types = media
        described.example = example
        return handler

    return mark


def query_params(fields: type, *, required: tuple[str, ...] = ()) -> Callable[[HandlerT], HandlerT]:
    """Describe the query parameters, in addition to those of paging."""

    def mark(handler: HandlerT) -> HandlerT:
        _describe(handler).query_schema = FieldsSchema(fields, required=required)
        return handler

    return mark


def request_headers(fields: type) -> Callable[[HandlerT], HandlerT]:
    """Describe the request headers that this endpoint reads, in addition to the common ones."""

    def mark(handler: HandlerT) -> HandlerT:
        _describe(handler).header_schema = FieldsSchema(fields)
        return handler

    return mark


def responds(
    record: Any,
    *,
    status: int = 200,
    listed: bool = False,
    envelope: bool = True,
    raw: str | tuple[str, ...] = (),
    other_statuses: tuple[int, ...] = (),
    schemas_by_status: Mapping[int, Any] | None = None,
) -> Callable[[HandlerT], HandlerT]:
    """Describe the response: `{"data": record}`, a page of records if `listed`, or the record without `envelope`.

    `raw` names the media types of a response that is not JSON. `other_statuses` are statuses such as 409, besides those
    of every endpoint. `schemas_by_status` holds the types of statuses that have one of their own.
    """

    def mark(handler: HandlerT) -> HandlerT:
        described = _describe(handler)
        described.response_type = record
        described.status = status
        described.is_list = listed
        described.envelope = envelope
        described.raw_media_types = (raw,) if isinstance(raw, str) else raw
        described.other_statuses = other_statuses
        described.schemas_by_status = dict(schemas_by_status or {})
        return handler

    return mark


def _describe(handler: HandlerT) -> OperationDescription:
    """Return the handler's own description, which its first decorator creates."""
    description: OperationDescription | None = getattr(handler, "description", None)
    if description is None:
        description = OperationDescription()
        handler.description = description  # type: ignore[attr-defined]
    return description
