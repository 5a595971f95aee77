"""Requests of a collection for API clients with a window, such as Postman and Bruno: pure, the same for both."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from integrations.codegen.collection_records import (
    ENDING_OPERATIONS,
    NEEDED_INPUT,
    NO_RECORD,
    RECORD_VARIABLES,
    RISKY_OPERATIONS,
    captures_of,
    record_variable,
)
from integrations.codegen.operations import JSON_MEDIA_TYPE, SpecObject, resolved_parameters

FORM_MEDIA_TYPE = "application/x-www-form-urlencoded"
FILE_MEDIA_TYPE = "multipart/form-data"
PLACE = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")  # {id}, and no {{variable}}
RISK_VARIABLE = "allow_risks"
RISK_VALUE = "yes"
# Variables of a collection with their first values. Requests set the others of the tour.
COLLECTION_VARIABLES = {
    "baseUrl": "http://127.0.0.1:8000",
    "key": "lh_your_api_key_here",
    "tenant": "main",
    RISK_VARIABLE: "no",
    **dict.fromkeys(RECORD_VARIABLES, NO_RECORD),
}


@dataclass(frozen=True)
class NamedValue:
    """A value of a query, a header or a path. One that is not sent is there to be switched on."""

    name: str
    value: str
    is_sent: bool = True
    description: str = ""


@dataclass(frozen=True)
class AnswerCheck:
    """What the answer has to hold at a path such as `data.0.id`: a value, or without one any number or a full list."""

    path: str
    value: str = ""
    kind: str = "equals"


@dataclass(frozen=True)
class CollectionRequest:
    """A request, and what comes of its answer. `pause` is in milliseconds, before it is sent.

    A `path` that begins with a variable is a whole URL. A body of JSON is a value, any other one a dictionary of texts.
    """

    name: str
    http_method: str
    path: str
    operation_id: str = ""
    description: str = ""
    path_values: tuple[NamedValue, ...] = ()
    query: tuple[NamedValue, ...] = ()
    headers: tuple[NamedValue, ...] = ()
    media_type: str = ""
    body: Any = None
    needs_key: bool = True
    is_risky: bool = False
    status: int = 0
    checks: tuple[AnswerCheck, ...] = ()
    captures: tuple[tuple[str, str], ...] = ()
    pause: int = 0

    @property
    def file_name(self) -> str:
        """The name of a file for the request, without its ending."""
        return self.operation_id or "-".join(self.name.lower().replace(",", "").split())

    @property
    def address(self) -> str:
        """The URL without its query, `{id}` written as `:id`."""
        path = PLACE.sub(r":\1", self.path)
        return path if path.startswith("{{") else f"{{{{baseUrl}}}}{path}"

    @property
    def url(self) -> str:
        """The URL with the query that is sent."""
        words = [f"{each.name}={each.value}" for each in self.query if each.is_sent]
        return self.address + ("?" + "&".join(words) if words else "")


def operation_requests(document: SpecObject) -> dict[str, list[CollectionRequest]]:
    """Return a request for each operation, by tag. A PUT that does what PATCH does is left out.

    What deletes comes last, the parts of a record before it: a run of all finds the record until then.
    """
    requests: dict[str, list[CollectionRequest]] = {tag["name"]: [] for tag in document["tags"]}
    for path, item in document["paths"].items():
        for http_method, operation in item.items():
            if not operation.get("x-sdk-ignore"):
                requests[operation["tags"][0]].append(_operation_request(document, path, http_method, operation))
    return {tag: sorted(each, key=_place_in_run) for tag, each in requests.items()}


def _place_in_run(request: CollectionRequest) -> tuple[bool, int]:
    ends = request.http_method == "DELETE" or request.operation_id in ENDING_OPERATIONS
    return ends, -len(request.path) if ends else 0


def _operation_request(document: SpecObject, path: str, http_method: str, operation: SpecObject) -> CollectionRequest:
    parameters = list(resolved_parameters(document, operation))
    media_type, body = _body_of(operation)
    return CollectionRequest(
        name=operation["summary"],
        http_method=http_method.upper(),
        path=path,
        operation_id=operation["operationId"],
        description=_description_of(operation),
        path_values=tuple(_named_values(parameters, "path", path)),
        query=tuple(_named_values(parameters, "query", path)),
        headers=tuple(_named_values(parameters, "header", path)),
        media_type=media_type,
        body=body,
        needs_key=bool(operation.get("security", [{}])),
        is_risky=http_method == "delete" or operation["operationId"] in RISKY_OPERATIONS,
        captures=tuple(captures_of(operation["operationId"]).items()),
    )


def _description_of(operation: SpecObject) -> str:
    need = NEEDED_INPUT.get(operation["operationId"])
    return "\n\n".join(filter(None, (operation.get("description", ""), f"Needs input: {need}." if need else "")))


def _named_values(parameters: list[SpecObject], place: str, path: str) -> Iterator[NamedValue]:
    for each in parameters:
        if each["in"] == place:
            value = _value_of(each, path)
            yield NamedValue(each["name"], value, bool(each.get("required")), each.get("description", ""))


def _value_of(parameter: SpecObject, path: str) -> str:
    if parameter["name"] == "tenant":
        return "{{tenant}}"
    if parameter["in"] == "path" and (variable := record_variable(parameter["name"], path)):
        return f"{{{{{variable}}}}}"
    if parameter["in"] == "query" and parameter.get("required") and parameter["name"] in RECORD_VARIABLES:
        return f"{{{{{parameter['name']}}}}}"
    (example,) = (parameter["example"],) if "example" in parameter else parameter["schema"].get("examples", [""])[:1]
    return str(example).lower() if isinstance(example, bool) else str(example)


def _body_of(operation: SpecObject) -> tuple[str, Any]:
    contents = operation.get("requestBody", {}).get("content", {})
    for media_type in (JSON_MEDIA_TYPE, FORM_MEDIA_TYPE, FILE_MEDIA_TYPE):
        if media_type in contents:
            return media_type, contents[media_type].get("example")
    return "", None
