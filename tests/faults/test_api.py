"""The API while PostgreSQL is away: an honest 503, and everything back by itself."""

import aiohttp
import pytest

from tests.support.stack import Stack
from tests.support.waiting import background, until_async

pytestmark = pytest.mark.faults

PATHS = ("/api/v1/leads", "/api/v1/leads?search=nobody", "/api/v1/leads/1", "/api/v1/tags", "/api/v1/operations")


async def test_reads_and_writes_say_so_and_come_back(stack: Stack) -> None:
    async with aiohttp.ClientSession(stack.base, headers=stack.headers) as session:

        async def ask(method: str, path: str, **body: object) -> aiohttp.ClientResponse:
            async with session.request(method, path, json=body or None) as answer:
                await answer.read()
                return answer

        for path in PATHS:
            assert (await ask("GET", path)).status in (200, 404)
        async with background(stack.away("postgres")):
            for path in PATHS:
                answer = await ask("GET", path)
                assert (answer.status, (await answer.json())["code"]) == (503, "SERVICE_UNAVAILABLE"), path
                assert answer.headers["Retry-After"].isdigit()
            assert (await ask("POST", "/api/v1/tags", name="while it is away")).status == 503

        async def is_back() -> bool:
            return (await ask("GET", "/api/v1/leads")).status == 200

        await until_async(is_back, what="the list")
