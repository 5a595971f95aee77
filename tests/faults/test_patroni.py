"""Patroni as `docs/operations/standby.md` sets it up: primaries die under load, and nothing acknowledged is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

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

RecordProperty = Callable[[str, object], None]


async def test_primaries_die_and_come_back_as_standbys(tmp_path: Path, record_property: RecordProperty) -> None:
    async with stack_on_patroni(tmp_path) as (cluster, stack):
        first, second = cluster.nodes
        async with loaded(stack, rate=RATE) as told:
            outages = [await lose_primary(first, second, told)]
            first.start()
            await until_async(lambda: asyncio.to_thread(follows, first, second), what="the old primary as a standby")
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
            await until_async(lambda: asyncio.to_thread(follows, first, second), what="the old primary as a standby")
            await told.more(3 * RATE, 201)
            outage = time.monotonic() - started
        await settle_on(second, stack, told)
    enter_row(record_property, "Patroni itself killed", outage, 1, told)


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
            await until_async(lambda: asyncio.to_thread(follows, first, second), what="the old primary as a standby")
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
