"""Stores on machines of their own: packets are dropped, servers die, a standby is promoted. Nothing is lost or doubled.

Each row is one of a trial that was made by hand; its names are kept.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.faults.conftest import FAULT, Row
from tests.support.external import listens
from tests.support.failover_checks import assert_exact, until_taken_in
from tests.support.load import Told, loaded
from tests.support.network_links import LinkedNamespace
from tests.support.rabbitmq_node import RABBITMQ_SERVER, RabbitMqNode
from tests.support.remote_stores import RABBITMQ_PORT, REDIS_PORT, RemoteStores, rabbitmqctl, stack_on_remote_stores
from tests.support.standby import ReplicaServer, primary_and_standby
from tests.support.waiting import until_async

pytestmark = [pytest.mark.faults, pytest.mark.external]

RATE = 40
# Longer than all patience of a flush, a pool and a probe, and than PostgreSQL waits for a client that is gone.
CUT_SECONDS = 16.0
LAG_SECONDS = 3.0  # the standby receives nothing more, so long before the primary goes
AWAY_SECONDS = 8.0  # until somebody promotes the standby
FOLLOWED_SQL = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"


async def cut_primary_for_a_while(stores: RemoteStores, told: Told) -> ReplicaServer:
    """pgcut: the database's link is down."""
    stores.primary_link.cut()
    await asyncio.sleep(CUT_SECONDS)  # a sleep, here and below: how long the fault lasts is what is under test
    stores.primary_link.mend()
    return stores.primary


async def promote_after_a_while(stores: RemoteStores, told: Told) -> ReplicaServer:
    """failover1: the primary's machine is gone, the standby is promoted eight seconds later."""
    await until_followed(stores)
    lose_primary(stores)
    await asyncio.sleep(AWAY_SECONDS)
    return promote(stores)


async def lose_both_for_a_while(stores: RemoteStores, told: Told) -> ReplicaServer:
    """failover2: both servers are away, the standby comes back and is promoted."""
    await until_followed(stores)
    lose_primary(stores)
    stores.standby_link.cut()
    await asyncio.sleep(2 * CUT_SECONDS)
    stores.standby_link.mend()
    return promote(stores)


async def promote_a_lagging_standby(stores: RemoteStores, told: Told) -> ReplicaServer:
    """failover3: an asynchronous standby lags for three seconds, and is promoted without what it did not receive."""
    await until_followed(stores)
    stores.standby.fall_behind()
    await asyncio.sleep(LAG_SECONDS)
    lose_primary(stores)
    await asyncio.sleep(AWAY_SECONDS)
    return promote(stores)


async def cut_primary_without_its_standby(stores: RemoteStores, told: Told) -> ReplicaServer:
    """failsync: commits wait for a synchronous standby that is missing, then the primary's link is down as well."""
    stores.primary.wait_for("absent")
    await asyncio.sleep(AWAY_SECONDS)
    stores.primary_link.cut()
    await asyncio.sleep(CUT_SECONDS)
    stores.primary_link.mend()
    stores.primary.wait_for("")
    return stores.primary


async def promote_a_synchronous_standby(stores: RemoteStores, told: Told) -> ReplicaServer:
    """failsync2: as failover3, with a synchronous standby: what it did not receive was not acknowledged by a commit."""
    await until_followed(stores)
    stores.primary.wait_for("walreceiver")
    await told.more(2 * RATE)
    stores.standby.fall_behind()
    await asyncio.sleep(LAG_SECONDS)
    lose_primary(stores)
    await asyncio.sleep(AWAY_SECONDS)
    return promote(stores)


async def stop_worker_for_a_while(stores: RemoteStores, told: Told) -> ReplicaServer:
    """wstop: the worker stands still."""
    with stores.stack.frozen("worker"):
        await asyncio.sleep(CUT_SECONDS)
    return stores.primary


async def cut_broker_for_a_while(stores: RemoteStores, told: Told) -> ReplicaServer:
    """mqcut: RabbitMQ's link is down."""
    stores.broker_link.cut()
    await asyncio.sleep(CUT_SECONDS)
    stores.broker_link.mend()
    return stores.primary


async def restart_broker(stores: RemoteStores, told: Told) -> ReplicaServer:
    """mqrestart: RabbitMQ stops for five seconds, and later has an alarm of its memory."""
    try:
        await asyncio.to_thread(rabbitmqctl, "stop_app")
        await asyncio.sleep(5.0)
        await asyncio.to_thread(rabbitmqctl, "start_app")
        await told.more(4 * RATE)
        await asyncio.to_thread(rabbitmqctl, "set_vm_memory_high_watermark", "0.00001")
        await asyncio.sleep(CUT_SECONDS)
    finally:  # it is the machine's own one, which others use as well
        await asyncio.to_thread(rabbitmqctl, "start_app")
        await asyncio.to_thread(rabbitmqctl, "set_vm_memory_high_watermark", "0.4")
    return stores.primary


Fault = Callable[[RemoteStores, Told], Awaitable[ReplicaServer]]
DATABASE_FAULTS = {
    "pgcut": cut_primary_for_a_while,
    "failover1": promote_after_a_while,
    "failover2": lose_both_for_a_while,
    "failsync": cut_primary_without_its_standby,
    "failsync2": promote_a_synchronous_standby,
    "wstop": stop_worker_for_a_while,
}
BROKER_FAULTS = {"mqcut": cut_broker_for_a_while, "mqrestart": restart_broker}


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[ReplicaServer, ReplicaServer]]:
    with primary_and_standby(tmp_path) as pair:
        yield pair


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("failover3", marks=pytest.mark.extended),
        *(pytest.param(name, marks=pytest.mark.long) for name in DATABASE_FAULTS),
    ],
)
async def test_databases_on_machines_of_their_own(
    tmp_path: Path,
    namespace: LinkedNamespace,
    servers: tuple[ReplicaServer, ReplicaServer],
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    fault = {"failover3": promote_a_lagging_standby, **DATABASE_FAULTS}[name]
    async with stack_on_remote_stores(tmp_path / "data", namespace, *servers) as stores:
        record_property(FAULT, asdict(await run_fault(stores, name, fault)))


@pytest.mark.long
@pytest.mark.parametrize("name", BROKER_FAULTS)
async def test_a_broker_on_a_machine_of_its_own(
    tmp_path: Path,
    namespace: LinkedNamespace,
    servers: tuple[ReplicaServer, ReplicaServer],
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    if not (listens(RABBITMQ_PORT) and listens(REDIS_PORT) and shutil.which("rabbitmqctl")):
        pytest.skip("no RabbitMQ and Redis of this machine")
    async with stack_on_remote_stores(tmp_path / "data", namespace, *servers, rabbitmq_port=RABBITMQ_PORT) as stores:
        record_property(FAULT, asdict(await run_fault(stores, name, BROKER_FAULTS[name])))


@pytest.mark.long
async def test_a_broker_that_dies(
    tmp_path: Path,
    namespace: LinkedNamespace,
    servers: tuple[ReplicaServer, ReplicaServer],
    record_property: Callable[[str, object], None],
) -> None:
    """mqdead: RabbitMQ is killed while its link is down, and is started again."""
    if not (RABBITMQ_SERVER.exists() and listens(REDIS_PORT)):
        pytest.skip("no RabbitMQ of the machine's packages, or no Redis of this machine")

    async def kill_broker(stores: RemoteStores, told: Told) -> ReplicaServer:
        stores.broker_link.cut()
        await asyncio.to_thread(node.kill)
        await asyncio.sleep(CUT_SECONDS)
        node.begin()
        await asyncio.to_thread(node.await_start)
        stores.broker_link.mend()
        return stores.primary

    with RabbitMqNode(tmp_path / "rabbitmq") as node:
        async with stack_on_remote_stores(tmp_path / "data", namespace, *servers, rabbitmq_port=node.port) as stores:
            record_property(FAULT, asdict(await run_fault(stores, "mqdead", kill_broker)))


async def run_fault(stores: RemoteStores, name: str, fault: Fault) -> Row:
    """Have a fault under load, and return its line. Asserts that nothing was refused, lost or doubled."""
    async with loaded(stores.stack, rate=RATE) as told:
        await told.more(3 * RATE, 201)
        primary = await fault(stores, told)
        await told.more(3 * RATE, 201)
    assert (told.refused, told.broken) == (0, 0), told.statuses
    # What an asynchronous standby lacked is stored again, under other numbers.
    assert not told.contradictions or name == "failover3"
    await until_taken_in(primary, stores.stack, told)
    assert_exact(primary, told)
    return Row(f"remote stores: {name}", 1, len(told.acknowledged), 0, 0, told.worst_pause)


async def until_followed(stores: RemoteStores) -> None:
    """Wait until the standby has what the primary has."""
    await until_async(lambda: bool(stores.primary.execute(FOLLOWED_SQL)), what="a standby that has followed")


def lose_primary(stores: RemoteStores) -> None:
    """Have the primary's machine vanish: its link drops packets, and it is dead."""
    stores.primary_link.cut()
    stores.primary.kill()


def promote(stores: RemoteStores) -> ReplicaServer:
    """Promote the standby."""
    stores.standby.execute("SELECT pg_promote()")
    return stores.standby
