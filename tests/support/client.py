"""Posting leads by hand, where a test wants to see the single answer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.support.load import Told
from tests.support.stack import Stack
from tests.support.waiting import DEADLINE_SECONDS


@dataclass(frozen=True)
class Answer:
    """`seconds` from the request's start to the answer's end."""

    status: int
    body: Any
    headers: Mapping[str, str]
    seconds: float


class Client:
    """Posts to the inbound endpoint and writes down in `told` what was acknowledged."""

    def __init__(self, stack: Stack) -> None:
        self.told = Told()
        self._stack = stack
        self._session = aiohttp.ClientSession(
            headers=stack.headers,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(DEADLINE_SECONDS),
        )

    async def post(self, body: Any, *, path: str = "", url: str = "", **headers: str) -> Answer:
        """Post a lead, or with `path="/batch"` many, or what `url` takes. `idempotency_key="x"` becomes
        `Idempotency-Key: x`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        got = await self._send(url or self._stack.inbound.replace("?", f"{path}?"), body, named)
        self.told.note_answer(got.status, got.body)
        return got

    async def make(self, noun: str, body: Any) -> Any:
        """Make a record of the API: `forms`, `pipelines`."""
        return (await self._send(f"{self._stack.base}/api/v1/{noun}", body, {})).body["data"]

    async def show(self, path: str) -> Answer:
        """What a GET below the API's address answers."""
        started = time.monotonic()
        async with self._session.get(f"{self._stack.base}/api/v1/{path}") as got:
            return Answer(got.status, await got.json(), got.headers, time.monotonic() - started)

    async def _send(self, url: str, body: Any, headers: Mapping[str, str]) -> Answer:
        started = time.monotonic()
        async with self._session.post(url, json=body, headers=headers) as got:
            read = await got.json()
        return Answer(got.status, read, got.headers, time.monotonic() - started)

    async def close(self) -> None:
        await self._session.close()
