"""Makes one operation of the document from a handler's description."""

import inspect
from http import HTTPStatus
from typing import Any

from aiohttp import web

from services.api.openapi.components import (
    ERRORS_BY_STATUS,
    ID_SCHEMA,
    RATE_LIMIT_HEADERS,
    SECURITY_SCHEME,
    TEXT_SCHEMA,
    SpecObject,
    component_ref,
    object_schema,
)
from services.api.openapi.schemas import SchemaRegistry, query_schema
from shared.platform.validation.schema import FieldsSchema
from shared.platform.web.openapi import PAGING_PARAMETERS, OperationDescription, operation_description
from shared.platform.web.responses import JSON_MEDIA_TYPE
from shared.service_app.authorization import ANY_KEY_SCOPE, PUBLIC_SCOPE, SCOPE_SEPARATOR

PATH_PREFIXES = ("/api/v1/", "/api/")
SERVICE_TAG = "service"  # endpoints that are about no record
TAGS_BY_PATH_PART = {
    "f": "forms",
    "u": "suppressions",
    **dict.fromkeys(("me", "health", "openapi.json", "documentation"), SERVICE_TAG),
}
OBJECT_MEDIA_TYPES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
UUID_PATHS = ("/api/v1/submissions/{id}", "/api/v1/files/{id}")


def tag_of_path(path: str) -> str:
    """Return the tag of a path: `leads` for `/api/v1/leads/{id}/tags`."""
    first = static_parts(path)[0]
    return TAGS_BY_PATH_PART.get(first, first)


def static_parts(path: str) -> list[str]:
    """Return the parts of a path that are no parameters, without the common prefix."""
    prefix = next((prefix for prefix in PATH_PREFIXES if path.startswith(prefix)), "/")
    return [part for part in path.removeprefix(prefix).split("/") if part and not part.startswith("{")]


def operation_object(route: web.RouteDef, schemas: SchemaRegistry) -> SpecObject:
    """Return the OpenAPI operation of a route."""
    description, scope = operation_description(route.handler), getattr(route.handler, "scope", PUBLIC_SCOPE)
    summary, text = _summary_and_text(route.handler)
    successes = _success_responses(description, scope, schemas)
    operation: SpecObject = {
        "operationId": _operation_id(route),
        "tags": [tag_of_path(route.path)],
        "summary": summary,
        "description": "\n\n".join(part for part in (text, _scope_text(scope)) if part),
        "security": _security_requirements(scope),
        "parameters": [*_path_parameters(route.path), *_query_and_header_parameters(description)],
        "responses": {**successes, **_error_responses(route, description, scope)},
        # The status of the usual response, since JSON has no order.
        "x-status": str(description.status) if len(successes) > 1 else None,
    }
    if description.body_schema:
        operation["requestBody"] = _request_body(description, description.body_schema, schemas)
    return {name: part for name, part in operation.items() if part or name == "security"}


def _security_requirements(scope: str) -> list[SpecObject]:
    if scope == PUBLIC_SCOPE:
        return []
    return [{SECURITY_SCHEME: [] if scope == ANY_KEY_SCOPE else [one]} for one in scope.split(SCOPE_SEPARATOR)]


def _scope_text(scope: str) -> str:
    """Describe the scope in words. Documentation pages do not show the scopes of a bearer token."""
    if scope == PUBLIC_SCOPE:
        return "No key is needed."
    if scope == ANY_KEY_SCOPE:
        return "Scope: none; any key will do."
    return "Scope: " + " or ".join(f"`{one}`" for one in scope.split(SCOPE_SEPARATOR)) + "."


def _summary_and_text(handler: Any) -> tuple[str, str]:
    """Return the first sentence of the docstring, and the rest."""
    whole = inspect.getdoc(handler) or ""
    first, _, rest = whole.partition("\n\n")
    sentence, _, more = " ".join(first.split()).partition(". ")
    return sentence.rstrip("."), "\n\n".join(part for part in (more, rest) if part)


def _operation_id(route: web.RouteDef) -> str:
    words = [part.replace("-", "_").replace(".", "_") for part in static_parts(route.path)]
    name = route.handler.__name__
    words += [] if words[-1].startswith(name) else [name]
    # One handler serves both methods of a change, and all methods by which a webhook may come.
    is_further_method = route.method == "PUT" or (route.method == "PATCH" and name != "update")
    return "_".join([*words, route.method.lower()] if is_further_method else words)


def _path_parameters(path: str) -> list[SpecObject]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": _path_schema(path, name)} for name in names]


def _path_schema(path: str, name: str) -> SpecObject:
    if path.startswith(UUID_PATHS):
        return {"type": "string", "format": "uuid"}
    return (
        ID_SCHEMA
        if name in ("id", "version") or (name.endswith("_id") and name != "public_id")
        else {**TEXT_SCHEMA, "minLength": 1}
    )


def _query_and_header_parameters(description: OperationDescription) -> list[SpecObject]:
    paging = PAGING_PARAMETERS if description.is_list else ()
    parameters = [component_ref("parameters", name) for name in paging]
    for place, shape in (("query", description.query_schema), ("header", description.header_schema)):
        parameters += _field_parameters(place, shape) if shape else []
    return parameters


def _field_parameters(place: str, shape: FieldsSchema) -> list[SpecObject]:
    schema = query_schema(shape)
    required = schema.get("required", ())
    parameters: list[SpecObject] = []
    for name, field in schema["properties"].items():
        text = {"description": field.pop("description")} if "description" in field else {}
        parameters.append({"name": name, "in": place, **text, "required": name in required, "schema": field})
    return parameters


def _request_body(description: OperationDescription, shape: FieldsSchema, schemas: SchemaRegistry) -> SpecObject:
    required = bool(shape.required or getattr(shape.fields, "__required_keys__", True))
    schema = schemas.request_schema(shape)
    content: SpecObject = {
        kind: {"schema": schema if kind in OBJECT_MEDIA_TYPES else TEXT_SCHEMA} for kind in description.media_types
    }
    content[next(iter(description.media_types))]["example"] = description.example
    return {"required": required, "content": content}


def _success_responses(said: OperationDescription, scope: str, schemas: SchemaRegistry) -> SpecObject:
    statuses = {said.status, *(status for status in said.other_statuses if status < 400)}
    return {str(status): _success_response(status, said, scope, schemas) for status in sorted(statuses)}


def _success_response(
    status: int, description: OperationDescription, scope: str, schemas: SchemaRegistry
) -> SpecObject:
    names = ["X-Request-Id", *(RATE_LIMIT_HEADERS if scope != PUBLIC_SCOPE else ())]
    names += ["Location"] if status in (201, 202) and not description.is_list else []
    response: SpecObject = {
        "description": HTTPStatus(status).phrase,
        "headers": {name: component_ref("headers", name) for name in names},
    }
    content = (
        _response_content(description, description.response_type_of(status), schemas)
        if status not in (204, 304)
        else {}
    )
    return {**response, "content": content} if content else response


def _response_content(description: OperationDescription, shape: Any, schemas: SchemaRegistry) -> SpecObject:
    content: SpecObject = {raw: {"schema": TEXT_SCHEMA} for raw in description.raw_media_types}
    if shape is not None:
        content["application/json"] = {"schema": _envelope_schema(description, schemas.response_schema(shape))}
    return content


def _envelope_schema(description: OperationDescription, record: SpecObject) -> SpecObject:
    if not description.envelope:
        return record
    if not description.is_list:
        reads_object = description.body_schema and description.media_types[0] == JSON_MEDIA_TYPE and "$ref" in record
        ignored = {"meta": component_ref("schemas", "RecordMeta")} if reads_object else {}
        return object_schema({"data": record, **ignored}, *ignored)
    return {"oneOf": [_page_schema(record, "Page"), _page_schema(record, "Cursor")]}


def _page_schema(record: SpecObject, kind: str) -> SpecObject:
    meta, links = component_ref("schemas", f"{kind}Meta"), component_ref("schemas", f"{kind}Links")
    return object_schema({"data": {"type": "array", "items": record}, "meta": meta, "links": links})


def _error_responses(route: web.RouteDef, description: OperationDescription, scope: str) -> SpecObject:
    statuses = {400, 500, 503, *(status for status in description.other_statuses if status >= 400)}
    statuses |= {401, 422, 429} if scope != PUBLIC_SCOPE else set()
    statuses |= {403} if scope not in (PUBLIC_SCOPE, ANY_KEY_SCOPE) else set()
    statuses |= {404} if "{" in route.path else set()
    statuses |= {408, 413, 415, 422} if description.body_schema else set()
    return {
        str(status): _error_response(status, description.raw_media_types if description.response_type is None else ())
        for status in sorted(statuses)
    }


def _error_response(status: int, raw: tuple[str, ...]) -> SpecObject:
    """Return an error response. An endpoint that returns a page may also return the error as a page."""
    code = ERRORS_BY_STATUS[status].code
    if not raw or status in (401, 403, 429, 500, 503):
        return component_ref("responses", code)
    content: dict[str, SpecObject] = {media_type: {"schema": TEXT_SCHEMA} for media_type in raw}
    content["application/json"] = {"schema": component_ref("schemas", "Error")}
    return {"description": ERRORS_BY_STATUS[status].default, "content": content}
