"""The collection for Bruno: a folder of text files, one for each request."""

import json

from integrations.codegen.collection_requests import (
    COLLECTION_VARIABLES,
    FILE_MEDIA_TYPE,
    FORM_MEDIA_TYPE,
    AnswerCheck,
    CollectionRequest,
    NamedValue,
    operation_requests,
)
from integrations.codegen.collection_scripts import BRUNO, capturing_lines, script_before
from integrations.codegen.collection_tour import IS_FULL, IS_NUMBER, TOUR_NAME, tour_requests
from integrations.codegen.operations import SpecObject

TOUR_FOLDER = "five-minutes"
SECRET_VARIABLES = ("key",)
VALUE_LINE = 'const valueAt = (path) => path.split(".").reduce((found, key) => found?.[key], res.body);'


def bruno_sources(document: SpecObject) -> dict[str, str]:
    """Return the texts of the collection by file, relative to its folder."""
    files = {
        "bruno.json": json.dumps({"version": "1", "name": document["info"]["title"], "type": "collection"}, indent=2)
        + "\n",
        "collection.bru": _block("auth", ["mode: bearer"]) + "\n" + _block("auth:bearer", ["token: {{key}}"]),
        "environments/local.bru": _environment(),
        **_folder(TOUR_FOLDER, TOUR_NAME, 1, tour_requests()),
    }
    for place, (name, requests) in enumerate(operation_requests(document).items(), start=2):
        files |= _folder(name, name, place, requests)
    return files


def _environment() -> str:
    lines = [f"{name}: {value}" for name, value in COLLECTION_VARIABLES.items() if name not in SECRET_VARIABLES]
    return _block("vars", lines) + "vars:secret [\n" + ",\n".join(f"  {name}" for name in SECRET_VARIABLES) + "\n]\n"


def _folder(folder: str, name: str, place: int, requests: list[CollectionRequest]) -> dict[str, str]:
    files = {f"{folder}/folder.bru": _block("meta", [f"name: {name}", f"seq: {place}"])}
    for number, request in enumerate(requests, start=1):
        files[f"{folder}/{request.file_name}.bru"] = _request_source(request, number)
    return files


def _request_source(request: CollectionRequest, number: int) -> str:
    auth = "inherit" if request.needs_key else "none"
    blocks = [
        _block("meta", [f"name: {request.name}", "type: http", f"seq: {number}"]),
        _block(request.http_method.lower(), [f"url: {request.url}", f"body: {_body_kind(request)}", f"auth: {auth}"]),
        _values_block("params:query", request.query),
        _values_block("params:path", request.path_values),
        _values_block("headers", _headers(request)),
        _body_block(request),
        _block("assert", _assertions(request)),
        _block("script:pre-request", script_before(request, BRUNO)),
        _block("script:post-response", _script_after(request)),
        _block("docs", request.description.splitlines()),
    ]
    return "\n".join(block for block in blocks if block)


def _headers(request: CollectionRequest) -> tuple[NamedValue, ...]:
    """Those of the request, and the type of a form whose text is sent as it stands."""
    is_form = request.media_type == FILE_MEDIA_TYPE
    return (*request.headers, NamedValue("Content-Type", request.content_type)) if is_form else request.headers


def _script_after(request: CollectionRequest) -> list[str]:
    lines = capturing_lines(request, BRUNO)
    return [VALUE_LINE, *lines] if lines else []


def _block(name: str, lines: list[str]) -> str:
    body = "".join(f"  {line}".rstrip() + "\n" for line in lines)
    return f"{name} {{\n{body}}}\n" if lines else ""


def _values_block(name: str, values: tuple[NamedValue, ...]) -> str:
    return _block(name, [f"{'' if each.is_sent else '~'}{each.name}: {each.value}" for each in values])


def _body_kind(request: CollectionRequest) -> str:
    if request.body is None:
        return "none"
    return {FORM_MEDIA_TYPE: "formUrlEncoded", FILE_MEDIA_TYPE: "text"}.get(request.media_type, "json")


def _body_block(request: CollectionRequest) -> str:
    if request.body is None:
        return ""
    if request.media_type == FORM_MEDIA_TYPE:
        return _block("body:form-urlencoded", [f"{name}: {value}" for name, value in request.body.items()])
    kind = "text" if request.media_type == FILE_MEDIA_TYPE else "json"
    return _block(f"body:{kind}", request.body_text.splitlines())


def _assertions(request: CollectionRequest) -> list[str]:
    status = [f"res.status: eq {request.status}"] if request.status else []
    return status + [_assertion(check) for check in request.checks]


def _assertion(check: AnswerCheck) -> str:
    path = _bruno_path(check.path)
    if check.kind == IS_FULL:
        return f"{path}.length: gte 1"
    return f"{path}: isNumber" if check.kind == IS_NUMBER else f"{path}: eq {check.value}"


def _bruno_path(path: str) -> str:
    words = [f"[{word}]" if word.isdecimal() else f".{word}" for word in path.split(".")]
    return "res.body" + "".join(words)
