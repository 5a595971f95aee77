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
from tests.support.apart import StackApart, rabbitmqctl, stack_apart
from tests.support.external import listens
from tests.support.failover_checks import assert_exact, until_taken_in
from tests.support.load import Told, loaded
from tests.support.network_links import LinkedNamespace, linked_namespace, why_no_namespaces
from tests.support.standby import ReplicaServer, primary_and_standby
from tests.support.waiting import until_async

pytestmark = [pytest.mark.faults, pytest.mark.external]

RATE = 40
# Longer than all patience of a flush, a pool and a probe, and than PostgreSQL waits for a client that is gone.
CUT_SECONDS = 16.0
LAG_SECONDS = 3.0  # the standby receives nothing more, so long before the primary goes
AWAY_SECONDS = 8.0  # until somebody promotes the standby
FOLLOWED_SQL = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"


async def cut_primary_for_a_while(apart: StackApart, told: Told) -> ReplicaServer:
    """pgcut: the database's link is down."""
    apart.primary_link.cut()
    await asyncio.sleep(CUT_SECONDS)  # a sleep, here and below: how long the fault lasts is what is under test
    apart.primary_link.mend()
    return apart.primary


async def promote_after_a_while(apart: StackApart, told: Told) -> ReplicaServer:
    """failover1: the primary's machine is gone, the standby is promoted eight seconds later."""
    await until_followed(apart)
    lose_primary(apart)
    await asyncio.sleep(AWAY_SECONDS)
    return promote(apart)


async def lose_both_for_a_while(apart: StackApart, told: Told) -> ReplicaServer:
    """failover2: both servers are away, the standby comes back and is promoted."""
    await until_followed(apart)
    lose_primary(apart)
    apart.standby_link.cut()
    await asyncio.sleep(2 * CUT_SECONDS)
    apart.standby_link.mend()
    return promote(apart)


async def promote_a_lagging_standby(apart: StackApart, told: Told) -> ReplicaServer:
    """failover3: an asynchronous standby lags for three seconds, and is promoted without what it did not receive."""
    await until_followed(apart)
    fall_behind(apart.standby)
    await asyncio.sleep(LAG_SECONDS)
    lose_primary(apart)
    await asyncio.sleep(AWAY_SECONDS)
    return promote(apart)


async def cut_primary_without_its_standby(apart: StackApart, told: Told) -> ReplicaServer:
    """failsync: commits wait for a synchronous standby that is missing, then the primary's link is down as well."""
    apart.primary.wait_for("absent")
    await asyncio.sleep(AWAY_SECONDS)
    apart.primary_link.cut()
    await asyncio.sleep(CUT_SECONDS)
    apart.primary_link.mend()
    apart.primary.wait_for("")
    return apart.primary


async def promote_a_synchronous_standby(apart: StackApart, told: Told) -> ReplicaServer:
    """failsync2: as failover3, with a synchronous standby: what it did not receive was not acknowledged by a commit."""
    await until_followed(apart)
    apart.primary.wait_for("walreceiver")
    await told.more(2 * RATE)
    fall_behind(apart.standby)
    await asyncio.sleep(LAG_SECONDS)
    lose_primary(apart)
    await asyncio.sleep(AWAY_SECONDS)
    return promote(apart)


async def stop_worker_for_a_while(apart: StackApart, told: Told) -> ReplicaServer:
    """wstop: the worker stands still."""
    with apart.stack.frozen("worker"):
        await asyncio.sleep(CUT_SECONDS)
    return apart.primary


async def cut_broker_for_a_while(apart: StackApart, told: Told) -> ReplicaServer:
    """mqcut: RabbitMQ's link is down."""
    apart.broker_link.cut()
    await asyncio.sleep(CUT_SECONDS)
    apart.broker_link.mend()
    return apart.primary


async def restart_broker(apart: StackApart, told: Told) -> ReplicaServer:
    """mqrestart: RabbitMQ stops for five seconds, and later has an alarm of its memory."""
    await asyncio.to_thread(rabbitmqctl, "stop_app")
    await asyncio.sleep(5.0)
    await asyncio.to_thread(rabbitmqctl, "start_app")
    await told.more(4 * RATE)
    await asyncio.to_thread(rabbitmqctl, "set_vm_memory_high_watermark", "0.00001")
    await asyncio.sleep(CUT_SECONDS)
    await asyncio.to_thread(rabbitmqctl, "set_vm_memory_high_watermark", "0.4")
    return apart.primary


Fault = Callable[[StackApart, Told], Awaitable[ReplicaServer]]
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
def namespace() -> Iterator[LinkedNamespace]:
    if reason := why_no_namespaces():
        pytest.skip(reason)
    with linked_namespace() as made:
        yield made


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
    async with stack_apart(tmp_path / "data", namespace, *servers, rabbitmq=False) as apart:
        record_property(FAULT, asdict(await suffer(apart, name, fault)))


@pytest.mark.long
@pytest.mark.parametrize("name", BROKER_FAULTS)
async def test_a_broker_on_a_machine_of_its_own(
    tmp_path: Path,
    namespace: LinkedNamespace,
    servers: tuple[ReplicaServer, ReplicaServer],
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    if not (listens(5672) and listens(6379) and shutil.which("rabbitmqctl")):
        pytest.skip("no RabbitMQ and Redis of this machine")
    async with stack_apart(tmp_path / "data", namespace, *servers, rabbitmq=True) as apart:
        record_property(FAULT, asdict(await suffer(apart, name, BROKER_FAULTS[name])))


async def suffer(apart: StackApart, name: str, fault: Fault) -> Row:
    """Have a fault under load, and return its line. Asserts that nothing was refused, lost or doubled."""
    async with loaded(apart.stack, rate=RATE) as told:
        await told.more(3 * RATE, 201)
        primary = await fault(apart, told)
        await told.more(3 * RATE, 201)
    assert (told.refused, told.broken) == (0, 0), told.statuses
    # What an asynchronous standby lacked is stored again, under other numbers.
    assert not told.contradictions or name == "failover3"
    await until_taken_in(primary, apart.stack, told)
    assert_exact(primary, told)
    return Row(f"apart: {name}", 1, len(told.acknowledged), 0, 0, told.worst_pause)


async def until_followed(apart: StackApart) -> None:
    """Wait until the standby has what the primary has."""
    await until_async(lambda: bool(apart.primary.execute(FOLLOWED_SQL)), what="a standby that has followed")


def fall_behind(standby: ReplicaServer) -> None:
    """Have the standby receive nothing more. It answers, and can be promoted."""
    standby.execute("ALTER SYSTEM SET primary_conninfo = ''")
    standby.execute("SELECT pg_reload_conf()")


def lose_primary(apart: StackApart) -> None:
    """Have the primary's machine vanish: its link drops packets, and it is dead."""
    apart.primary_link.cut()
    apart.primary.kill()


def promote(apart: StackApart) -> ReplicaServer:
    """Promote the standby."""
    apart.standby.execute("SELECT pg_promote()")
    return apart.standby
