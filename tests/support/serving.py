"""Gateway and API in the test's own process, without a broker, a Redis or a spool."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from services.api.app import mount_api
from services.console.app import mount_console
from services.gateway.app import GATEWAY_ROUTES, mount_gateway
from shared.platform.data_dir import free_port
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings
from shared.service_app.app import make_app

NOWHERE = "redis://127.0.0.1:1"


def settings_of(url: str, folder: Path, **others: Any) -> Settings:
    """Settings with that database, and all else nowhere."""
    nowhere = dict.fromkeys(("broker_url", "redis_url", "spool_url"), NOWHERE)
    return Settings(database_url=url, data_dir=folder, port=free_port("127.0.0.1"), **{**nowhere, **others})


@asynccontextmanager
async def served(
    settings: Settings, *, with_console: bool = False
) -> AsyncIterator[tuple[aiohttp.ClientSession, web.Application]]:
    """A client of the two, and the application that they are."""
    app = make_app(settings, "gateway")
    mount_gateway(app, settings)
    mount_api(app, settings, beside=GATEWAY_ROUTES)
    if with_console:
        mount_console(app, settings)
    runner = web.AppRunner(app, auto_decompress=False)  # as `cli.http_server` has it
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        async with aiohttp.ClientSession(f"http://{settings.host}:{settings.port}") as client:
            yield client, app
    finally:
        await runner.cleanup()


@asynccontextmanager
async def taking_no_writes(database: Connection) -> AsyncIterator[None]:
    """As in a failover: all sessions of the server are read-only by then."""
    setting = "ALTER SYSTEM SET default_transaction_read_only"
    await database.execute(f"{setting} = on")
    await database.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        await database.execute(f"{setting} = off")
        await database.execute("SELECT pg_reload_conf()")
