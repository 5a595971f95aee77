"""Requests per key and clock hour: one count over all processes, exact while Redis is there.

Requests that arrive during one round trip share the next one, so that the exact count costs a request a microsecond or
two instead of a round trip. While Redis is away each process counts for itself, and adds its count on return.
"""

import asyncio
import time
from collections import Counter
from typing import NamedTuple

import redis.asyncio as redis

from shared.errors import RateLimited

HOUR = 3600
UNLIMITED = "2147483647"
ANSWER_IN = 0.25  # seconds Redis has to answer before this process counts for itself
REST = 1.0  # seconds before Redis is asked again after it failed

# KEYS: counters; ARGV: wanted and limit of each, then when they end. Grants what is left and returns what was used
# before; what is refused is not counted.
SCRIPT = """
local used = {}
for i, key in ipairs(KEYS) do
  used[i] = tonumber(redis.call('GET', key) or '0')
  local grant = math.min(tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i]) - used[i])
  if grant > 0 then
    redis.call('INCRBY', key, grant)
    redis.call('EXPIREAT', key, ARGV[#ARGV])
  end
end
return used
"""


class Usage(NamedTuple):
    """What the rate-limit headers say."""

    limit: int
    remaining: int
    reset: int  # Unix seconds

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }


Claim = tuple[int, int, "asyncio.Future[int]"]  # key id, limit, resolved with the count before this request


class RateLimiter:
    """Counts requests. One per process."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._script = client.register_script(SCRIPT)
        self._claims: list[Claim] = []
        self._running: asyncio.Task[None] | None = None
        self._alone: Counter[tuple[int, int]] = Counter()  # (hour, key id): counted here while Redis was away
        self._known: dict[int, int] = {}  # key id: the count last heard from Redis in this hour
        self._known_hour = 0
        self._resting_until = 0.0

    async def charge(self, key_id: int, limit: int) -> Usage:
        """Counts one request. Raises RateLimited, with the headers, when the hour is used up."""
        future = asyncio.get_running_loop().create_future()
        self._claims.append((key_id, limit, future))
        if self._running is None:
            self._running = asyncio.create_task(self._settle_all())
        used = await future
        reset = (int(time.time()) // HOUR + 1) * HOUR
        usage = Usage(limit, max(limit - used - 1, 0), reset)
        if used >= limit:
            wait = max(reset - int(time.time()), 1)
            raise RateLimited(headers={**usage.headers(), "Retry-After": str(wait)})
        return usage

    async def _settle_all(self) -> None:
        try:
            while self._claims:
                claims, self._claims = self._claims, []
                await self._settle(claims)
        finally:
            self._running = None

    async def _settle(self, claims: list[Claim]) -> None:
        wanted = Counter(claim[0] for claim in claims)
        limits = {key_id: limit for key_id, limit, _ in claims}
        hour = int(time.time()) // HOUR
        used = await self._count(wanted, limits, hour)
        for key_id, limit, future in claims:
            if not future.done():
                future.set_result(used[key_id])
            if used[key_id] < limit:
                used[key_id] += 1

    async def _count(self, wanted: Counter[int], limits: dict[int, int], hour: int) -> dict[int, int]:
        if time.monotonic() < self._resting_until:
            return self._count_alone(wanted, limits, hour)
        try:
            async with asyncio.timeout(ANSWER_IN):
                await self._hand_over()
                return await self._ask(wanted, limits, hour)
        except (redis.RedisError, TimeoutError, OSError):
            self._resting_until = time.monotonic() + REST
            return self._count_alone(wanted, limits, hour)

    async def _ask(self, wanted: Counter[int], limits: dict[int, int], hour: int) -> dict[int, int]:
        ids = list(wanted)
        arguments = [str(number) for id_ in ids for number in (wanted[id_], limits[id_])]
        answer = await self._script(
            keys=[_name(id_, hour) for id_ in ids],
            args=[*arguments, str((hour + 1) * HOUR + 60)],
        )
        used = dict(zip(ids, map(int, answer), strict=True))
        if hour != self._known_hour:
            self._known, self._known_hour = {}, hour
        self._known.update({id_: used[id_] + wanted[id_] for id_ in ids})
        return used

    def _count_alone(self, wanted: Counter[int], limits: dict[int, int], hour: int) -> dict[int, int]:
        known = self._known if hour == self._known_hour else {}
        used = {}
        for id_, n in wanted.items():
            used[id_] = known.get(id_, 0) + self._alone[hour, id_]
            self._alone[hour, id_] += max(min(n, limits[id_] - used[id_]), 0)
        return used

    async def _hand_over(self) -> None:
        if not self._alone:
            return
        alone, self._alone = self._alone, Counter()
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                for (hour, id_), n in alone.items():
                    pipe.incrby(_name(id_, hour), n)
                    pipe.expireat(_name(id_, hour), (hour + 1) * HOUR + 60)
                await pipe.execute()
        except BaseException:
            self._alone.update(alone)
            raise


def _name(key_id: int, hour: int) -> str:
    return f"leadhub:limit:{key_id}:{hour}"
