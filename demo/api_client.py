"""A client of the demo's own LeadHub. It goes on through restarts: whatever may be broken is sent again."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson

from demo.lead_sources import JSON_TYPE

RETRY_PAUSE_SECONDS = 0.5
MAX_TRIES = 240  # two minutes
REQUEST_TIMEOUT_SECONDS = 60.0
MAX_CONNECTIONS = 50


class RefusedRequest(RuntimeError):
    """LeadHub refused a request that the demo meant."""


@dataclass(frozen=True)
class ApiAnswer:
    """A status and a body."""

    status: int
    body: Any


class ApiClient:
    """Sends requests to one LeadHub. Use it as a context manager."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS),
            connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
        )
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._session:
            await self._session.close()

    async def request(
        self, method: str, path: str, key: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> ApiAnswer:
        """Send a request, and again while LeadHub is away or overloaded. TimeoutError after two minutes of that."""
        for _ in range(MAX_TRIES):
            answer = await self._attempt(method, path, content, {"Authorization": f"Bearer {key}", **(headers or {})})
            if answer is not None:
                return answer
            await asyncio.sleep(RETRY_PAUSE_SECONDS)
        raise TimeoutError(f"{path} was not answered")

    async def call(self, method: str, path: str, key: str, body: Any = None) -> Any:
        """Return what a request of the demo itself was answered. Raises RefusedRequest on any error."""
        content = None if body is None else orjson.dumps(body)
        answer = await self.request(method, path, key, content, {"Content-Type": JSON_TYPE})
        if answer.status >= 400:
            raise RefusedRequest(f"{method} {path}: {answer.status} {answer.body}")
        return answer.body

    async def upload(self, path: str, key: str, form: aiohttp.FormData) -> Any:
        """Return what a request with a file was answered. Raises RefusedRequest on any error."""
        body = form()
        content = await body.as_bytes()
        answer = await self.request("POST", path, key, content, {"Content-Type": body.content_type})
        if answer.status >= 400:
            raise RefusedRequest(f"POST {path}: {answer.status} {answer.body}")
        return answer.body

    async def _attempt(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> ApiAnswer | None:
        """Return the answer, or None if there was none that counts."""
        if self._session is None:
            raise RuntimeError("the client is used outside its context")
        try:
            async with self._session.request(method, self._base_url + path, data=content, headers=headers) as response:
                text = await response.read()
                if response.status >= 500:
                    return None
                return ApiAnswer(response.status, orjson.loads(text) if text else None)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None
