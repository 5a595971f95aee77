"""Gateways, APIs and consoles restart one after another behind a proxy of `deploy/`: nobody notices."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from tests.faults.conftest import Settle
from tests.support.console import ConsoleClient, console_client, make_readers
from tests.support.load import loaded
from tests.support.rolling import ServicePair, behind_proxy, service_pairs
from tests.support.stack import Stack
from tests.support.tiers import first_in_tier
from tests.support.waiting import until_async

pytestmark = pytest.mark.faults

LIVE_PAGE = "/console/main/now"
LONGEST_GAP_SECONDS = 3.0
READS_PER_SECOND = 20


class Readers:
    """Reads of the API and of the console, and one live page that connects anew when its stream ends, as a browser
    does: at once the first time, then each second.
    """

    def __init__(self, seen: Stack, client: ConsoleClient) -> None:
        self.statuses: Counter[object] = Counter()
        self.gaps: list[float] = []  # seconds between two messages of the live page, the longest of each round
        self._seen = seen
        self._client = client
        self._told_at = time.monotonic()
        self._gap = 0.0

    async def read_pages(self) -> None:
        """Read a list of leads and a page of the console, in turn."""
        urls = (f"{self._seen.base}/api/v1/leads?per_page=5", f"{self._seen.base}{LIVE_PAGE}")
        async with aiohttp.ClientSession(headers=self._seen.headers) as session:
            while True:
                for url, opened in zip(urls, (session, self._client.session), strict=True):
                    await self._read(opened, url)
                await asyncio.sleep(2 / READS_PER_SECOND)

    async def watch(self) -> None:
        """Keep a live page open."""
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with self._client.session.get(f"{self._seen.base}{LIVE_PAGE}/live") as stream:
                    self.statuses[stream.status] += 1
                    async for line in stream.content:
                        if line.startswith(b"data:"):
                            self._note_message()
            await asyncio.sleep(0.5)

    def end_round(self) -> None:
        """Keep the longest gap since the last call."""
        self.gaps.append(self._gap)
        self._gap = 0.0

    def _note_message(self) -> None:
        now = time.monotonic()
        self._gap, self._told_at = max(self._gap, now - self._told_at), now

    async def _read(self, session: aiohttp.ClientSession, url: str) -> None:
        try:
            async with session.get(url, allow_redirects=False) as answer:
                await answer.read()
                self.statuses[answer.status] += 1
        except aiohttp.ClientError as error:
            self.statuses[type(error).__name__] += 1


@pytest.mark.extended
@pytest.mark.parametrize(("rounds", "rate"), [(1, 40), pytest.param(4, 120, marks=pytest.mark.long)])
@pytest.mark.parametrize("program", first_in_tier("haproxy", "caddy"))
async def test_services_restart_behind_a_proxy(
    stack: Stack, settle: Settle, tmp_path: Path, program: str, rounds: int, rate: int
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    with service_pairs(stack) as pairs, behind_proxy(stack, program, pairs, tmp_path / "proxy.log") as seen:
        async with reading(seen) as readers, loaded(seen, rate=rate) as told:
            await told.more(rate)
            for number in [0, 1] * rounds:
                await restart_all(pairs, number)
                await told.more(rate)
                readers.end_round()
    assert (told.refused, told.broken) == (0, 0), told.statuses
    assert set(readers.statuses) == {200}, readers.statuses
    assert min(readers.gaps) < LONGEST_GAP_SECONDS, readers.gaps
    await settle(f"rolling restart behind {program}", rounds * 2, told)


async def restart_all(pairs: dict[str, ServicePair], number: int) -> None:
    """Restart the first or the second of each kind, at the same time."""
    await asyncio.gather(*(asyncio.to_thread(pair.restart, number) for pair in pairs.values()))


@asynccontextmanager
async def reading(seen: Stack) -> AsyncIterator[Readers]:
    """Reads for as long as the block lasts."""
    accounts = await make_readers(seen.database_url, "rolling")
    async with console_client(seen.base, accounts["read_only"].email) as client:
        readers = Readers(seen, client)
        tasks = [asyncio.create_task(readers.read_pages()), asyncio.create_task(readers.watch())]
        try:
            await until_async(lambda: readers.statuses[200] > READS_PER_SECOND, what="the first reads")
            yield readers
            assert not any(task.done() for task in tasks), tasks
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
