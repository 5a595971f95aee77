"""Packets between a service and a store are dropped, as by a cable that is pulled: nobody is told of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote, urlsplit

import pytest

from embedded.valkey import EmbeddedValkey
from shared.platform.data_dir import DataDir
from tests.faults.conftest import Settle
from tests.support.load import Told, loaded
from tests.support.network_links import LinkedNamespace
from tests.support.stack import Stack

pytestmark = pytest.mark.faults

# Longer than all patience of a flush, a pool and a probe, and than PostgreSQL waits for a client that is gone.
CUT_SECONDS, LONG_CUT_SECONDS = 5.0, 15.0
RATE = 40


@pytest.mark.parametrize(
    ("store", "seconds"),
    [
        ("database", CUT_SECONDS),
        pytest.param("database", LONG_CUT_SECONDS, marks=pytest.mark.long),
        pytest.param("broker", LONG_CUT_SECONDS, marks=pytest.mark.long),
    ],
)
async def test_a_gateway_is_cut_off(
    stack: Stack, settle: Settle, namespace: LinkedNamespace, store: str, seconds: float
) -> None:
    async with service_within(stack, namespace, store, "gateway", "--with-api") as gateway:
        gateway.base = f"http://{namespace.front.there}:{gateway.port}"
        await asyncio.to_thread(gateway.until_healthy)
        gateway.key = stack.key
        async with loaded(gateway, rate=RATE) as told:
            await cut_for(namespace, told, seconds)
    assert (told.refused, told.broken) == (0, 0), told.statuses
    await settle(f"gateway cut off from its {store} for {seconds:g} s", 1, told)


@pytest.mark.long
@pytest.mark.parametrize("store", ["database", "broker"])
async def test_a_worker_is_cut_off(stack: Stack, settle: Settle, namespace: LinkedNamespace, store: str) -> None:
    async with service_within(stack, namespace, store, "worker", "--name", "afar"), loaded(stack, rate=RATE) as told:
        await cut_for(namespace, told, LONG_CUT_SECONDS)
    assert (told.refused, told.broken) == (0, 0), told.statuses
    await settle(f"worker cut off from its {store} for {LONG_CUT_SECONDS:g} s", 1, told)


async def cut_for(namespace: LinkedNamespace, told: Told, seconds: float) -> None:
    """Cut the link to the store under load, and mend it."""
    await told.more(2 * RATE)
    namespace.stores.cut()
    await asyncio.sleep(seconds)  # a sleep: how long packets are dropped is what is under test
    namespace.stores.mend()
    await told.more(4 * RATE)


@asynccontextmanager
async def service_within(
    stack: Stack, namespace: LinkedNamespace, store: str, command: str, *options: str
) -> AsyncIterator[Stack]:
    """A service in the namespace, on the stack's stores, of which one is behind the link that can be cut."""
    data_dir = DataDir(stack.folder)
    broker = EmbeddedValkey(data_dir, "broker", durable=False)
    env = {
        "LEADHUB_DATABASE_URL": stack.database_url,
        "LEADHUB_BROKER_URL": broker.broker_url,
        "LEADHUB_REDIS_URL": broker.redis_url,
        "LEADHUB_SPOOL_URL": stack.spool_url,
        "LEADHUB_SECRET_KEY": "local",
        "LEADHUB_HOST": "0.0.0.0",
    }
    sockets = {"database": str(data_dir.run_dir / ".s.PGSQL.5432"), "broker": unquote(urlsplit(broker.redis_url).path)}
    async with namespace.relayed(sockets[store]) as (host, port):
        password = urlsplit(stack.database_url if store == "database" else broker.redis_url).password
        if store == "database":
            env["LEADHUB_DATABASE_URL"] = f"postgresql://leadhub:{password}@{host}:{port}/leadhub"
        else:
            env["LEADHUB_BROKER_URL"] = env["LEADHUB_REDIS_URL"] = f"redis://:{password}@{host}:{port}/0"
        service = Stack(stack.folder, env, options, command=command, prefix=namespace.prefix)
        service.launch()
        try:
            yield service
        finally:
            await asyncio.to_thread(service.stop)
