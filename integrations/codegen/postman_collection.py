"""The collection for Postman, in its format 2.1, without saved answers."""

import json
import uuid
from typing import Any

from integrations.codegen.collection_requests import (
    COLLECTION_VARIABLES,
    FORM_MEDIA_TYPE,
    AnswerCheck,
    CollectionRequest,
    NamedValue,
    operation_requests,
)
from integrations.codegen.collection_scripts import POSTMAN, capturing_lines, indented, script_before
from integrations.codegen.collection_tour import IS_FULL, IS_NUMBER, TOUR_NAME, tour_requests
from integrations.codegen.operations import JSON_MEDIA_TYPE, SpecObject

SCHEMA_URL = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
COLLECTION_ID = str(uuid.uuid5(uuid.NAMESPACE_URL, "leadhub/postman"))  # the same each time: an import replaces it
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
    return [NamedValue("Content-Type", request.content_type)] if request.content_type else []


def _body(request: CollectionRequest) -> dict[str, Any] | None:
    if request.body is None:
        return None
    if request.media_type == FORM_MEDIA_TYPE:
        pairs = [{"key": name, "value": value, "type": "text"} for name, value in request.body.items()]
        return {"mode": "urlencoded", "urlencoded": pairs}
    sent: dict[str, Any] = {"mode": "raw", "raw": request.body_text}
    if request.media_type == JSON_MEDIA_TYPE:
        sent["options"] = {"raw": {"language": "json"}}
    return sent


def _events(request: CollectionRequest) -> list[dict[str, Any]]:
    events = [("prerequest", script_before(request, POSTMAN)), ("test", _test_lines(request))]
    return [_event(listen, lines) for listen, lines in events if lines]


def _event(listen: str, lines: list[str]) -> dict[str, Any]:
    return {"listen": listen, "script": {"type": "text/javascript", "exec": lines}}


def _test_lines(request: CollectionRequest) -> list[str]:
    captures = capturing_lines(request, POSTMAN)
    if not request.status:
        return [*VALUE_LINES, *captures] if captures else []
    status = f'pm.test("status is {request.status}", () => pm.response.to.have.status({request.status}));'
    lines = [status, *map(_check_line, request.checks), *captures]
    if request.pause:
        ready = " && ".join(_is_met(check) for check in request.checks)
        lines = _until_ready(ready, lines)
    return [*VALUE_LINES, *lines] if request.checks or captures else [status]


def _until_ready(ready: str, lines: list[str]) -> list[str]:
    """Send the request again while workers have not come to it: a busy machine is no failure, but a refusal is one."""
    return [
        'const tries = Number(pm.collectionVariables.get("tries") || 0);',
        f"if (pm.response.code < 400 && !({ready}) && tries < {MOST_TRIES}) {{",
        '  pm.collectionVariables.set("tries", tries + 1);',
        "  pm.execution.setNextRequest(pm.info.requestName);",
        "} else {",
        '  pm.collectionVariables.unset("tries");',
        *indented(lines),
        "}",
    ]


def _is_met(check: AnswerCheck) -> str:
    if check.kind == IS_FULL:
        return f'valueAt("{check.path}")?.length > 0'
    if check.kind == IS_NUMBER:
        return f'typeof valueAt("{check.path}") === "number"'
    return f'String(valueAt("{check.path}")) === pm.variables.replaceIn("{check.value}")'


def _check_line(check: AnswerCheck) -> str:
    name = {IS_FULL: "is not empty", IS_NUMBER: "is a number"}.get(check.kind, "is as expected")
    return f'pm.test("{check.path} {name}", () => pm.expect({_is_met(check)}).to.eql(true));'
