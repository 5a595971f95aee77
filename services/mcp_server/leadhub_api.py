"""Calls of LeadHub's API with the key of whoever calls the tool."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from mcp.server.mcpserver.exceptions import ToolError

from services.mcp_server.untrusted_text import clean_text
from shared import __version__
from shared.audit.agent_calls import CLIENT_HEADER, TOOL_HEADER, UNKNOWN_CLIENT

API_PREFIX = "/api/v1/"
ANSWER_SECONDS = 60.0
MAX_ANSWER_BYTES = 8_000_000

AWAY_MESSAGE = "LeadHub does not answer just now. Nothing is known to have changed. Try again in a moment."
TOO_LONG_MESSAGE = "The answer is too long. Ask for less."
LIMITED_MESSAGE = "This key has used up its requests. Try again in {seconds} seconds."


class ApiRefused(ToolError):
    """An answer other than 2xx. The message is the API's own, with what is wrong by field."""

    def __init__(self, status: int | None, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class KeyProfile:
    """What a key may do, by `/me`."""

    key_id: int
    workspace_id: int
    scopes: frozenset[str]
    document: Mapping[str, Any]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the profile that an answer of `/me` tells."""
        return cls(document["id"], document["workspace"]["id"], frozenset(document["scopes"]), document)

    def has_scopes(self, *scopes: str) -> bool:
        """Return whether the key has all of these."""
        return "*" in self.scopes or self.scopes.issuperset(scopes)


def key_digest(key: str) -> str:
    """Return what a key is known by here: it stands in no log and no answer."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


class LeadHubApi:
    """The API of a LeadHub. It keeps connections, and is to be closed."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def with_key(self, key: str) -> "KeyedApi":
        """Return the API as the owner of a key sees it, for one call of a tool."""
        return KeyedApi(self, key)

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], query: Mapping[str, Any] | None, body: Any
    ) -> Any:
        """Return the document of an answer. ApiRefused if it is none of 2xx."""
        session = self._open_session()
        params = {name: _query_text(value) for name, value in (query or {}).items() if value is not None}
        try:
            async with session.request(
                method,
                self._url + API_PREFIX + path,
                params=params,
                json=body,
                headers=headers,
                allow_redirects=False,  # the key is for this address alone
            ) as answer:
                return _document_of(answer, await _read_body(answer))
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise ApiRefused(None, AWAY_MESSAGE) from None

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS))
        return self._session


class KeyedApi:
    """The API with a key. All requests of one call have the same id, by which the audit log joins them."""

    def __init__(self, client: LeadHubApi, key: str) -> None:
        self._client = client
        self.caller = key_digest(key)
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "User-Agent": f"leadhub-mcp/{__version__}",
            "X-Request-Id": f"mcp-{secrets.token_hex(10)}",
        }

    async def read_profile(self, tool: str | None = None, client_name: str | None = None) -> KeyProfile:
        """Return what the key may do. With a tool, the audit log notes that it was called."""
        named = {TOOL_HEADER: tool, CLIENT_HEADER: client_name or UNKNOWN_CLIENT} if tool else {}
        answer = await self._client.send("GET", "me", self._headers | named, None, None)
        return KeyProfile.from_document(answer["data"])

    async def get(self, path: str, **query: Any) -> Any:
        """Return the document of a GET."""
        return await self._client.send("GET", path, self._headers, query, None)

    async def read(self, path: str) -> dict[str, Any]:
        """Return a record."""
        record: dict[str, Any] = (await self.get(path))["data"]
        return record

    async def post(self, path: str, body: Any = None) -> dict[str, Any]:
        """Return the record that a POST answers."""
        answer = await self._client.send("POST", path, self._headers, None, {} if body is None else body)
        record: dict[str, Any] = answer["data"]
        return record

    async def patch(self, path: str, body: Any) -> dict[str, Any]:
        """Return the record as a PATCH leaves it."""
        record: dict[str, Any] = (await self._client.send("PATCH", path, self._headers, None, body))["data"]
        return record


async def _read_body(answer: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for chunk in answer.content.iter_chunked(65_536):
        content += chunk
        if len(content) > MAX_ANSWER_BYTES:
            raise ApiRefused(answer.status, TOO_LONG_MESSAGE)
    return bytes(content)


def _document_of(answer: aiohttp.ClientResponse, content: bytes) -> Any:
    try:
        document = json.loads(content) if content else {}
    except ValueError:
        document = None
    if 200 <= answer.status < 300 and document is not None:
        return document
    if answer.status == 429:
        raise ApiRefused(429, LIMITED_MESSAGE.format(seconds=answer.headers.get("Retry-After", "60")[:6]))
    raise ApiRefused(answer.status, _refusal_text(answer.status, document))


def _refusal_text(status: int, document: Any) -> str:
    """Return what an error says. Its texts may quote what was sent, and are cleaned as all others."""
    if not isinstance(document, dict):
        return f"LeadHub answered {status}."
    errors = document.get("errors")
    fields = errors if isinstance(errors, dict) else {}
    details = [f"{name}: {' '.join(map(str, texts))}" for name, texts in fields.items()]
    return clean_text(" ".join([f"{document.get('message', '')} ({status})", *details]).strip())


def _query_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
