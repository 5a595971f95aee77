"""Large automations are saved and tried one at a time, in turns between workspaces; small ones do not wait for them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import jinja2
import pytest
import pytest_asyncio
from aiohttp import web

from services.api.context import CONNECTION_LIMITER, TEMPLATE_TURNS
from shared import workspaces
from shared.auth import installation_keys
from shared.platform import fair_limiter
from shared.platform.db.connections import Connection
from tests.support.automating import leads
from tests.support.serving import served, settings_of
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration


class Compiler:
    """Jinja2's, which takes its time: templates that begin with `slow` wait for the gate."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.seen: list[str] = []
        self.at_once, self.most_at_once = 0, 0

    def wait(self, source: str) -> None:
        self.seen.append(source[:7])
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        assert self.gate.wait(60)
        self.at_once -= 1


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Compiler]:
    found, parse = Compiler(), jinja2.Environment.parse

    def slowly(self: jinja2.Environment, source: str, *rest: Any) -> Any:
        if source.startswith("slow"):
            found.wait(source)
        return parse(self, source, *rest)

    monkeypatch.setattr(jinja2.Environment, "parse", slowly)
    yield found
    found.gate.set()


class Api:
    """The API's client for several workspaces."""

    def __init__(self, client: aiohttp.ClientSession, keys: dict[str, str], app: web.Application) -> None:
        self._client, self._keys, self.app = client, keys, app

    async def post(self, workspace: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._keys[workspace]}"}
        async with self._client.post(f"/api/v1/automations{path}", json=body, headers=headers) as answer:
            assert answer.status in (200, 201), await answer.text()
            return (await answer.json())["data"]

    async def save(self, workspace: str, text: str) -> Any:
        steps = [{"action": {"type": "notify_users", "to": "assigned", "text": text}}]
        return await self.post(workspace, "", {"name": "a", "trigger": {"type": "manual"}, "steps": steps})

    async def until_waiting(self, n: int) -> None:
        await until_async(lambda: len(self.app[TEMPLATE_TURNS].large._waiting) == n, what=f"{n} that wait")


@pytest_asyncio.fixture
async def api(
    database_url: str, database: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Api]:
    monkeypatch.setattr(fair_limiter, "SLOT_TIMEOUT_SECONDS", 60.0)
    await workspaces.create_workspace(database, "other", "Other")
    keys = {
        slug: (await installation_keys.create_key(database, slug, "tests", ["*"])).key.secret
        for slug in ("main", "other")
    }
    async with served(settings_of(database_url, tmp_path)) as (client, app):
        yield Api(client, keys, app)


def large(name: str) -> str:
    return name + " {{ first_name }}" + "x" * 5_000


async def test_the_next_is_one_of_the_workspace_that_had_no_turn(api: Api, compiler: Compiler) -> None:
    saving = [asyncio.create_task(api.save("main", large("slow a1")))]
    await until_async(lambda: compiler.seen == ["slow a1"], what="the first")
    for nr, (workspace, name) in enumerate([("main", "slow a2"), ("main", "slow a3"), ("other", "slow b1")], 1):
        saving.append(asyncio.create_task(api.save(workspace, large(name))))
        await api.until_waiting(nr)
    compiler.gate.set()
    await asyncio.gather(*saving)
    assert compiler.seen == ["slow a1", "slow b1", "slow a2", "slow a3"]
    assert compiler.most_at_once == 1


async def test_a_small_one_waits_for_no_large_one_and_a_dry_run_of_a_large_one_does(
    api: Api, compiler: Compiler, database_url: str, database: Connection
) -> None:
    await leads(database_url, database, {"email": "a@example.com"})
    saved = await api.save("main", large("Hello"))
    saving = asyncio.create_task(api.save("other", large("slow b1")))
    await until_async(lambda: compiler.seen == ["slow b1"], what="the large one")
    assert (await api.save("main", "Hello {{ first_name }}"))["id"]
    trying = asyncio.create_task(api.post("main", f"/{saved['id']}/run", {"lead_id": 1, "dry_run": True}))
    await api.until_waiting(1)
    assert not api.app[CONNECTION_LIMITER]._held  # of the database's connections
    assert not trying.done()
    compiler.gate.set()
    assert (await trying)["state"] == "failed"  # nobody is assigned
    await saving
