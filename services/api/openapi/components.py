"""The common components of the document: errors, headers, parameters, pages."""

from typing import Any

from services.api.openapi.parameter_examples import with_example
from shared.auth.key_format import ALL_SCOPES
from shared.platform.errors import ApiError
from shared.platform.validation.types import MAX_RECORD_ID

SpecObject = dict[str, Any]

# Of the module alone: what other services of the process derive must not change the document.
_OWN_CLASSES = [kind for kind in ApiError.__subclasses__() if kind.__module__ == ApiError.__module__]
_ERROR_CLASSES: list[type[ApiError]] = [*_OWN_CLASSES, ApiError]
ERRORS_BY_STATUS = {kind.status: kind for kind in sorted(_ERROR_CLASSES, key=lambda kind: kind.status)}
TEXT_SCHEMA: SpecObject = {"type": "string"}
BYTES_SCHEMA: SpecObject = {"type": "string", "format": "binary"}
COUNT_SCHEMA: SpecObject = {"type": "integer", "minimum": 0}
POSITIVE_SCHEMA: SpecObject = {"type": "integer", "minimum": 1}
ID_SCHEMA: SpecObject = {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_RECORD_ID}
IGNORED_FIELDS_SCHEMA: SpecObject = {
    "type": "array",
    "items": TEXT_SCHEMA,
    "minItems": 1,
    "maxItems": 100,
    "description": "Fields of the body that are unknown or cannot be written. They changed nothing.",
}
LOWER_BOUND_SCHEMA: SpecObject = {
    "const": True,
    "description": "More than `total` match: a search for leads counts up to a bound. Absent where the total is exact.",
}
SEARCH_BEHIND_SCHEMA: SpecObject = {
    "const": True,
    "description": "A search for leads may miss those of the last seconds, and `total` may differ: ask again. Absent "
    "where it searched all leads.",
}
SEARCHED_UNTIL_SCHEMA: SpecObject = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}],
    "description": "The time down to which a search looked; null if it looked at everything. Absent without a search.",
}
LINK_SCHEMA: SpecObject = {"type": "string", "format": "uri"}
NULL_SCHEMA: SpecObject = {"type": "null"}
SECURITY_SCHEME = "apiKey"


def object_schema(fields: dict[str, SpecObject], *optional: str) -> SpecObject:
    """Return the schema of an object with exactly these fields."""
    required = [name for name in fields if name not in optional]
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


def nullable_schema(part: SpecObject) -> SpecObject:
    """Return the schema with null allowed."""
    return {**part, "type": [part["type"], "null"]}


def component_ref(kind: str, name: str) -> SpecObject:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


COMMON_SCHEMAS: dict[str, SpecObject] = {
    "Error": {
        "description": "The form of every error. `errors` has all messages by field; nested fields are dotted.",
        **object_schema(
            {
                "status": {"const": "error"},
                "message": TEXT_SCHEMA,
                "code": {"type": "string", "enum": [error.code for error in ERRORS_BY_STATUS.values()]},
                "errors": {"type": "object", "additionalProperties": {"type": "array", "items": TEXT_SCHEMA}},
                "count": {**COUNT_SCHEMA, "description": "How many match by now, where another count was confirmed."},
                "oldest_cursor": {
                    **TEXT_SCHEMA,
                    "description": "The oldest cursor, where the one that was sent is gone.",
                },
                "request_id": TEXT_SCHEMA,
            },
            *("errors", "count", "oldest_cursor", "request_id"),
        ),
    },
    "RecordMeta": {
        "description": "Absent where every field of the body was used.",
        **object_schema({"ignored": IGNORED_FIELDS_SCHEMA}),
    },
    "PageMeta": {
        "description": "The position of a page. Beyond the last page `from` and `to` are null.",
        **object_schema(
            {
                "current_page": POSITIVE_SCHEMA,
                "last_page": POSITIVE_SCHEMA,
                "per_page": POSITIVE_SCHEMA,
                "total": COUNT_SCHEMA,
                "from": nullable_schema(POSITIVE_SCHEMA),
                "to": nullable_schema(POSITIVE_SCHEMA),
                "total_is_lower_bound": LOWER_BOUND_SCHEMA,
                "search_is_behind": SEARCH_BEHIND_SCHEMA,
                "searched_until": SEARCHED_UNTIL_SCHEMA,
            },
            *("total_is_lower_bound", "search_is_behind", "searched_until"),
        ),
    },
    "PageLinks": object_schema(
        {
            "first": LINK_SCHEMA,
            "last": {**nullable_schema(LINK_SCHEMA), "description": "Null where the total is a lower bound."},
            "prev": nullable_schema(LINK_SCHEMA),
            "next": nullable_schema(LINK_SCHEMA),
            "self": LINK_SCHEMA,
        }
    ),
    "CursorMeta": {
        "description": "The position of a page by cursor. `next_cursor` is null at the end.",
        **object_schema(
            {
                "per_page": POSITIVE_SCHEMA,
                "next_cursor": nullable_schema(TEXT_SCHEMA),
                "search_is_behind": SEARCH_BEHIND_SCHEMA,
                "searched_until": SEARCHED_UNTIL_SCHEMA,
            },
            *("search_is_behind", "searched_until"),
        ),
    },
    "CursorLinks": object_schema(
        {
            "first": NULL_SCHEMA,
            "last": NULL_SCHEMA,
            "prev": NULL_SCHEMA,
            "next": nullable_schema(LINK_SCHEMA),
            "self": LINK_SCHEMA,
        },
    ),
}

HEADER_COMPONENTS: dict[str, SpecObject] = {
    "X-Request-Id": {"description": "The request's id: yours, if you sent a valid one.", "schema": TEXT_SCHEMA},
    "X-RateLimit-Limit": {"description": "Requests an hour; 2147483647 for no limit.", "schema": COUNT_SCHEMA},
    "X-RateLimit-Remaining": {"description": "How many are left in this hour.", "schema": COUNT_SCHEMA},
    "X-RateLimit-Reset": {"description": "When the hour ends, in Unix seconds.", "schema": COUNT_SCHEMA},
    "Retry-After": {"description": "Seconds to wait before the request is sent again.", "schema": COUNT_SCHEMA},
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": TEXT_SCHEMA},
    "Location": {"description": "The path of the record.", "schema": {"type": "string", "format": "uri-reference"}},
    "Idempotent-Replayed": {
        "description": "`true` where the answer is that of an earlier request with the same key.",
        "schema": TEXT_SCHEMA,
    },
    "ETag": {"description": "Of this version; send it as `If-None-Match`.", "schema": TEXT_SCHEMA},
}
RATE_LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
EXTRA_ERROR_HEADERS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}

# Without `default`: clients that send defaults would send `page` beside `cursor`.
PARAMETER_COMPONENTS: dict[str, SpecObject] = {
    "page": {
        "name": "page",
        "in": "query",
        "description": "The page, from 1. The first one unless sent. Not allowed with `cursor`.",
        "schema": POSITIVE_SCHEMA,
    },
    "per_page": {
        "name": "per_page",
        "in": "query",
        "description": "Records on a page, 15 unless sent. More than 100 is taken as 100.",
        "schema": POSITIVE_SCHEMA,
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "Empty for the first page, then `meta.next_cursor` of the previous response. "
        "Not allowed with `page`, nor with other filters than those of the first page.",
        "schema": TEXT_SCHEMA,
    },
}
PARAMETER_COMPONENTS = {name: with_example(parameter) for name, parameter in PARAMETER_COMPONENTS.items()}

SECURITY_SCHEMES: dict[str, SpecObject] = {
    SECURITY_SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "lh_…",
        "description": f"An API key. Its scopes are any of: `{'`, `'.join(sorted(ALL_SCOPES))}`.",
    }
}


def error_responses() -> dict[str, SpecObject]:
    """Return the error responses, by code."""
    return {error.code: _error_response(status) for status, error in ERRORS_BY_STATUS.items()}


def _error_response(status: int) -> SpecObject:
    error = ERRORS_BY_STATUS[status]
    limits = RATE_LIMIT_HEADERS if status != 401 else ()
    names = ("X-Request-Id", *limits, *EXTRA_ERROR_HEADERS.get(status, ()))
    example: SpecObject = {"status": "error", "message": error.default, "code": error.code}
    if status == 422:
        example["errors"] = {"name": ["The name field is required."]}
    return {
        "description": error.default,
        "headers": {name: component_ref("headers", name) for name in names},
        "content": {"application/json": {"schema": component_ref("schemas", "Error"), "example": example}},
    }
