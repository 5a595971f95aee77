"""A process's count of requests, with a Redis of its own: claimed ahead, given back, and gone on with alone."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis.asyncio as redis

from shared.auth import rate_limit
from shared.auth.rate_limit import RateLimiter
from shared.auth.rate_limit_redis import HOUR_SECONDS
from shared.platform.data_dir import free_port
from shared.platform.errors import RateLimited
from tests.support.spooling import server, spooling

pytestmark = pytest.mark.integration

MANY = 10_000  # a limit of which a hundred are claimed ahead
KEY = 7


@asynccontextmanager
async def counting(url: str) -> AsyncIterator[RateLimiter]:
    """One process."""
    async with redis.from_url(url) as client:
        yield RateLimiter(client)


async def left(limiter: RateLimiter, limit: int = MANY) -> int:
    return (await limiter.hit(KEY, limit)).remaining


@pytest.fixture
def hour(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The hour that it is, always at its half."""
    found = [int(time.time()) // HOUR_SECONDS]
    monkeypatch.setattr(time, "time", lambda: found[0] * HOUR_SECONDS + HOUR_SECONDS / 2)
    return found


async def test_unused_lease_is_returned_on_close(tmp_path: Path, hour: list[int]) -> None:
    with spooling(tmp_path) as url:
        for n in range(1, 4):
            async with counting(url) as limiter:
                assert await left(limiter) == MANY - n
                await limiter.close()


async def test_lease_of_a_past_hour_is_not_returned_to_the_next(tmp_path: Path, hour: list[int]) -> None:
    with spooling(tmp_path) as url:
        async with counting(url) as limiter:
            await left(limiter)
            hour[0] += 1
            await limiter.close()
            assert await left(limiter) == MANY - 1


async def test_a_limit_that_was_lowered_holds_for_what_was_claimed_ahead(tmp_path: Path, hour: list[int]) -> None:
    with spooling(tmp_path) as url:
        async with counting(url) as limiter:
            await left(limiter)
            assert await left(limiter, 2) == 0
            with pytest.raises(RateLimited):
                await left(limiter, 2)


async def test_cancelled_limiter_callers_do_not_block_others(tmp_path: Path, hour: list[int]) -> None:
    with spooling(tmp_path) as url:
        async with counting(url) as limiter:
            asked = [asyncio.create_task(left(limiter)) for _ in range(3)]
            await asyncio.sleep(0)
            asked[0].cancel()
            await asyncio.wait(asked, timeout=60)
            assert [one.done() and one.result() for one in asked[1:]] == [MANY - 2, MANY - 3]


async def test_while_redis_is_away_all_are_counted_and_handed_over_on_its_return(
    tmp_path: Path, hour: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "REDIS_RETRY_SECONDS", 0.0)  # so that each request tries to hand the count over
    port = free_port("127.0.0.1")
    async with counting(f"redis://127.0.0.1:{port}") as limiter:
        with server(tmp_path, port):
            assert await left(limiter, 5) == 4
        assert [await left(limiter, 5) for _ in range(2)] == [3, 2]
        await limiter.hit(KEY + 1, 5)
        with server(tmp_path, port):  # which has lost the first one
            assert await left(limiter, 5) == 1
            async with redis.from_url(f"redis://127.0.0.1:{port}") as client:
                ends = [await client.ttl(name) for name in await client.keys()]
                assert len(ends) == 2
                assert all(0 < end <= HOUR_SECONDS + 60 for end in ends)
            async with counting(f"redis://127.0.0.1:{port}") as another:
                assert await left(another, 5) == 0
                with pytest.raises(RateLimited):
                    await left(another, 5)
