"""The leads that the demo's workspace starts with. Every one is posted through the API."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from random import Random
from typing import Any

from demo.demo_state import DemoMemory, DemoPlan, PersonNumbers
from demo.lead_posting import LeadPoster
from demo.lead_sources import LEAD_SOURCES, LeadSource, PostedBody

MAX_WINDOW_LEADS = 250  # posted together, each source's in one request
MIN_WINDOW_LEADS, WINDOWS_OF_HISTORY = 10, 20
FORMS_AT_ONCE = 20
STATUSES = ("new", "new", "new", "contacted", "qualified", "converted", "lost")
STAGE_BY_STATUS = {"contacted": "Contacted", "qualified": "Qualified", "converted": "Won", "lost": "Lost"}

HistoryItem = tuple[int, LeadSource, dict[str, Any]]


class LeadHistory:
    """Makes and posts the leads of the last days."""

    def __init__(self, plan: DemoPlan, memory: DemoMemory, ids: dict[str, int]) -> None:
        self._plan = plan
        self._numbers = PersonNumbers(memory, start=0)  # the same people again after a kill
        self._ids = ids
        self._random = Random(f"{plan.seed}/history")

    async def post_all(self, poster: LeadPoster) -> None:
        """Post every lead. Posting them again, as after a kill, changes nothing: they have idempotency keys."""
        items = list(self._make_items())
        size = min(MAX_WINDOW_LEADS, max(MIN_WINDOW_LEADS, len(items) // WINDOWS_OF_HISTORY))
        for start in range(0, len(items), size):
            window = items[start : start + size]
            await self._post_batches(poster, [item for item in window if item[1].posts != "form"])
            await self._post_forms(poster, [item for item in window if item[1].posts == "form"])

    def _make_items(self) -> Iterator[HistoryItem]:
        sources = [source for source in LEAD_SOURCES if not source.is_broken]
        shares = [source.share * source.past_factor for source in sources]
        for index in range(self._plan.leads):
            source = self._random.choices(sources, shares)[0]
            lead = source.next_lead(self._random, self._plan.seed, self._numbers.take, self._numbers.used)
            yield index, source, lead if source.posts == "form" else {**lead, **self._standing()}

    def _standing(self) -> dict[str, Any]:
        """Return how far the sales team got with a lead."""
        status = self._random.choice(STATUSES)
        agents = [self._ids[name] for name in ("Yusuf Al-Rihani", "Meera Chandrapur", "Corentin Rivelaine")]
        if status == "new":
            return {}
        stage = self._ids[f"stage:{STAGE_BY_STATUS[status]}"]
        return {"status": status, "pipeline_stage_id": stage, "assigned_user_id": self._random.choice(agents)}

    async def _post_batches(self, poster: LeadPoster, items: list[HistoryItem]) -> None:
        by_source: defaultdict[str, list[HistoryItem]] = defaultdict(list)
        for item in items:
            by_source[item[1].name].append(item)
        for some in by_source.values():
            leads = [{"source": source.name, **lead} for _, source, lead in some]
            await poster.post_batch(some[0][1], leads, f"history-{some[0][0]}")

    async def _post_forms(self, poster: LeadPoster, items: list[HistoryItem]) -> None:
        gate = asyncio.Semaphore(FORMS_AT_ONCE)

        async def post_one(index: int, source: LeadSource, body: PostedBody) -> None:
            async with gate:
                await poster.post_lead(source, body, f"history-{index}", waits=False)

        bodies = [(index, source, source.encode(self._random, lead)) for index, source, lead in items]
        async with asyncio.TaskGroup() as group:
            for one in bodies:
                group.create_task(post_one(*one))
