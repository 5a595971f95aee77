"""The common components of the document: errors, headers, parameters, pages."""

from typing import Any

from shared.errors import ApiError
from shared.security import SCOPES

Part = dict[str, Any]

_KINDS: list[type[ApiError]] = [*ApiError.__subclasses__(), ApiError]
ERRORS = {kind.status: kind for kind in sorted(_KINDS, key=lambda kind: kind.status)}
TEXT: Part = {"type": "string"}
COUNT: Part = {"type": "integer", "minimum": 0}
NATURAL: Part = {"type": "integer", "minimum": 1}
ID: Part = {"type": "integer", "format": "int64", "minimum": 1, "maximum": 2**63 - 1}
IGNORED: Part = {
    "type": "array",
    "items": TEXT,
    "minItems": 1,
    "description": "Query parameters that the list does not know. They changed nothing. Absent when there are none.",
}
LINK: Part = {"type": "string", "format": "uri"}
NULL: Part = {"type": "null"}
BEARER = "apiKey"


def exactly(fields: dict[str, Part], *optional: str) -> Part:
    """Return the schema of an object with exactly these fields."""
    required = [name for name in fields if name not in optional]
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


def or_null(part: Part) -> Part:
    """Return the schema with null allowed."""
    return {**part, "type": [part["type"], "null"]}


def ref(kind: str, name: str) -> Part:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


SCHEMAS: dict[str, Part] = {
    "Error": {
        "description": "The form of every error. `errors` has all messages by field; nested fields are dotted.",
        **exactly(
            {
                "status": {"const": "error"},
                "message": TEXT,
                "code": {"type": "string", "enum": [error.code for error in ERRORS.values()]},
                "errors": {"type": "object", "additionalProperties": {"type": "array", "items": TEXT}},
                "request_id": TEXT,
            },
            *("errors", "request_id"),
        ),
    },
    "PageMeta": {
        "description": "The position of a page. Beyond the last page `from` and `to` are null.",
        **exactly(
            {
                "current_page": NATURAL,
                "last_page": NATURAL,
                "per_page": NATURAL,
                "total": COUNT,
                "from": or_null(NATURAL),
                "to": or_null(NATURAL),
                "ignored": IGNORED,
            },
            "ignored",
        ),
    },
    "PageLinks": exactly({"first": LINK, "last": LINK, "prev": or_null(LINK), "next": or_null(LINK), "self": LINK}),
    "CursorMeta": {
        "description": "The position of a page by cursor. `next_cursor` is null at the end.",
        **exactly({"per_page": NATURAL, "next_cursor": or_null(TEXT), "ignored": IGNORED}, "ignored"),
    },
    "CursorLinks": exactly(
        {"first": NULL, "last": NULL, "prev": NULL, "next": or_null(LINK), "self": LINK},
    ),
}

HEADERS: dict[str, Part] = {
    "X-Request-Id": {"description": "The request's id: yours, if you sent a valid one.", "schema": TEXT},
    "X-RateLimit-Limit": {"description": "Requests an hour; 2147483647 for no limit.", "schema": COUNT},
    "X-RateLimit-Remaining": {"description": "How many are left in this hour.", "schema": COUNT},
    "X-RateLimit-Reset": {"description": "When the hour ends, in Unix seconds.", "schema": COUNT},
    "Retry-After": {"description": "Seconds to wait before the request is sent again.", "schema": COUNT},
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": TEXT},
    "Location": {"description": "The path of the record.", "schema": {"type": "string", "format": "uri-reference"}},
    "Idempotent-Replayed": {
        "description": "`true` where the answer is that of an earlier request with the same key.",
        "schema": TEXT,
    },
    "ETag": {"description": "Of this version; send it as `If-None-Match`.", "schema": TEXT},
}
LIMITS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
EXTRA = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}

PARAMETERS: dict[str, Part] = {
    "page": {
        "name": "page",
        "in": "query",
        "description": "The page, from 1.",
        "schema": {**NATURAL, "default": 1},
    },
    "per_page": {
        "name": "per_page",
        "in": "query",
        "description": "Records on a page. More than 100 is taken as 100.",
        "schema": {**NATURAL, "default": 15},
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "Empty for the first page, then `meta.next_cursor` of the previous response. "
        "Not allowed with `page`, nor with other filters than those of the first page.",
        "schema": TEXT,
    },
}

SECURITY: dict[str, Part] = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "lh_…",
        "description": f"An API key. Its scopes are any of: `{'`, `'.join(sorted(SCOPES))}`.",
    }
}


def responses() -> dict[str, Part]:
    """Return the error responses, by code."""
    return {error.code: _response(status) for status, error in ERRORS.items()}


def _response(status: int) -> Part:
    error = ERRORS[status]
    limits = LIMITS if status != 401 else ()
    names = ("X-Request-Id", *limits, *EXTRA.get(status, ()))
    example: Part = {"status": "error", "message": error.default, "code": error.code}
    if status == 422:
        example["errors"] = {"name": ["The name field is required."]}
    return {
        "description": error.default,
        "headers": {name: ref("headers", name) for name in names},
        "content": {"application/json": {"schema": ref("schemas", "Error"), "example": example}},
    }
