"""Posting as providers do, and what comes of it."""

from typing import Any

import aiohttp

from tests.contract.service import Answer, ask
from tests.contract.workspaces import Workspace
from tests.support.waiting import until_async


async def post(provider: aiohttp.ClientSession, integration: dict[str, Any], body: bytes, **headers: str) -> Answer:
    path = integration["webhook_url"].partition("/api/")[2]
    return await ask(provider, "POST", f"/api/{path}", data=body, headers=headers)


async def submissions_of(ours: Workspace, integration: dict[str, Any], n: int, **query: str) -> list[dict[str, Any]]:
    """The decided submissions of an integration, once there are so many."""
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    found: list[dict[str, Any]] = []

    async def are_decided() -> bool:
        path = f"/submissions?channel=integration:{integration['id']}&{asked}"
        answer = await ours.ask("GET", path)
        found[:] = answer.body["data"]
        return len(found) >= n and all(one["state"] != "accepted" for one in found)

    await until_async(are_decided, what=f"{n} submissions of {integration['type']}")
    assert len(found) == n
    return found
