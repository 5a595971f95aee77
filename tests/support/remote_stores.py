"""A LeadHub whose stores are on other machines: `up` in a network namespace, with a link to each store."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.network_links import LinkedNamespace, NetworkLink
from tests.support.stack import Stack
from tests.support.standby import ReplicaServer

RABBITMQ_PORT, REDIS_PORT = 5672, 6379


@dataclass(frozen=True)
class RemoteStores:
    """A LeadHub with PostgreSQL, its standby and RabbitMQ, each behind a link of its own."""

    stack: Stack
    primary: ReplicaServer
    standby: ReplicaServer
    primary_link: NetworkLink
    standby_link: NetworkLink
    broker_link: NetworkLink


@asynccontextmanager
async def stack_on_remote_stores(
    folder: Path,
    namespace: LinkedNamespace,
    primary: ReplicaServer,
    standby: ReplicaServer,
    *,
    rabbitmq_port: int | None = None,
) -> AsyncIterator[RemoteStores]:
    """Run it on the RabbitMQ of this port and the machine's Redis, or on a broker of its own."""
    links = [namespace.open_link() for _ in range(3)]
    async with AsyncExitStack() as relays:
        hosts = [
            await relays.enter_async_context(namespace.relayed(server.port, link))
            for server, link in zip((primary, standby), links, strict=False)
        ]
        env = {"LEADHUB_DATABASE_URL": url_of(hosts, primary.password), "LEADHUB_HOST": "0.0.0.0"}
        if rabbitmq_port:
            host, port = await relays.enter_async_context(namespace.relayed(rabbitmq_port, links[2]))
            env["LEADHUB_BROKER_URL"] = f"amqp://guest:guest@{host}:{port}//"
            host, port = await relays.enter_async_context(namespace.relayed(REDIS_PORT, namespace.front))
            env["LEADHUB_REDIS_URL"] = f"redis://{host}:{port}/13"
        async with running_within(namespace, folder, env) as stack:
            yield RemoteStores(stack, primary, standby, *links)


def url_of(hosts: list[tuple[str, int]], password: str) -> str:
    """The URL that leads to the one of these servers that takes writes."""
    names, ports = (",".join(str(part) for part in parts) for parts in zip(*hosts, strict=True))
    options = f"host={names}&port={ports}&target_session_attrs=read-write"
    return f"postgresql://leadhub:{password}@/leadhub?{options}"


@asynccontextmanager
async def running_within(namespace: LinkedNamespace, folder: Path, env: Mapping[str, str]) -> AsyncIterator[Stack]:
    """`up` in the namespace. Its stores of this machine are relayed by this loop, so it must not be blocked."""
    stack = Stack(folder, env, prefix=namespace.prefix)
    stack.base = f"http://{namespace.front.there}:{stack.port}"
    try:
        await asyncio.to_thread(stack.start)
        yield stack
    finally:
        await asyncio.to_thread(stack.stop)


def rabbitmqctl(*words: str) -> None:
    """Give an order to the machine's RabbitMQ."""
    subprocess.run(["rabbitmqctl", *words], check=True, capture_output=True, timeout=60)
