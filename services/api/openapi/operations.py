"""Makes one operation of the document from a handler's description."""

import inspect
import json
from http import HTTPStatus
from typing import Any

from aiohttp import web

from services.api.openapi.components import (
    BYTES_SCHEMA,
    ERRORS_BY_STATUS,
    ID_SCHEMA,
    RATE_LIMIT_HEADERS,
    SECURITY_SCHEME,
    TEXT_SCHEMA,
    SpecObject,
    component_ref,
)
from services.api.openapi.envelopes import page_envelope, record_envelope
from services.api.openapi.operation_names import is_twin, operation_name
from services.api.openapi.parameter_examples import with_example
from services.api.openapi.path_words import tag_of_path
from services.api.openapi.response_examples import RESPONSE_EXAMPLES
from services.api.openapi.schemas import SchemaRegistry, query_schema
from shared.platform.validation.schema import FieldsSchema
from shared.platform.web.openapi import PAGING_PARAMETERS, OperationDescription, operation_description
from shared.platform.web.responses import JSON_MEDIA_TYPE
from shared.service_app.authorization import ALL_SCOPES_SEPARATOR, ANY_KEY_SCOPE, PUBLIC_SCOPE, SCOPE_SEPARATOR

FORM_SCHEMA_SUFFIXES = {"application/x-www-form-urlencoded": "Form", "multipart/form-data": "Multipart"}
OCTET_STREAM = "application/octet-stream"
IDEMPOTENCY_HEADER = "Idempotency-Key"
UUID_PATHS = ("/api/v1/submissions/{id}", "/api/v1/files/{id}")


def operation_object(route: web.RouteDef, schemas: SchemaRegistry) -> SpecObject:
    """Return the OpenAPI operation of a route."""
    description, scope = operation_description(route.handler), getattr(route.handler, "scope", PUBLIC_SCOPE)
    summary, text = _summary_and_text(route.handler)
    name = operation_name(route)
    successes = _success_responses(name, description, scope, schemas)
    operation: SpecObject = {
        "operationId": name,
        "x-sdk-ignore": is_twin(route),
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
    return {key: part for key, part in operation.items() if part or key == "security"}


def _security_requirements(scope: str) -> list[SpecObject]:
    if scope == PUBLIC_SCOPE:
        return []
    if scope == ANY_KEY_SCOPE:
        return [{SECURITY_SCHEME: []}]
    return [{SECURITY_SCHEME: one.split(ALL_SCOPES_SEPARATOR)} for one in scope.split(SCOPE_SEPARATOR)]


def _scope_text(scope: str) -> str:
    """Describe the scope in words. Documentation pages do not show the scopes of a bearer token."""
    if scope == PUBLIC_SCOPE:
        return "No key is needed."
    if scope == ANY_KEY_SCOPE:
        return "Scope: none; any key will do."
    if ALL_SCOPES_SEPARATOR in scope:
        return "Scopes: " + " and ".join(f"`{one}`" for one in scope.split(ALL_SCOPES_SEPARATOR)) + "."
    return "Scope: " + " or ".join(f"`{one}`" for one in scope.split(SCOPE_SEPARATOR)) + "."


def _summary_and_text(handler: Any) -> tuple[str, str]:
    """Return the first sentence of the docstring, and the rest."""
    whole = inspect.getdoc(handler) or ""
    first, _, rest = whole.partition("\n\n")
    sentence, _, more = " ".join(first.split()).partition(". ")
    return sentence.rstrip("."), "\n\n".join(part for part in (more, rest) if part)


def _path_parameters(path: str) -> list[SpecObject]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [
        with_example({"name": name, "in": "path", "required": True, "schema": _path_schema(path, name)})
        for name in names
    ]


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
        parameter = {"name": name, "in": place, **text, "required": name in required, "schema": field}
        parameters.append(with_example(parameter))
    return parameters


def _request_body(description: OperationDescription, shape: FieldsSchema, schemas: SchemaRegistry) -> SpecObject:
    required = bool(shape.required or getattr(shape.fields, "__required_keys__", True))
    content = {kind: _body_content(kind, description, shape, schemas) for kind in description.media_types}
    return {"required": required, "content": content}


def _body_content(
    kind: str, description: OperationDescription, shape: FieldsSchema, schemas: SchemaRegistry
) -> SpecObject:
    """Return schema and example of one media type. Where JSON is taken too, a form has a schema of its own name."""
    is_first = kind == description.media_types[0]
    example = {"example": description.example} if is_first else {}
    if kind == JSON_MEDIA_TYPE or (is_first and kind in FORM_SCHEMA_SUFFIXES):
        return {"schema": schemas.request_schema(shape), **example}
    if kind in FORM_SCHEMA_SUFFIXES:
        form = schemas.form_schema(shape, FORM_SCHEMA_SUFFIXES[kind])
        return {"schema": form, "example": _form_example(description.example)}
    return {"schema": TEXT_SCHEMA, **(example or {"example": _lines_example(description.example)})}


def _form_example(example: SpecObject) -> SpecObject:
    """Return an example of JSON as a form sends it: `custom_fields[budget]`, `tags[]`."""
    fields: SpecObject = {}
    for name, value in example.items():
        if isinstance(value, dict):
            fields |= {f"{name}[{key}]": part for key, part in value.items()}
        else:
            fields[f"{name}[]" if isinstance(value, list) else name] = value
    return fields


def _lines_example(example: list[Any]) -> str:
    return "\n".join(json.dumps(item) for item in example)


def _success_responses(name: str, said: OperationDescription, scope: str, schemas: SchemaRegistry) -> SpecObject:
    statuses = {said.status, *(status for status in said.other_statuses if status < 400)}
    responses = {status: _success_response(status, said, scope, schemas) for status in sorted(statuses)}
    for status, response in responses.items():
        if (name, status) in RESPONSE_EXAMPLES:
            response["content"][JSON_MEDIA_TYPE]["example"] = RESPONSE_EXAMPLES[name, status]
    return {str(status): response for status, response in responses.items()}


def _success_response(
    status: int, description: OperationDescription, scope: str, schemas: SchemaRegistry
) -> SpecObject:
    response: SpecObject = {
        "description": HTTPStatus(status).phrase,
        "headers": {name: component_ref("headers", name) for name in _success_header_names(status, description, scope)},
    }
    content = (
        _response_content(description, description.response_type_of(status), schemas)
        if status not in (204, 304)
        else {}
    )
    return {**response, "content": content} if content else response


def _success_header_names(status: int, description: OperationDescription, scope: str) -> list[str]:
    names = ["X-Request-Id", *(RATE_LIMIT_HEADERS if scope != PUBLIC_SCOPE else ())]
    names += ["Location"] if status in (201, 202) and not description.is_list else []
    names += ["ETag"] if 304 in description.other_statuses else []
    headers = description.header_schema.fields.__annotations__ if description.header_schema else ()
    names += ["Idempotent-Replayed"] if IDEMPOTENCY_HEADER in headers else []
    return names


def _response_content(description: OperationDescription, shape: Any, schemas: SchemaRegistry) -> SpecObject:
    content: SpecObject = {
        raw: {"schema": BYTES_SCHEMA if raw == OCTET_STREAM else TEXT_SCHEMA} for raw in description.raw_media_types
    }
    if shape is not None:
        content[JSON_MEDIA_TYPE] = {"schema": _envelope_schema(description, schemas.response_schema(shape), schemas)}
    return content


def _envelope_schema(description: OperationDescription, record: SpecObject, schemas: SchemaRegistry) -> SpecObject:
    if not description.envelope:
        return record
    if description.is_list:
        return page_envelope(schemas, record)
    reads_object = description.body_schema and description.media_types[0] == JSON_MEDIA_TYPE and "$ref" in record
    return record_envelope(schemas, record, with_meta=bool(reads_object))


def _error_responses(route: web.RouteDef, description: OperationDescription, scope: str) -> SpecObject:
    statuses = {400, 500, 503, *(status for status in description.other_statuses if status >= 400)}
    statuses |= {401, 422, 429} if scope != PUBLIC_SCOPE else set()
    statuses |= {403} if scope not in (PUBLIC_SCOPE, ANY_KEY_SCOPE) else set()
    statuses |= {404} if "{" in route.path else set()
    statuses |= {408, 413, 415, 422} if description.body_schema else set()
    pages = tuple(raw for raw in description.raw_media_types if raw != OCTET_STREAM)
    return {
        str(status): _error_response(status, pages if description.response_type is None else ())
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
