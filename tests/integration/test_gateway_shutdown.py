"""The end of a server with somebody still waiting."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from cli.http_server import ListenAddress, make_connection, start_listening
from services.gateway.app import mount_gateway
from services.gateway.context import GATEWAY_CONTEXT
from shared.auth import installation_keys
from shared.platform.db.connections import Connection
from shared.service_app.app import make_app
from tests.support.gateway import AT_WORK, until_open, until_stored
from tests.support.serving import settings_of

pytestmark = pytest.mark.integration

LEAD = b'{"email": "a@example.com"}'


@asynccontextmanager
async def somebody_waiting(
    database_url: str, database: Connection, tmp_path: Path, *, shutdown_timeout: float
) -> AsyncIterator[tuple[web.AppRunner, asyncio.Task[aiohttp.ClientResponse]]]:
    """A server on which one caller waits for a verdict that does not come; it no longer listens."""
    await database.execute(AT_WORK)
    key = await installation_keys.create_key(database, "main", "tests", ["*"], rate_limit=None)
    settings = settings_of(database_url, tmp_path)
    app = make_app(settings, "gateway")
    mount_gateway(app, settings)
    runner = web.AppRunner(app, shutdown_timeout=shutdown_timeout)
    await runner.setup()
    address = ListenAddress(settings.host, settings.port)
    (listener,) = await start_listening(partial(make_connection, app, runner, 10.0), address)
    await until_open(app[GATEWAY_CONTEXT])
    headers = {"Authorization": f"Bearer {key.key.secret}", "Prefer": "wait=30", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(f"http://{settings.host}:{settings.port}", headers=headers) as client:
        async with client.post("/api/inbound/leads?tenant=main", data=b"{}") as answer:
            assert answer.status == 422  # the key is known from now on
        posted = asyncio.create_task(client.post("/api/inbound/leads?tenant=main", data=LEAD))
        await until_stored(database, 1)
        listener.close()
        yield runner, posted


async def test_a_connection_whose_caller_waits_longer_than_the_server_ends_in_order(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    """What it posted is stored; what it is told of that, its own time-out says."""
    gc.collect()  # what tests before left is told of now
    surprises: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: surprises.append(context))
    async with somebody_waiting(database_url, database, tmp_path, shutdown_timeout=0.2) as (runner, posted):
        await runner.cleanup()
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await posted
    asyncio.get_running_loop().set_exception_handler(None)
    assert surprises == []


async def test_long_waiter_gets_202_when_the_server_stops(
    database_url: str, database: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.verdict_waiters.SHUTDOWN_WAIT_SECONDS", 0.2)
    async with somebody_waiting(database_url, database, tmp_path, shutdown_timeout=10) as (runner, posted):
        async with asyncio.timeout(60):
            await runner.cleanup()
        assert (await posted).status == 202
