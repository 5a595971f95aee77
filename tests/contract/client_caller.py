"""The Python client in the place of HTTP: a request finds the client's method, and its answer looks like a response.

So the same checks run against the API and against the client's public methods.
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
from multidict import CIMultiDict, CIMultiDictProxy

from integrations.codegen.operations import FORMAT_PARAMETER, PAGING_PARAMETERS, ClientMethod, client_methods
from leadhub_client import ApiError, AsyncLeadHub, RetryPolicy
from leadhub_client.errors import error_class
from tests.contract.operation_catalogue import DOCUMENT, OPERATIONS, Operation
from tests.contract.service import Answer

METHODS = client_methods(DOCUMENT)
METHOD_BY_OPERATION = {method.operation_id: method for method in METHODS}
ANSWER_ALONE = frozenset({*PAGING_PARAMETERS, FORMAT_PARAMETER})  # a client walks the pages, and has records, not CSV
# Of the task: several may ask at once.
NEWEST_RESPONSE: ContextVar[httpx.Response] = ContextVar("newest_response")
PATTERNS = [
    (operation, re.compile(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(operation.path)))) for operation in OPERATIONS
]


def method_of(http_method: str, path: str) -> tuple[ClientMethod, list[str]] | None:
    """Return the client's method for a request, and the values in its path. None if the client has none.

    A path without parameters goes before one with: `/leads/export` is no id.
    """
    matches: list[tuple[Operation, list[str]]] = [
        (operation, [unquote(value) for value in match.groups()])
        for operation, pattern in PATTERNS
        if operation.method == http_method and (match := pattern.fullmatch(path))
    ]
    if not matches:
        return None
    operation, values = min(matches, key=lambda match: len(match[1]))
    method = METHOD_BY_OPERATION.get(operation.said["operationId"])
    return (method, values) if method else None


class ClientCaller:
    """A client with one key."""

    def __init__(self, client: AsyncLeadHub) -> None:
        self._client = client

    async def ask(self, http_method: str, url: str, body: Any = None) -> Answer | None:
        """Return what the client's method makes of the request. None if it has no method for it."""
        address = urlsplit(url)
        match = method_of(http_method, address.path)
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        if match is None or query.keys() & ANSWER_ALONE or (body is not None and match[0].body is None):
            return None
        return await self.call(match[0], match[1], query, body)

    async def call(self, method: ClientMethod, values: list[Any], query: dict[str, Any], body: Any) -> Answer:
        """Return what the method makes of these arguments. The status and the headers are those of the wire."""
        arguments = [*values, *([body] if method.body else [])]
        function = getattr(getattr(self._client, method.group), method.name)
        try:
            if method.kind == "page":
                return self._answer(await _first_page(function, arguments, query))
            content = await function(*arguments, **query)
        except ApiError as error:
            return self._answer(_error_body(error, NEWEST_RESPONSE.get()))
        if method.kind == "bytes":
            return self._answer(content)
        has_body = NEWEST_RESPONSE.get().status_code != httpx.codes.NO_CONTENT
        return self._answer(json.dumps({"data": content}).encode() if has_body else b"")

    def _answer(self, raw: bytes) -> Answer:
        response = NEWEST_RESPONSE.get()
        return Answer(response.status_code, CIMultiDictProxy(CIMultiDict(response.headers.multi_items())), raw)


@asynccontextmanager
async def client_caller(url: str, key: str) -> AsyncIterator[ClientCaller]:
    """A caller that tries each request once."""

    async def note(response: httpx.Response) -> None:
        NEWEST_RESPONSE.set(response)

    async with httpx.AsyncClient(timeout=60, event_hooks={"response": [note]}) as inner:
        client = AsyncLeadHub(url, key, client=inner, policy=RetryPolicy(retries=0))
        yield ClientCaller(client)


async def _first_page(function: Any, arguments: list[Any], query: dict[str, Any]) -> bytes:
    """The first page of a list, with the count of all."""
    pages = function(*arguments, **query)
    async for records in pages.pages():
        return json.dumps({"data": records, "meta": {"total": await pages.count()}}).encode()
    raise AssertionError("a list has a first page")


def _error_body(error: ApiError, response: httpx.Response) -> bytes:
    """What a typed error says, as a body: a caller of the client has no other."""
    assert type(error) is error_class(response.status_code)
    assert error.status == response.status_code
    told = {"code": error.code, "message": error.message, **({"errors": error.errors} if error.errors else {})}
    return json.dumps({**error.body, **told}).encode()
