"""The running service as its clients see it, and asking it things."""

import json
import socket
import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from tests.support.stack import Stack
from tests.support.tenants import create_key, create_workspace
from tests.support.waiting import DEADLINE_SECONDS

INBOUND = "/api/inbound/leads?tenant=main"
BATCH = "/api/inbound/leads/batch?tenant=main"

LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
HOUR = 3600  # seconds in which a key's requests are counted


@dataclass(frozen=True)
class Answer:
    """An answer, read whole."""

    status: int
    headers: CIMultiDictProxy[str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)

    @property
    def code(self) -> str:
        """The error's code, after a look at its envelope."""
        assert self.body["status"] == "error"
        assert self.body["message"]
        return str(self.body["code"])


@dataclass(frozen=True)
class Service:
    """A running service."""

    stack: Stack

    @property
    def url(self) -> str:
        return self.stack.base

    def create_key(self, scopes: str, *, workspace: str = "main", **limits: Any) -> tuple[str, int]:
        """A new key and its id; without limit unless `rate_limit` is given."""
        return create_key(self.stack.database_url, scopes, workspace=workspace, name="test", **limits)

    def make_key(self, scopes: str, *, workspace: str = "main", **limits: Any) -> str:
        """The same, without the id."""
        return self.create_key(scopes, workspace=workspace, **limits)[0]

    def make_workspace(self, slug: str, name: str = "Other", country: str = "US") -> None:
        """A new workspace."""
        create_workspace(self.stack.database_url, slug, name, country)

    def client(self, key: str | None) -> aiohttp.ClientSession:
        """A client that sends the key with every request."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # Given up before the service closes an idle connection: else a request may meet one that is closing.
        connector = aiohttp.TCPConnector(keepalive_timeout=3)
        timeout = aiohttp.ClientTimeout(total=DEADLINE_SECONDS)
        return aiohttp.ClientSession(self.url, headers=headers, timeout=timeout, connector=connector)

    def connect(self) -> socket.socket:
        """A raw connection that gives up reading in the end."""
        return socket.create_connection(("127.0.0.1", self.stack.port), timeout=DEADLINE_SECONDS)


async def ask(session: aiohttp.ClientSession, method: str, path: str | URL, **options: Any) -> Answer:
    """One request, its answer read whole."""
    async with session.request(method, path, **options) as response:
        return Answer(response.status, response.headers, await response.read())


async def post_lead(session: aiohttp.ClientSession, lead: object, path: str = INBOUND, **headers: str) -> Answer:
    """Posts a lead as JSON; a header's name is written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(session, "POST", path, json=lead, headers=named)


def new_email() -> str:
    """An address that nobody has used."""
    return f"lead-{uuid.uuid4().hex}@example.com"


def new_phone() -> str:
    """A possible American number that nobody has used, in E.164."""
    return f"+1415{uuid.uuid4().int % 8_000_000 + 2_000_000}"
