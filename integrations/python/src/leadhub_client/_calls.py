"""Requests and answers as values, and whether a call is tried again: the same with and without `async`."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import httpx

from ._version import __version__
from .errors import ApiError, ConnectionFailed, LeadHubError, error_class

USER_AGENT = f"leadhub-client-python/{__version__}"
# An inbound lead's answer takes up to 30 seconds where the caller asks for it.
DEFAULT_TIMEOUT = httpx.Timeout(connect=5.0, read=40.0, write=30.0, pool=10.0)
NO_CONTENT = 204
RETRIED_STATUSES = frozenset({429, 502, 503, 504})
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 10.0
IDEMPOTENCY_HEADER = "Idempotency-Key"


@dataclass(frozen=True)
class RetryPolicy:
    """How often a call is tried again, and for how long the client waits where the server says when to come back.

    A longer wait than `longest_wait` seconds is left to the caller: the error says how long.
    """

    retries: int = 5
    longest_wait: float = 60.0


@dataclass(frozen=True)
class Call:
    """A request. `repeatable` ones are tried again: they change nothing, or nothing more the second time.

    Its answer is an `object` of JSON, or else `bytes`, or `any`, of which JSON is whole.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    files: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: Literal["object", "any", "bytes"] = "object"

    @property
    def repeatable(self) -> bool:
        return self.method == "GET" or IDEMPOTENCY_HEADER in self.headers

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `httpx.Client.request`."""
        sent: dict[str, Any] = {"params": {name: value for name, value in self.query.items() if value is not None}}
        sent["headers"] = dict(self.headers)
        if self.json is not None:
            sent["json"] = self.json
        if self.files is not None:
            sent["files"] = dict(self.files)
        return sent


@dataclass(frozen=True)
class Answer:
    """A successful answer: `data` is its JSON, `content` its bytes."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    data: Any

    @property
    def request_id(self) -> str | None:
        return self.headers.get("x-request-id")


def read_answer(call: Call, response: httpx.Response) -> Answer:
    """Return the answer of a response that has been read whole. Raises ApiError, or ConnectionFailed if it is none."""
    data = _parsed_json(response)
    if not response.is_success:
        raise _api_error(response, data if isinstance(data, dict) else {})
    if response.status_code != NO_CONTENT and not _is_of_kind(call.kind, response, data):
        raise ConnectionFailed(f"{call.method} {call.path}: the answer is not the JSON that was asked for")
    return Answer(response.status_code, response.headers, response.content, data)


def seconds_to_wait(call: Call, policy: RetryPolicy, attempt: int, error: LeadHubError) -> float | None:
    """Return for how long to wait before the next attempt; None if there is to be none. `attempt` counts from 0."""
    if not call.repeatable or attempt >= policy.retries:
        return None
    if isinstance(error, ApiError):
        if error.status not in RETRIED_STATUSES:
            return None
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= policy.longest_wait else None
    most = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * float(2**attempt))
    return most * random.uniform(0.5, 1.0)  # noqa: S311 - so that many clients do not come back at once


def checked_base_url(base_url: str) -> str:
    """Return the address without a slash at its end. Raises ValueError for one that is no http or https URL."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"not the address of a LeadHub: {base_url!r}")
    return base_url.rstrip("/")


def checked_headers(api_key: str) -> dict[str, str]:
    """Return the headers of each request. Raises ValueError for a key that is none."""
    if not re.fullmatch(r"lh_[\x21-\x7e]+", api_key):
        raise ValueError("an API key begins with lh_")
    return {"Authorization": f"Bearer {api_key}", "User-Agent": USER_AGENT, "Accept": "application/json, */*;q=0.5"}


def quoted(text: str) -> str:
    """Return a text as a part of a path. Dots alone are quoted, too: as they are, they name the part above."""
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")


def wait_header(wait: int | None) -> dict[str, str]:
    """Return the header that says how long the answer waits for the lead's verdict; 0: not at all."""
    if wait is None:
        return {}
    return {"Prefer": f"wait={wait}" if wait else "respond-async"}


def _is_of_kind(kind: str, response: httpx.Response, data: Any) -> bool:
    if kind == "any":
        return data is not None or not _is_json(response)
    return kind == "bytes" or isinstance(data, dict)


def _is_json(response: httpx.Response) -> bool:
    media_type = response.headers.get("content-type", "")
    return "json" in media_type and "ndjson" not in media_type


def _parsed_json(response: httpx.Response) -> Any:
    if not _is_json(response):
        return None
    try:
        return response.json()
    except ValueError:
        return None


def _api_error(response: httpx.Response, body: dict[str, Any]) -> ApiError:
    status = response.status_code
    after = response.headers.get("retry-after", "")
    return error_class(status)(
        status,
        str(body.get("code", "HTTP_ERROR")),
        str(body.get("message", response.reason_phrase)),
        errors=body.get("errors"),
        request_id=body.get("request_id") or response.headers.get("x-request-id"),
        retry_after=float(after) if after.isascii() and after.isdigit() else None,
        body=body,
    )
