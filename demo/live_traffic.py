"""The live traffic of the demo: each source posts in its own rhythm until the demo is stopped."""

import asyncio
import time
from collections.abc import Coroutine
from random import Random
from typing import Any

from demo.api_client import RefusedRequest
from demo.demo_state import DemoPlan, PersonNumbers
from demo.lead_posting import LeadPoster
from demo.lead_sources import LEAD_SOURCES, LeadSource
from shared.platform.observability import logging

log = logging.get_logger()

MAX_POSTS_AT_ONCE = 200  # of all sources
MAX_BATCH_LEADS = 500
FIRST_BURST_SECONDS = 2.0  # after the start, so that nobody has to wait for the first one
FIRST_BURST_LEADS = 20


class LiveTraffic:
    """Posts leads at a rate, in leads a second over all sources."""

    def __init__(self, plan: DemoPlan, poster: LeadPoster, numbers: PersonNumbers, rate: float, life: int) -> None:
        self._plan = plan
        self._poster = poster
        self._numbers = numbers
        self._rate = rate
        self._life = life  # which start of the demo it is: each has other chances
        self._slots = asyncio.Semaphore(MAX_POSTS_AT_ONCE)
        self._began = time.monotonic()

    async def run(self) -> None:
        """Post until cancelled."""
        async with asyncio.TaskGroup() as group:
            for source in LEAD_SOURCES:
                group.create_task(self._run_source(source, group))

    async def _run_source(self, source: LeadSource, group: asyncio.TaskGroup) -> None:
        random = Random(f"{self._plan.seed}/{self._life}/{source.name}")
        rate = self._rate * source.share
        if source.burst_seconds:
            await self._run_bursts(source, random, rate, group)
        while not self._is_silent(source):
            await self._start_post(source, random, group)
            await asyncio.sleep(random.expovariate(rate))

    async def _run_bursts(self, source: LeadSource, random: Random, rate: float, group: asyncio.TaskGroup) -> None:
        await asyncio.sleep(FIRST_BURST_SECONDS)
        due, count = time.monotonic(), min(FIRST_BURST_LEADS, max(1, round(rate * source.burst_seconds)))
        while True:
            if source.posts == "batch":
                await self._post_batch(source, random, count)
            else:
                for _ in range(count):
                    await self._start_post(source, random, group)
            due += source.burst_seconds
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            count = max(1, round(rate * source.burst_seconds * random.uniform(0.7, 1.3)))

    def _is_silent(self, source: LeadSource) -> bool:
        return bool(source.silent_after_seconds) and time.monotonic() > self._began + source.silent_after_seconds

    async def _start_post(self, source: LeadSource, random: Random, group: asyncio.TaskGroup) -> None:
        """Begin to post one lead. It waits while LeadHub is away and many posts hang, as a real source would."""
        await self._slots.acquire()
        lead = self._next_lead(source, random)
        post = _log_refusals(self._poster.post_encoded(source, random, lead))
        group.create_task(post).add_done_callback(lambda _: self._slots.release())

    async def _post_batch(self, source: LeadSource, random: Random, count: int) -> None:
        leads = [self._next_lead(source, random) for _ in range(count)]
        for start in range(0, count, MAX_BATCH_LEADS):
            await _log_refusals(self._poster.post_batch(source, leads[start : start + MAX_BATCH_LEADS]))

    def _next_lead(self, source: LeadSource, random: Random) -> dict[str, Any]:
        lead = source.next_lead(random, self._plan.seed, self._numbers.take, self._numbers.used)
        return lead if source.posts == "form" else {"source": source.name, **lead}


async def _log_refusals(post: Coroutine[Any, Any, None]) -> None:
    """Go on after a refusal: whoever tries the demo may revoke a key or delete the form."""
    try:
        await post
    except (RefusedRequest, TimeoutError) as error:
        log.warning("demo.refused", error=str(error)[:500])
