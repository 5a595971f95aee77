"""Visitors' posts while stores are away and processes die: each lead arrives once, and nobody sees a server's error."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.faults.conftest import Settle
from tests.support.client import Client
from tests.support.load import Told
from tests.support.stack import Stack
from tests.support.tiers import first_in_tier
from tests.support.waiting import background

pytestmark = pytest.mark.faults

FIELDS = [
    {"key": "name", "type": "text", "required": True, "maps_to": "full_name"},
    {"key": "mail", "type": "email", "maps_to": "email"},
    {"key": "message", "type": "textarea"},
]
SPAM = " ".join(f"https://win{number}.example/x" for number in range(6))
VISITORS = 30


class Visitors:
    """People in front of a form. `told`: what their browsers were answered."""

    def __init__(self, stack: Stack, public_id: str) -> None:
        self.told = Told()
        self.pages: list[int] = []
        self._url = f"{stack.base}/f/{public_id}"
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60))

    async def send(self, **values: str) -> Any:
        """Post the form once, as its script does."""
        sent = {"name": "Ada Lovelace", "mail": f"{uuid.uuid4().hex}@example.com", **values}
        async with self._session.post(self._url, data=sent, headers={"Accept": "application/json"}) as answer:
            body = await answer.json()
        self.told.note_answer(answer.status, body)
        return body

    async def send_until_answered(self) -> None:
        """Post the form again under one key, as its script does, until it is answered."""
        values = {"_key": uuid.uuid4().hex, "mail": f"{uuid.uuid4().hex}@example.com"}
        for _ in range(200):
            try:
                await self.send(**values)
            except aiohttp.ClientError:
                self.told.broken += 1
                await asyncio.sleep(0.1)
            else:
                return
        raise AssertionError("never answered")

    async def look(self) -> None:
        async with self._session.get(self._url) as answer:
            self.pages.append(answer.status)

    async def close(self) -> None:
        await self._session.close()


@pytest_asyncio.fixture
async def visitors(stack: Stack, client: Client) -> AsyncIterator[Visitors]:
    made = await client.make("forms", {"name": "Visitors", "fields": FIELDS})
    found = Visitors(stack, made["public_id"])
    await found.send()
    yield found
    await found.close()


@pytest.mark.parametrize("roles", first_in_tier(("postgres", "broker"), ("postgres",), ("broker",)))
async def test_stores_are_away(stack: Stack, visitors: Visitors, settle: Settle, roles: tuple[str, ...]) -> None:
    async with background(stack.away(*roles)):
        await visitors.look()
        await asyncio.gather(*[visitors.send() for _ in range(VISITORS)], visitors.send(message=SPAM))
    assert set(visitors.told.statuses) == {202}
    assert visitors.pages == [200]
    await settle(f"{' and '.join(roles)} away, visitors", 1, visitors.told)
    with stack.database() as database:
        ids = list(visitors.told.acknowledged)
        stored = database.execute(
            "SELECT state, count(*) FROM submissions WHERE id = ANY(%s::uuid[]) GROUP BY 1 ORDER BY 1", (ids,)
        ).fetchall()
    assert stored == [("done", VISITORS + 1), ("quarantined", 1)]


async def test_the_gateway_is_killed(stack: Stack, visitors: Visitors, settle: Settle) -> None:
    rounds = 3
    for _ in range(rounds):
        sending = [asyncio.create_task(visitors.send_until_answered()) for _ in range(VISITORS)]
        await asyncio.sleep(0)
        await asyncio.to_thread(stack.kill_and_await, "gateway")
        await asyncio.gather(*sending)
    assert visitors.told.refused == 0
    await settle("gateway SIGKILL, visitors", rounds, visitors.told)


async def test_workers_and_postgresql_crash(stack: Stack, visitors: Visitors, settle: Settle) -> None:
    for role in ("worker", "postgres", "worker"):
        sending = [asyncio.create_task(visitors.send_until_answered()) for _ in range(VISITORS)]
        await asyncio.to_thread(stack.kill_and_await, role)
        await asyncio.gather(*sending)
    assert (visitors.told.refused, visitors.told.broken) == (0, 0)
    await settle("worker and PostgreSQL SIGKILL, visitors", 3, visitors.told)
