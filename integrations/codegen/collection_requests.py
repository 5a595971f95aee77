"""Requests of a collection for API clients with a window, such as Postman and Bruno: pure, the same for both."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from integrations.codegen.collection_people import NEW_VALUES, json_text, own_body
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
BOUNDARY = "leadhub-people"
PLACE = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")  # {id}, and no {{variable}}
VARIABLE = re.compile(r"\{\{(\w+)\}\}")
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
USER_VARIABLES = ("baseUrl", "key", "tenant", RISK_VARIABLE)


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
    `needs` are variables that it does not name, but whose records it is about. The one that `starts_run` of the tour
    also unsets what later requests set: `forgets` beside the records.
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
    needs: tuple[str, ...] = ()
    starts_run: bool = False
    forgets: tuple[str, ...] = ()

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

    @property
    def body_text(self) -> str:
        """The body where it is sent as text: JSON, or a form with a file.

        Either program would want a file on the disk of whoever opens the collection, and one without variables.
        """
        return multipart_text(self.body) if self.media_type == FILE_MEDIA_TYPE else json_text(self.body)

    @property
    def content_type(self) -> str:
        """The header that a body of text is sent with; empty for others."""
        types = {JSON_MEDIA_TYPE: JSON_MEDIA_TYPE, FILE_MEDIA_TYPE: f"{FILE_MEDIA_TYPE}; boundary={BOUNDARY}"}
        return types.get(self.media_type, "")

    @property
    def new_variables(self) -> tuple[str, ...]:
        """What is made up anew before it is sent: each request for itself, but the tour for all of its own."""
        used = NEW_VALUES if self.starts_run else self._used_variables()
        return tuple(name for name in NEW_VALUES if name in used) if self.starts_run or not self.status else ()

    @property
    def needed_variables(self) -> tuple[str, ...]:
        """What other requests have set. Without one of them it is not sent."""
        own = {*USER_VARIABLES, *self.new_variables}
        return tuple(dict.fromkeys(name for name in (*self.needs, *self._used_variables()) if name not in own))

    @property
    def forgotten_variables(self) -> tuple[str, ...]:
        """What it unsets before it is sent."""
        records = RECORD_VARIABLES if self.starts_run else ()
        return tuple(dict.fromkeys((*records, *self.forgets, *(name for name, _ in self.captures))))

    @property
    def made_status(self) -> int:
        """The status of an answer that says that a record was made; 0 if any answer that has the value says it."""
        return self.status or (201 if self.operation_id.startswith("create_") else 0)

    def _used_variables(self) -> list[str]:
        values = [each.value for each in (*self.path_values, *self.query, *self.headers) if each.is_sent]
        values += [check.value for check in self.checks]
        return VARIABLE.findall(" ".join((self.path, *values, "" if self.body is None else json_text(self.body))))


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
    media_type, example = _body_of(operation)
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
        body=own_body(operation["operationId"], example),
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


def multipart_text(fields: dict[str, str]) -> str:
    """Return a form with a file as text."""
    parts = []
    for name, value in fields.items():
        file_words = '; filename="people.csv"\r\nContent-Type: text/csv' if name == "file" else ""
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file_words}\r\n\r\n{value}\r\n')
    return "".join(parts) + f"--{BOUNDARY}--\r\n"


def _body_of(operation: SpecObject) -> tuple[str, Any]:
    contents = operation.get("requestBody", {}).get("content", {})
    for media_type in (JSON_MEDIA_TYPE, FORM_MEDIA_TYPE, FILE_MEDIA_TYPE):
        if media_type in contents:
            return media_type, contents[media_type].get("example")
    return "", None
