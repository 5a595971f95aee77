"""The collection for Postman, in its format 2.1, without saved answers."""

import json
import uuid
from typing import Any

from integrations.codegen.collection_requests import (
    COLLECTION_VARIABLES,
    FILE_MEDIA_TYPE,
    FORM_MEDIA_TYPE,
    RISK_VALUE,
    RISK_VARIABLE,
    AnswerCheck,
    CollectionRequest,
    NamedValue,
    operation_requests,
)
from integrations.codegen.collection_tour import IS_FULL, IS_NUMBER, TOUR_NAME, tour_requests
from integrations.codegen.operations import JSON_MEDIA_TYPE, SpecObject

SCHEMA_URL = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
COLLECTION_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, "leadhub/postman"))  # the same each time: an import replaces it
BOUNDARY = "leadhub-people"
MOST_TRIES = 20  # of a request whose answer is not ready
DESCRIPTION = (
    "Set the variable `key`, and `baseUrl` where your LeadHub is not on this machine.\n\n"
    f"**{TOUR_NAME}** are the requests of the README in their order. The other folders have one request for each "
    "operation. Their queries and headers are switched off where they may be left out."
)
VALUE_LINES = (
    "const answer = pm.response.json();",
    'const valueAt = (path) => path.split(".").reduce((found, key) => found?.[key], answer);',
)


def postman_source(document: SpecObject) -> str:
    """Return the text of the collection."""
    folders = [{"name": TOUR_NAME, "item": [_item(each) for each in tour_requests()]}]
    about = {tag["name"]: tag["description"] for tag in document["tags"]}
    for name, requests in operation_requests(document).items():
        folders.append({"name": name, "description": about[name], "item": [_item(each) for each in requests]})
    collection = {
        "info": {
            "_postman_id": COLLECTION_ID,
            "name": document["info"]["title"],
            "description": DESCRIPTION,
            "version": document["info"]["version"],
            "schema": SCHEMA_URL,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{key}}", "type": "string"}]},
        "variable": [{"key": name, "value": value} for name, value in COLLECTION_VARIABLES.items()],
        "item": folders,
    }
    return json.dumps(collection, indent=1, ensure_ascii=False) + "\n"


def _item(request: CollectionRequest) -> dict[str, Any]:
    item: dict[str, Any] = {"name": request.name}
    if events := _events(request):
        item["event"] = events
    sent: dict[str, Any] = {
        "method": request.http_method,
        "header": [_pair(each) for each in (*request.headers, *_content_headers(request))],
        "url": _url(request),
    }
    if body := _body(request):
        sent["body"] = body
    if not request.needs_key:
        sent["auth"] = {"type": "noauth"}
    if request.description:
        sent["description"] = request.description
    return {**item, "request": sent, "response": []}


def _url(request: CollectionRequest) -> dict[str, Any] | str:
    if request.path.startswith("{{"):
        return request.path  # in parts, it would get a slash at its end
    host, *path = request.address.split("/")
    url: dict[str, Any] = {"raw": request.url, "host": [host], "path": path}
    if request.query:
        url["query"] = [_pair(each) for each in request.query]
    if request.path_values:
        url["variable"] = [_pair(each) for each in request.path_values]
    return url


def _pair(value: NamedValue) -> dict[str, Any]:
    pair: dict[str, Any] = {"key": value.name, "value": value.value}
    if not value.is_sent:
        pair["disabled"] = True
    if value.description:
        pair["description"] = value.description
    return pair


def _content_headers(request: CollectionRequest) -> list[NamedValue]:
    types = {JSON_MEDIA_TYPE: JSON_MEDIA_TYPE, FILE_MEDIA_TYPE: f"{FILE_MEDIA_TYPE}; boundary={BOUNDARY}"}
    return [NamedValue("Content-Type", types[request.media_type])] if request.media_type in types else []


def _body(request: CollectionRequest) -> dict[str, Any] | None:
    if request.body is None:
        return None
    if request.media_type == FORM_MEDIA_TYPE:
        pairs = [{"key": name, "value": value, "type": "text"} for name, value in request.body.items()]
        return {"mode": "urlencoded", "urlencoded": pairs}
    if request.media_type == FILE_MEDIA_TYPE:
        return {"mode": "raw", "raw": multipart_text(request.body)}
    text = request.body if isinstance(request.body, str) else json.dumps(request.body, indent=2, ensure_ascii=False)
    return {"mode": "raw", "raw": text, "options": {"raw": {"language": "json"}}}


def multipart_text(fields: dict[str, str]) -> str:
    """Return a form with a file as text. Postman would want a file on the disk of whoever opens the collection."""
    parts = []
    for name, value in fields.items():
        file_words = '; filename="people.csv"\r\nContent-Type: text/csv' if name == "file" else ""
        parts.append(f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file_words}\r\n\r\n{value}\r\n')
    return "".join(parts) + f"--{BOUNDARY}--\r\n"


def _events(request: CollectionRequest) -> list[dict[str, Any]]:
    events = []
    if request.pause:
        events.append(_event("prerequest", [f"setTimeout(() => {{}}, {request.pause});"]))
    if request.is_risky:
        condition = f'pm.variables.get("{RISK_VARIABLE}") !== "{RISK_VALUE}"'
        events.append(_event("prerequest", [f"if ({condition}) pm.execution.skipRequest();"]))
    if lines := _test_lines(request):
        events.append(_event("test", lines))
    return events


def _event(listen: str, lines: list[str]) -> dict[str, Any]:
    return {"listen": listen, "script": {"type": "text/javascript", "exec": lines}}


def _test_lines(request: CollectionRequest) -> list[str]:
    captures = [f'pm.collectionVariables.set("{name}", valueAt("{path}"));' for name, path in request.captures]
    if not request.status:  # an operation of its own: it leaves something behind only if it is there
        paths = [path for _, path in request.captures]
        lines = [f'if (valueAt("{path}") !== undefined) {set_}' for path, set_ in zip(paths, captures, strict=True)]
        return [*VALUE_LINES, *lines] if captures else []
    status = f'pm.test("status is {request.status}", () => pm.response.to.have.status({request.status}));'
    lines = [status, *map(_check_line, request.checks), *captures]
    if request.pause:
        ready = " && ".join(_is_met(check) for check in request.checks)
        lines = _until_ready(ready, lines)
    return [*VALUE_LINES, *lines] if request.checks or captures else [status]


def _until_ready(ready: str, lines: list[str]) -> list[str]:
    """Send the request again while workers have not come to it: a busy machine is no failure."""
    return [
        'const tries = Number(pm.collectionVariables.get("tries") || 0);',
        f"if (!({ready}) && tries < {MOST_TRIES}) {{",
        '  pm.collectionVariables.set("tries", tries + 1);',
        "  pm.execution.setNextRequest(pm.info.requestName);",
        "} else {",
        '  pm.collectionVariables.unset("tries");',
        *_indented(lines),
        "}",
    ]


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _is_met(check: AnswerCheck) -> str:
    if check.kind == IS_FULL:
        return f'valueAt("{check.path}")?.length > 0'
    if check.kind == IS_NUMBER:
        return f'typeof valueAt("{check.path}") === "number"'
    return f'String(valueAt("{check.path}")) === pm.variables.replaceIn("{check.value}")'


def _check_line(check: AnswerCheck) -> str:
    name = {IS_FULL: "is not empty", IS_NUMBER: "is a number"}.get(check.kind, "is as expected")
    return f'pm.test("{check.path} {name}", () => pm.expect({_is_met(check)}).to.eql(true));'
