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
    is_of_one_hour = False
    while not is_of_one_hour:  # the hour's end begins the count anew
        hour = time.time() // 3600
        left, at_once = await count_down(stack)
        is_of_one_hour = time.time() // 3600 == hour
    assert left == list(range(LIMIT - 1, LIMIT - 31, -1))
    assert sorted(at_once)[:21] == [-1] * 20 + [0]


async def count_down(stack: Stack) -> tuple[list[int], list[int]]:
    """What a new key has left after each of 30 requests, while Redis dies twice; and what 30 more at once are told."""
    options = ("--workspace", "main", "--name", "limited", "--scopes", "*", "--rate-limit", str(LIMIT))
    key = stack.run("key", "create", *options).stdout.strip()
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def remaining() -> int:
            async with session.get(f"{stack.base}/api/v1/me") as answer:
                return int(answer.headers["X-RateLimit-Remaining"]) if answer.status == 200 else -1

        left = [await remaining() for _ in range(10)]
        for _ in range(2):
            await asyncio.to_thread(stack.kill, "broker")
            left += [await remaining() for _ in range(5)]  # counted by the process that answers
            await asyncio.to_thread(until, stack.answers_201, what="a 201 after the broker's return")
            await asyncio.sleep(1.2)  # for so long Redis is not asked again
            left += [await remaining() for _ in range(5)]
        return left, await asyncio.gather(*[remaining() for _ in range(30)])
