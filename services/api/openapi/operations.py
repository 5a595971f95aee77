"""Makes one operation of the document from a handler's description."""

import inspect
from http import HTTPStatus
from typing import Any

from aiohttp import web

from services.api.openapi.parts import BEARER, ERRORS, ID, LIMITS, TEXT, Part, exactly, ref
from services.api.openapi.schemas import Schemas, query_schema
from shared.validation import Shape
from shared.web.access import ANY_KEY, OR, PUBLIC
from shared.web.describe import Description, description

PREFIXES = ("/api/v1/", "/api/")
SERVICE = "service"  # endpoints that are about no record
NOUNS = {"f": "forms", "u": "suppressions", **dict.fromkeys(("me", "health", "openapi.json", "documentation"), SERVICE)}
OBJECTS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
UUIDS = ("/api/v1/submissions/{id}",)


def noun(path: str) -> str:
    """Return the tag of a path: `leads` for `/api/v1/leads/{id}/tags`."""
    first = static_parts(path)[0]
    return NOUNS.get(first, first)


def static_parts(path: str) -> list[str]:
    """Return the parts of a path that are no parameters, without the common prefix."""
    prefix = next((prefix for prefix in PREFIXES if path.startswith(prefix)), "/")
    return [part for part in path.removeprefix(prefix).split("/") if part and not part.startswith("{")]


def operation(route: web.RouteDef, schemas: Schemas) -> Part:
    """Return the OpenAPI operation of a route."""
    said, scope = description(route.handler), getattr(route.handler, "scope", PUBLIC)
    summary, text = _words(route.handler)
    successes = _successes(said, scope, schemas)
    made: Part = {
        "operationId": _operation_id(route),
        "tags": [noun(route.path)],
        "summary": summary,
        "description": "\n\n".join(part for part in (text, _scope_text(scope)) if part),
        "security": _security(scope),
        "parameters": [*_in_path(route.path), *_asked(said)],
        "responses": {**successes, **_failures(route, said, scope)},
        "x-status": str(said.status) if len(successes) > 1 else None,  # of the usual response, since JSON has no order
    }
    if said.takes:
        made["requestBody"] = _body(said, said.takes, schemas)
    return {name: part for name, part in made.items() if part or name == "security"}


def _security(scope: str) -> list[Part]:
    if scope == PUBLIC:
        return []
    return [{BEARER: [] if scope == ANY_KEY else [one]} for one in scope.split(OR)]


def _scope_text(scope: str) -> str:
    """Describe the scope in words. Documentation pages do not show the scopes of a bearer token."""
    if scope == PUBLIC:
        return "No key is needed."
    if scope == ANY_KEY:
        return "Scope: none; any key will do."
    return "Scope: " + " or ".join(f"`{one}`" for one in scope.split(OR)) + "."


def _words(handler: Any) -> tuple[str, str]:
    """Return the first sentence of the docstring, and the rest."""
    whole = inspect.getdoc(handler) or ""
    first, _, rest = whole.partition("\n\n")
    sentence, _, more = " ".join(first.split()).partition(". ")
    return sentence.rstrip("."), "\n\n".join(part for part in (more, rest) if part)


def _operation_id(route: web.RouteDef) -> str:
    words = [part.replace("-", "_").replace(".", "_") for part in static_parts(route.path)]
    name = route.handler.__name__
    words += [] if words[-1].startswith(name) else [name]
    return "_".join([*words, "put"] if route.method == "PUT" else words)


def _in_path(path: str) -> list[Part]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": _path_schema(path, name)} for name in names]


def _path_schema(path: str, name: str) -> Part:
    if path.startswith(UUIDS):
        return {"type": "string", "format": "uuid"}
    return ID if name == "id" or (name.endswith("_id") and name != "public_id") else {**TEXT, "minLength": 1}


def _asked(said: Description) -> list[Part]:
    paging = ("page", "per_page", "cursor") if said.listed else ()
    found = [ref("parameters", name) for name in paging]
    for place, shape in (("query", said.asks), ("header", said.heeds)):
        found += _fields(place, shape) if shape else []
    return found


def _fields(place: str, shape: Shape) -> list[Part]:
    schema = query_schema(shape)
    required = schema.get("required", ())
    made: list[Part] = []
    for name, field in schema["properties"].items():
        text = {"description": field.pop("description")} if "description" in field else {}
        made.append({"name": name, "in": place, **text, "required": name in required, "schema": field})
    return made


def _body(said: Description, shape: Shape, schemas: Schemas) -> Part:
    required = bool(shape.required or getattr(shape.fields, "__required_keys__", True))
    schema = schemas.sent(shape)
    content: Part = {kind: {"schema": schema if kind in OBJECTS else TEXT} for kind in said.media}
    content["application/json"]["example"] = said.example
    return {"required": required, "content": content}


def _successes(said: Description, scope: str, schemas: Schemas) -> Part:
    statuses = {said.status, *(status for status in said.also if status < 400)}
    return {str(status): _success(status, said, scope, schemas) for status in sorted(statuses)}


def _success(status: int, said: Description, scope: str, schemas: Schemas) -> Part:
    names = ["X-Request-Id", *(LIMITS if scope != PUBLIC else ())]
    names += ["Location"] if status in (201, 202) and not said.listed else []
    made: Part = {
        "description": HTTPStatus(status).phrase,
        "headers": {name: ref("headers", name) for name in names},
    }
    content = _content(said, said.shape_of(status), schemas) if status not in (204, 304) else {}
    return {**made, "content": content} if content else made


def _content(said: Description, shape: Any, schemas: Schemas) -> Part:
    content: Part = {said.raw: {"schema": TEXT}} if said.raw else {}
    if shape is not None:
        content["application/json"] = {"schema": _answer(said, schemas.shown(shape))}
    return content


def _answer(said: Description, record: Part) -> Part:
    if not said.envelope:
        return record
    if not said.listed:
        return exactly({"data": record})
    return {"oneOf": [_page(record, "Page"), _page(record, "Cursor")]}


def _page(record: Part, kind: str) -> Part:
    meta, links = ref("schemas", f"{kind}Meta"), ref("schemas", f"{kind}Links")
    return exactly({"data": {"type": "array", "items": record}, "meta": meta, "links": links})


def _failures(route: web.RouteDef, said: Description, scope: str) -> Part:
    statuses = {400, 500, 503, *(status for status in said.also if status >= 400)}
    statuses |= {401, 429} if scope != PUBLIC else set()
    statuses |= {403} if scope not in (PUBLIC, ANY_KEY) else set()
    statuses |= {404} if "{" in route.path else set()
    statuses |= {408, 413, 415, 422} if said.takes else set()
    statuses |= {422} if said.asks or said.listed else set()
    return {str(status): _failure(status, said.raw if said.gives is None else None) for status in sorted(statuses)}


def _failure(status: int, raw: str | None) -> Part:
    """Return an error response. An endpoint that returns a page may also return the error as a page."""
    code = ERRORS[status].code
    if raw is None or status in (401, 403, 429, 500, 503):
        return ref("responses", code)
    content = {raw: {"schema": TEXT}, "application/json": {"schema": ref("schemas", "Error")}}
    return {"description": ERRORS[status].default, "content": content}
