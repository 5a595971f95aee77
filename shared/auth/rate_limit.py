"""The rate limit: requests per API key and clock hour, over all processes. It is exact while Redis is available.

Requests that arrive during a round trip share the next one. A process also claims requests ahead: at most a hundredth
of those left, and at most 16,384. It returns unused ones after a second, and renews the claims of keys in use. Far from
the limit a request therefore costs a microsecond instead of a share of a round trip. Near the limit, each claim is for
exactly the requests made. While Redis is away, each process counts by itself, and adds its counts when Redis is back.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import redis.asyncio as redis

from shared.auth.rate_limit_redis import HOUR_SECONDS, NONE_HELD, GrantsByKey, RedisCounters
from shared.platform.errors import RateLimited

UNLIMITED_REQUESTS = 2147483647
RATE_LIMIT_HEADER_NAMES = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
RATE_LIMIT_HEADER_LINES = "".join([f"{name}: %d\r\n" for name in RATE_LIMIT_HEADER_NAMES])
REDIS_TIMEOUT_SECONDS = 0.25  # seconds Redis has to answer before this process counts for itself
RATE_LIMIT_LEASE_SECONDS = 1.0  # seconds after which unused requests are returned
REDIS_RETRY_SECONDS = 1.0  # seconds before Redis is tried again after a failure


class RateLimitUsage(NamedTuple):
    """The values of the rate-limit headers."""

    limit: int
    remaining: int
    reset: int  # Unix seconds

    def headers(self) -> dict[str, str]:
        return dict(zip(RATE_LIMIT_HEADER_NAMES, map(str, self), strict=True))

    def header_lines(self) -> str:
        """Return the header lines of an HTTP/1.1 response."""
        return RATE_LIMIT_HEADER_LINES % self


@dataclass(slots=True)
class RateLimitLease:
    """Requests granted to this process: `first` to `end` in the count of that hour; `next` is the first unused one."""

    hour: int
    first: int
    next: int
    end: int
    limit: int
    expires_at: float  # monotonic seconds

    @property
    def unused_count(self) -> int:
        return self.end - self.next

    def add_grant(self, used: int, granted: int) -> None:
        """Add granted requests. `used` is the number used or held by all processes before.

        The unused requests are renumbered, because other processes may have claimed some in between.
        """
        held = self.unused_count + granted
        self.end = used + granted
        self.first = self.next = self.end - held
        self.expires_at = time.monotonic() + RATE_LIMIT_LEASE_SECONDS


def unlimited_usage() -> RateLimitUsage:
    """Return the header values of a key without a limit."""
    return RateLimitUsage(UNLIMITED_REQUESTS, UNLIMITED_REQUESTS, (int(time.time()) // HOUR_SECONDS + 1) * HOUR_SECONDS)


class RateLimiter:
    """Count requests. There is one per process; `run` returns unused claims."""

    def __init__(self, client: redis.Redis) -> None:
        self._counters = RedisCounters(client)
        self._leases: dict[int, RateLimitLease] = {}
        self._leases_to_return: list[tuple[int, RateLimitLease]] = []  # by key id, to be returned
        self._pending_claims: list[tuple[int, int, asyncio.Future[int]]] = []  # key id, limit, number in its hour
        self._claims_task: asyncio.Task[None] | None = None
        self._local_counts: Counter[tuple[int, int]] = Counter()  # (hour, key id): counted here while Redis was away
        self._last_redis_counts: dict[int, tuple[int, int]] = {}  # key id: hour, and the last count in Redis
        self._redis_retry_at = 0.0

    async def hit(self, key_id: int, limit: int, message: str | None = None) -> RateLimitUsage:
        """Count one request. Raises RateLimited, with the headers, if the limit of the hour is reached.

        `message` is the error's, for what is limited like a key without being one.
        """
        usage = self.hit_local(key_id, limit)
        if usage:
            return usage
        now = int(time.time())
        number = await self._claim_number(key_id, limit)
        usage = RateLimitUsage(limit, max(limit - number - 1, 0), (now // HOUR_SECONDS + 1) * HOUR_SECONDS)
        if number >= limit:
            raise RateLimited(message, headers={**usage.headers(), "Retry-After": str(max(usage.reset - now, 1))})
        return usage

    def hit_local(self, key_id: int, limit: int) -> RateLimitUsage | None:
        """Count one request if one was claimed ahead. Otherwise count nothing and return None."""
        hour = int(time.time()) // HOUR_SECONDS
        lease = self._leases.get(key_id)
        if lease is None or lease.hour != hour or not lease.next < min(lease.end, limit):
            return None
        lease.next += 1
        return RateLimitUsage(limit, limit - lease.next, (hour + 1) * HOUR_SECONDS)

    async def run(self) -> None:
        """Renew the claims of keys in use, and return unused ones. Runs until cancelled."""
        while True:
            await asyncio.sleep(RATE_LIMIT_LEASE_SECONDS / 2)
            await self._renew_leases()
            await self._return_leases()

    async def close(self) -> None:
        """Return all unused requests."""
        self._leases_to_return += self._leases.items()
        self._leases.clear()
        await self._return_leases()

    async def _renew_leases(self) -> None:
        """End expired leases, but renew those of keys in use, so that no request has to wait for a claim."""
        hour = int(time.time()) // HOUR_SECONDS
        stale = {id_: lease for id_, lease in self._leases.items() if lease.expires_at < time.monotonic()}
        used = {id_: lease for id_, lease in stale.items() if lease.hour == hour and lease.next > lease.first}
        for id_, (before, granted) in (await self._claim_ahead(used, hour)).items():
            if granted and self._leases.get(id_) is stale[id_]:
                stale.pop(id_).add_grant(before, granted)
            else:
                self._leases_to_return.append(
                    (id_, RateLimitLease(hour, before, before, before + granted, used[id_].limit, 0))
                )
        for id_, lease in stale.items():
            if self._leases.get(id_) is lease:
                self._leases_to_return.append((id_, self._leases.pop(id_)))

    async def _claim_ahead(self, leases: dict[int, RateLimitLease], hour: int) -> GrantsByKey:
        if leases and time.monotonic() >= self._redis_retry_at:
            limits = {id_: lease.limit for id_, lease in leases.items()}
            held = {id_: lease.unused_count for id_, lease in leases.items()}
            with contextlib.suppress(redis.RedisError, TimeoutError, OSError):
                return await self._claim_from_redis(dict.fromkeys(leases, 0), limits, hour, held)
        return {}

    def _keep_lease(self, id_: int, lease: RateLimitLease) -> None:
        current = self._leases.get(id_)
        if current and current.hour == lease.hour and current.unused_count:  # two claims crossed
            self._leases_to_return.append((id_, lease))
        elif lease.unused_count:
            self._leases[id_] = lease

    async def _return_leases(self) -> None:
        surplus, self._leases_to_return = self._leases_to_return, []
        hour = int(time.time()) // HOUR_SECONDS
        unused: Counter[int] = Counter()
        for id_, lease in surplus:
            unused[id_] -= lease.unused_count if lease.hour == hour else 0
        unused = Counter({id_: n for id_, n in unused.items() if n})
        if unused:
            with contextlib.suppress(redis.RedisError, TimeoutError, OSError):
                await self._claim_from_redis(unused, {id_: lease.limit for id_, lease in surplus}, hour)

    async def _claim_number(self, key_id: int, limit: int) -> int:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pending_claims.append((key_id, limit, future))
        if self._claims_task is None:
            self._claims_task = asyncio.create_task(self._resolve_claims())
        return await future

    async def _resolve_claims(self) -> None:
        try:
            while self._pending_claims:
                claims, self._pending_claims = self._pending_claims, []
                await self._resolve_batch([claim for claim in claims if not self._resolve_locally(*claim)])
        finally:
            self._claims_task = None

    def _resolve_locally(self, key_id: int, limit: int, future: "asyncio.Future[int]") -> bool:
        """Return whether a request claimed ahead meanwhile is enough for this claim, and resolve it then."""
        usage = self.hit_local(key_id, limit)
        if usage and not future.done():
            future.set_result(limit - usage.remaining - 1)
        return usage is not None

    async def _resolve_batch(self, claims: list[tuple[int, int, "asyncio.Future[int]"]]) -> None:
        hour = int(time.time()) // HOUR_SECONDS
        wanted = Counter(claim[0] for claim in claims)
        limits = {key_id: limit for key_id, limit, _ in claims}
        granted = await self._count_requests(wanted, limits, hour) if claims else {}
        until = time.monotonic() + RATE_LIMIT_LEASE_SECONDS
        leases = {
            id_: RateLimitLease(hour, used, used, used + n, limits[id_], until) for id_, (used, n) in granted.items()
        }
        for key_id, limit, future in claims:
            lease = leases[key_id]
            number = lease.next if lease.next < lease.end else max(lease.end, limit)
            lease.next = min(lease.next + 1, lease.end)
            if not future.done():
                future.set_result(number)
        for id_, lease in leases.items():
            self._keep_lease(id_, lease)

    async def _count_requests(self, wanted: Mapping[int, int], limits: Mapping[int, int], hour: int) -> GrantsByKey:
        if time.monotonic() < self._redis_retry_at:
            return self._count_locally(wanted, limits, hour)
        try:
            async with asyncio.timeout(REDIS_TIMEOUT_SECONDS):
                await self._upload_local_counts()
                return await self._claim_from_redis(wanted, limits, hour)
        except (redis.RedisError, TimeoutError, OSError):
            self._redis_retry_at = time.monotonic() + REDIS_RETRY_SECONDS
            return self._count_locally(wanted, limits, hour)

    async def _claim_from_redis(
        self, wanted: Mapping[int, int], limits: Mapping[int, int], hour: int, held: Mapping[int, int] = NONE_HELD
    ) -> GrantsByKey:
        known = {id_: self._last_redis_count(id_, hour) for id_ in wanted}
        granted = await self._counters.claim_requests(wanted, limits, hour, held, known)
        self._last_redis_counts.update({id_: (hour, used + n) for id_, (used, n) in granted.items()})
        return granted

    def _last_redis_count(self, id_: int, hour: int) -> int:
        """Return the last known count of the key in Redis, if it is of that hour, or 0."""
        known = self._last_redis_counts.get(id_, (hour, 0))
        return known[1] if known[0] == hour else 0

    def _count_locally(self, wanted: Mapping[int, int], limits: Mapping[int, int], hour: int) -> GrantsByKey:
        granted = {}
        for id_, n in wanted.items():
            used = self._last_redis_count(id_, hour) + self._local_counts[hour, id_]
            grant = max(min(n, limits[id_] - used), 0)
            self._local_counts[hour, id_] += grant
            granted[id_] = (used, grant)
        return granted

    async def _upload_local_counts(self) -> None:
        if not self._local_counts:
            return
        alone, self._local_counts = self._local_counts, Counter()
        try:
            await self._counters.add_counts(
                alone, {(hour, id_): self._last_redis_count(id_, hour) for hour, id_ in alone}
            )
        except BaseException:
            self._local_counts.update(alone)
            raise
