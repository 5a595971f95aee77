"""A load of posts at a steady rate, which writes down what every caller was told."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.support.people import TAGS, People
from tests.support.stack import Stack
from tests.support.waiting import until_async

MOST = 400  # requests in flight; an open loop without a bound would measure itself
TRIES_AGAIN = 60.0  # seconds in which a request with an idempotency key is sent again until it is acknowledged
FORM = {
    "name": "Load",
    "fields": [
        {"key": "name", "type": "text", "required": True, "maps_to": "full_name"},
        {"key": "mail", "type": "email", "maps_to": "email"},
        {"key": "tel", "type": "phone", "maps_to": "phone"},
        {"key": "topics", "type": "checkbox", "options": TAGS, "maps_to": "tags"},
        {"key": "answer", "type": "number"},
    ],
}


class Told:
    """What callers were told. `acknowledged`: submission id → lead id, None where the answer was 202."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, int | None] = {}
        self.statuses: Counter[int] = Counter()
        self.broken = 0  # connections lost before an answer
        self.contradictions = 0  # one submission, two different leads
        self.last = time.monotonic()
        self.worst_pause = 0.0  # seconds between two acknowledgements, the longest
        self.round_pause = 0.0  # the longest since a test set this to 0

    @property
    def refused(self) -> int:
        """Answers that were not 2xx."""
        return sum(count for status, count in self.statuses.items() if not 200 <= status < 300)

    def note(self, submission_id: str, lead_id: int | None) -> None:
        """Enter an acknowledgement."""
        known = self.acknowledged.get(submission_id)
        if known is not None and lead_id is not None and known != lead_id:
            self.contradictions += 1
        self.acknowledged[submission_id] = lead_id if known is None else known

    def note_answer(self, status: int, body: Any) -> None:
        """Enter a whole answer, of one lead or of a batch."""
        self.statuses[status] += 1
        if not 200 <= status < 300:
            return
        now = time.monotonic()
        pause, self.last = now - self.last, now
        self.worst_pause, self.round_pause = max(self.worst_pause, pause), max(self.round_pause, pause)
        for line in body.get("data", [body]):
            self.note(line["submission_id"], line["lead_id"])

    async def more(self, n: int, status: int | None = None) -> None:
        """Wait until `n` further answers have come, with that status if one is named."""
        goal = self._answers(status) + n
        await until_async(lambda: self._answers(status) >= goal, what=f"{n} further answers ({status})")

    def _answers(self, status: int | None) -> int:
        return self.statuses.total() if status is None else self.statuses[status]


class Load:
    """Posts of five kinds: awaited, respond-async, with an idempotency key, forms, and batches."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.told = Told()
        self._stack = stack
        self._seed = seed
        self._random = random.Random(seed)
        self._people = People(f"crowd-{seed}", seed)
        self._session = aiohttp.ClientSession(
            headers=stack.headers, connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(60)
        )
        self._keyed: list[tuple[str, dict[str, Any]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._form = ""

    async def prepare(self) -> None:
        """Make the form that is filled in, and fill it in once: the gateway knows it from then on."""
        async with self._session.post(f"{self._stack.base}/api/v1/forms", json=FORM) as answer:
            self._form = f"{self._stack.base}/api/v1/forms/{(await answer.json())['data']['id']}/submissions"
        await self._post_form()

    async def run(self, rate: float, stopping: asyncio.Event) -> None:
        """Send `rate` requests a second until told to stop."""
        started, sent = time.monotonic(), 0
        while not stopping.is_set():
            behind = int((time.monotonic() - started) * rate) - sent
            for _ in range(min(behind, MOST - len(self._tasks))):
                task = asyncio.create_task(self._one())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            sent += behind
            await asyncio.sleep(0.01)

    async def finish(self) -> None:
        """Wait for the answers that are still to come. Raises what a request raised."""
        await asyncio.gather(*self._tasks)
        await self._session.close()

    async def _one(self) -> None:
        kind = self._random.random()
        if kind < 0.4:
            await self._post(self._people.lead(), {"Prefer": "wait=5"})
        elif kind < 0.55:
            await self._post(self._people.lead(), {"Prefer": "respond-async"})
        elif kind < 0.75:
            await self._post_keyed()
        elif kind < 0.9:
            await self._post_form()
        else:
            batch = [self._people.lead() for _ in range(5)]
            await self._post(batch, {"Prefer": "wait=5"}, self._stack.inbound.replace("?", "/batch?"))

    async def _post_form(self) -> None:
        person = self._people.lead()
        values = {"name": person["first_name"], "topics": person["tags"], "answer": self._random.random()}
        if self._random.random() < 0.9:  # a form needs no contact
            values |= {"mail": person["email"], "tel": person["phone"]}
        await self._post(values, {"Prefer": self._random.choice(("wait=5", "respond-async"))}, self._form)

    async def _post_keyed(self) -> None:
        if self._keyed and self._random.random() < 0.3:
            key, lead = self._random.choice(self._keyed)
        else:
            key, lead = f"{self._seed}-{len(self._keyed)}", self._people.lead()
            self._keyed.append((key, lead))
        deadline = time.monotonic() + TRIES_AGAIN
        while not await self._post(lead, {"Prefer": "wait=5", "Idempotency-Key": key}):
            assert time.monotonic() < deadline, "an idempotent request was never acknowledged"
            await asyncio.sleep(0.1)

    async def _post(self, body: Any, headers: dict[str, str], url: str = "") -> bool:
        """Whether it was acknowledged."""
        try:
            async with self._session.post(url or self._stack.inbound, json=body, headers=headers) as answer:
                read = await answer.json()
        except (aiohttp.ClientError, OSError):
            self.told.broken += 1
            return False
        self.told.note_answer(answer.status, read)
        return 200 <= answer.status < 300


@asynccontextmanager
async def loaded(stack: Stack, *, rate: float = 100, seed: int | None = None) -> AsyncIterator[Told]:
    """A load for as long as the block lasts; when it is left, all answers are there. Prints its seed."""
    seed = random.randrange(10**9) if seed is None else seed
    print(f"load seed {seed}")
    load, stopping = Load(stack, seed), asyncio.Event()
    await load.prepare()
    running = asyncio.create_task(load.run(rate, stopping))
    try:
        yield load.told
    finally:
        stopping.set()
        await running
        await load.finish()
