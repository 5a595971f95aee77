"""Patroni as `docs/operations/standby.md` sets it up: primaries die under load, and nothing acknowledged is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import asdict
from pathlib import Path

import psycopg
import pytest

from tests.faults.conftest import FAULT, Row
from tests.support.failover_checks import assert_exact, until_taken_in
from tests.support.load import Told, loaded
from tests.support.patroni import PatroniCluster, PatroniNode, patroni_cluster, why_no_patroni
from tests.support.stack import Stack, running_stack
from tests.support.waiting import background, until_async

pytestmark = [pytest.mark.faults, pytest.mark.extended, pytest.mark.external]

RATE = 40
PROMOTION_SECONDS = 90  # the primary's lock has to end, and the standby to be promoted
NOT_PROMOTED = "not the healthiest node"  # Patroni writes so once the primary's lock has ended
# Of this role, which sees its own.
SERVICES_SQL = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name LIKE 'leadhub%'"

RecordProperty = Callable[[str, object], None]


async def test_primaries_die_and_come_back_as_standbys(tmp_path: Path, record_property: RecordProperty) -> None:
    async with stack_on_patroni(tmp_path) as (cluster, stack):
        first, second = cluster.nodes
        async with loaded(stack, rate=RATE) as told:
            outages = [await lose_primary(first, second, told)]
            first.start()
            await until_back(first, second)
            outages.append(await lose_primary(second, first, told))
        await settle_on(first, stack, told)
    enter_row(record_property, "Patroni: primary lost, and back", max(outages), 2, told)


async def test_a_primary_without_its_patroni_acknowledges_nothing_alone(
    tmp_path: Path, record_property: RecordProperty
) -> None:
    """Two servers take writes for a while. Commits of the old one wait for a standby that follows it no more."""
    async with stack_on_patroni(tmp_path) as (cluster, stack):
        first, second = cluster.nodes
        async with loaded(stack, rate=RATE) as told:
            await told.more(3 * RATE, 201)
            first.kill_patroni()
            started = time.monotonic()
            await until_async(lambda: asyncio.to_thread(second.is_primary), PROMOTION_SECONDS, "the promotion")
            await told.more(3 * RATE)
            first.start()
            await until_back(first, second)
            await told.more(3 * RATE, 201)
            outage = time.monotonic() - started
            assert "running pg_rewind" in first.log()
        await settle_on(second, stack, told)
    enter_row(record_property, "Patroni itself killed", outage, 1, told)


@contextmanager
def killed(node: PatroniNode) -> Iterator[None]:
    """The node is dead for as long as the block lasts."""
    node.kill()
    yield
    node.start()


@pytest.mark.parametrize(
    ("away", "fault"),
    [
        (killed, "Patroni's standby killed"),
        pytest.param(PatroniNode.frozen, "Patroni's standby stands still", marks=pytest.mark.long),
    ],
)
async def test_writes_go_on_alone_while_the_standby_is_away(
    tmp_path: Path,
    record_property: RecordProperty,
    away: Callable[[PatroniNode], AbstractContextManager[None]],
    fault: str,
) -> None:
    """`synchronous_mode` of the page is not strict: Patroni ends the waiting, and begins it again with the standby."""
    async with stack_on_patroni(tmp_path) as (cluster, stack):
        first, second = cluster.nodes
        async with loaded(stack, rate=RATE) as told:
            await told.more(3 * RATE, 201)
            started = time.monotonic()
            with away(second):
                await until_async(lambda: asyncio.to_thread(waits_for_nobody, first), what="the end of the waiting")
                await told.more(1, 201)
                outage = time.monotonic() - started
                await told.more(3 * RATE, 201)
                assert waits_for_nobody(first)
            await until_back(second, first)
            await told.more(3 * RATE, 201)
            assert follows(second, first)
        await settle_on(first, stack, told)
    enter_row(record_property, fault, outage, 1, told)


@pytest.mark.long
async def test_a_standby_that_was_away_is_not_promoted(tmp_path: Path, record_property: RecordProperty) -> None:
    """It lacks what the primary acknowledged alone. No server takes writes until the primary is there again."""
    async with stack_on_patroni(tmp_path) as (cluster, stack):
        first, second = cluster.nodes
        async with loaded(stack, rate=RATE) as told:
            with killed(second):
                await until_async(lambda: asyncio.to_thread(waits_for_nobody, first), what="the end of the waiting")
                await told.more(3 * RATE, 201)
                first.kill()
                started = time.monotonic()
            await until_async(lambda: second.log().count(NOT_PROMOTED) > 1, PROMOTION_SECONDS, "a look at the lock")
            await told.more(3 * RATE, 202)
            assert second.is_standby()
            first.start()
            await told.more(1, 201)
            outage = time.monotonic() - started
            await until_back(second, first)
            await told.more(3 * RATE, 201)
        await settle_on(first, stack, told)
    enter_row(record_property, "Patroni: standby, then primary lost", outage, 1, told)


def waits_for_nobody(primary: PatroniNode) -> bool:
    """Whether commits are on this server alone."""
    return primary.execute("SHOW synchronous_standby_names") == [("",)]


@pytest.mark.long
async def test_a_primary_whose_patroni_stands_still_acknowledges_nothing_alone(
    tmp_path: Path, record_property: RecordProperty
) -> None:
    """As above, but the old one's Patroni comes to itself again, and makes its server a standby."""
    async with stack_on_patroni(tmp_path) as (cluster, stack):
        first, second = cluster.nodes
        async with loaded(stack, rate=RATE) as told:
            await told.more(3 * RATE, 201)
            started = time.monotonic()
            with first.frozen_patroni():
                await until_async(lambda: asyncio.to_thread(second.is_primary), PROMOTION_SECONDS, "the promotion")
                await told.more(3 * RATE)
            await until_back(first, second)
            await told.more(3 * RATE, 201)
            outage = time.monotonic() - started
        await settle_on(second, stack, told)
    enter_row(record_property, "Patroni stands still", outage, 1, told)


@pytest.mark.long
async def test_without_etcd_no_server_takes_writes(tmp_path: Path, record_property: RecordProperty) -> None:
    """Patroni makes the primary a standby when it cannot renew its lock. Gateways go on from the spool."""
    async with stack_on_patroni(tmp_path) as (cluster, stack):
        async with loaded(stack, rate=RATE) as told:
            await told.more(3 * RATE, 201)
            started = time.monotonic()
            cluster.kill_etcd()
            await until_async(lambda: asyncio.to_thread(takes_no_writes, cluster), what="no primary")
            await told.more(3 * RATE, 202)
            cluster.start_etcd()
            await until_async(
                lambda: asyncio.to_thread(lambda: not takes_no_writes(cluster)), PROMOTION_SECONDS, "a primary"
            )
            await told.more(3 * RATE, 201)
            outage = time.monotonic() - started
        [primary] = [node for node in cluster.nodes if node.is_primary()]
        await settle_on(primary, stack, told)
    enter_row(record_property, "etcd lost", outage, 1, told)


def takes_no_writes(cluster: PatroniCluster) -> bool:
    """Whether neither server takes writes."""
    return not any(node.is_primary() for node in cluster.nodes)


async def lose_primary(primary: PatroniNode, standby: PatroniNode, told: Told) -> float:
    """End a primary under load as a power cut does, and return the seconds until leads are decided again."""
    await told.more(3 * RATE, 201)
    primary.kill()
    started = time.monotonic()
    await until_async(lambda: asyncio.to_thread(standby.is_primary), PROMOTION_SECONDS, "the promotion")
    await told.more(1, 201)
    outage = time.monotonic() - started
    await told.more(3 * RATE, 201)
    return outage


def follows(standby: PatroniNode, primary: PatroniNode) -> bool:
    """Whether it is a standby for which the commits of the primary wait."""
    return standby.is_standby() and primary.synchronous_standbys() == [standby.name]


async def until_back(standby: PatroniNode, primary: PatroniNode) -> None:
    """Wait for a node as the synchronous standby. Asserts that it takes no writes, and that no service uses it."""
    await until_async(lambda: asyncio.to_thread(follows, standby, primary), what=f"{standby.name} as a standby")
    assert (standby.role(), primary.role()) == ("replica", "primary")
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        standby.execute("UPDATE workspaces SET name = name")
    # A process that looks for the primary may come by.
    await until_async(lambda: standby.execute(SERVICES_SQL) == [(False,)], what="no service on the standby")
    assert primary.execute(SERVICES_SQL) == [(True,)]


async def settle_on(primary: PatroniNode, stack: Stack, told: Told) -> None:
    """Wait until all has been taken in. Asserts that nothing was refused, lost or doubled."""
    assert (told.refused, told.broken, told.contradictions) == (0, 0, 0), told.statuses
    await until_taken_in(primary, stack, told)
    assert_exact(primary, told)


def enter_row(record_property: RecordProperty, fault: str, outage: float, rounds: int, told: Told) -> None:
    """Enter a fault in the table of faults, with the seconds until leads were decided again."""
    row = Row(f"{fault}, 201 after {outage:.0f} s", rounds, len(told.acknowledged), 0, 0, told.worst_pause)
    record_property(FAULT, asdict(row))


@asynccontextmanager
async def stack_on_patroni(folder: Path) -> AsyncIterator[tuple[PatroniCluster, Stack]]:
    """A cluster, and a LeadHub with the address of the page."""
    if reason := why_no_patroni():
        pytest.skip(reason)
    async with (
        background(patroni_cluster()) as cluster,
        background(running_stack(folder / "data", {"LEADHUB_DATABASE_URL": cluster.url})) as stack,
    ):
        yield cluster, stack
