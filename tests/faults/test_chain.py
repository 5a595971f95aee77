"""Leads go through an automation to a receiver's door while whoever carries them is killed: each arrives once as it
should, and at least once by webhook."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import event_probe
from tests.support.chain import chained
from tests.support.checker import check
from tests.support.stack import Stack, running_stack
from tests.support.waiting import until_async

pytestmark = pytest.mark.faults

ROLES = ("worker", "worker", "postgres", "sweeper", "broker", "gateway")
UNSENT = "SELECT count(*) FROM deliveries WHERE state <> 'sent'"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Stack]:
    """A LeadHub that may reach this machine."""
    with running_stack(tmp_path / "data", {"LEADHUB_ALLOWED_TARGETS": "127.0.0.1"}) as stack:
        event_probe.save(stack)
        yield stack


async def killing(stack: Stack, chance: random.Random, kills: int, seconds: float) -> Counter[str]:
    """Kills so many processes, one after the other, within about so long; how often which."""
    killed: Counter[str] = Counter()
    while killed.total() < kills:
        await asyncio.sleep(chance.uniform(0.5, 1.5) * seconds / kills)
        role = chance.choice(ROLES)
        await asyncio.to_thread(stack.kill, role)
        killed[role] += 1
    await asyncio.to_thread(stack.until_settled)
    return killed


async def all_sent(stack: Stack) -> None:
    """Wait until nothing is left to be sent."""
    with stack.database() as database:
        await until_async(lambda: database.execute(UNSENT).fetchone() == (0,), 180, "the last webhook")


@pytest.mark.parametrize(("n", "kills"), [(800, 6), pytest.param(10_000, 40, marks=pytest.mark.long)])
async def test_each_lead_passes_its_automation_once_while_processes_are_killed(own: Stack, n: int, kills: int) -> None:
    seed, seconds = random.randrange(10**9), 1.5 * kills
    print(f"chain seed {seed}")
    async with chained(own, seed) as chain:
        posting = asyncio.create_task(chain.post(n, seconds))
        killed = await killing(own, chain.random, kills, seconds)
        await posting
        (await check(own.database_url, own.spool_url, chain.client.told, seconds=180)).assert_exact()
        await all_sent(own)
        findings = chain.findings()
        print(f"{findings}; killed {dict(killed)}")
        findings.assert_exact()
