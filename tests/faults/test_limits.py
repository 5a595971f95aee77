"""Rate limits while the Redis that counts them dies: nobody's hour begins anew."""

import asyncio
import time

import aiohttp
import pytest

from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = pytest.mark.faults

LIMIT = 40


async def test_rate_limit_count_survives_the_loss_of_redis(stack: Stack) -> None:
    options = ("--workspace", "main", "--name", "limited", "--scopes", "*", "--rate-limit", str(LIMIT))
    key = stack.run("key", "create", *options).stdout.strip()
    if time.time() % 3600 > 3570:  # the hour's own end would begin the count anew
        await asyncio.sleep(31)
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def remaining() -> int:
            async with session.get(f"{stack.base}/api/v1/me") as answer:
                return int(answer.headers["X-RateLimit-Remaining"]) if answer.status == 200 else -1

        left = [await remaining() for _ in range(10)]
        for _ in range(2):
            await asyncio.to_thread(stack.kill, "broker")
            left += [await remaining() for _ in range(5)]  # counted by the process that answers
            await asyncio.to_thread(until, stack.answers_201, 20, "a 201 after the broker's return")
            await asyncio.sleep(1.2)  # for so long Redis is not asked again
            left += [await remaining() for _ in range(5)]
        assert left == list(range(LIMIT - 1, LIMIT - 31, -1))
        assert sorted(await asyncio.gather(*[remaining() for _ in range(30)]))[:21] == [-1] * 20 + [0]
