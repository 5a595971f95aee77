"""A workspace of a test's own, so that what it changes for everybody is nobody else's."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp

from shared import workspaces
from shared.auth import installation_keys
from shared.platform.db.connections import connect
from tests.contract.client_caller import ClientCaller, client_caller
from tests.contract.service import Answer, Service, ask, new_email, post_lead

Through = Literal["http", "client"]


@dataclass(frozen=True)
class Workspace:
    """A new workspace, and a client whose key may do everything there."""

    service: Service
    slug: str
    client: aiohttp.ClientSession
    caller: ClientCaller | None = None  # answers in the place of HTTP, where the Python client has a method

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """One request under `/api/v1`."""
        if self.caller and (answer := await self.caller.ask(method, f"/api/v1{path}", body)):
            return answer
        return await ask(self.client, method, f"/api/v1{path}", **({} if body is None else {"json": body}))

    async def make(self, path: str, body: Any) -> dict[str, Any]:
        """The record that a POST makes."""
        answer = await self.ask("POST", path, body)
        assert answer.status == 201, answer.raw
        assert answer.headers["Location"] == f"/api/v1{path}/{answer.body['data']['id']}"
        made: dict[str, Any] = answer.body["data"]
        return made

    async def show(self, path: str) -> dict[str, Any]:
        """The record at that path."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer.raw
        assert answer.body.keys() == {"data"}
        shown: dict[str, Any] = answer.body["data"]
        return shown

    async def errors(self, method: str, path: str, body: Any) -> dict[str, list[str]]:
        """What a 422 says is wrong, by field."""
        answer = await self.ask(method, path, body)
        assert (answer.status, answer.code) == (422, "VALIDATION_FAILED"), answer.raw
        errors: dict[str, list[str]] = answer.body["errors"]
        return errors

    async def client_with(self, *scopes: str) -> aiohttp.ClientSession:
        """Another client of the workspace, whose key has only those scopes."""
        return self.service.client((await self.make("/api-keys", {"name": "test", "scopes": scopes}))["key"])

    async def lead(self, **fields: Any) -> int:
        """The id of a new lead that came in."""
        path = f"/api/inbound/leads?tenant={self.slug}"
        answer = await post_lead(self.client, {"email": new_email(), **fields}, path)
        assert (answer.status, answer.body.get("warnings")) == (201, None), answer.raw
        lead_id: int = answer.body["lead_id"]
        return lead_id


@asynccontextmanager
async def new_workspace(service: Service, through: Through = "http") -> AsyncIterator[Workspace]:
    """A workspace that is new. It is asked over HTTP, or by the Python client."""
    slug = f"own-{secrets.token_hex(6)}"
    async with connect(service.stack.database_url, "tests") as connection:
        await workspaces.create_workspace(connection, slug, "Own")
        key = (await installation_keys.create_key(connection, slug, "test", ["*"], None)).key.secret
    async with service.client(key) as client, client_caller(service.url, key) as caller:
        yield Workspace(service, slug, client, caller if through == "client" else None)


async def assert_foreign(workspace: Workspace, other: Workspace, path: str, body: Any) -> None:
    """What one workspace has at a path is not there for another, by any verb; and stays as it is."""
    before = await workspace.show(path)
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = await other.ask(method, path, body if method in ("PUT", "PATCH") else None)
        assert (answer.status, answer.code) == (404, "NOT_FOUND"), method
    assert await workspace.show(path) == before
