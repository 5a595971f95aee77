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

from shared.errors import RateLimited
from shared.hour_counts import HOUR, NOTHING, Granted, HourCounts

UNLIMITED = 2147483647
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
LINES = "".join([f"{name}: %d\r\n" for name in HEADERS])
ANSWER_IN = 0.25  # seconds Redis has to answer before this process counts for itself
KEEP = 1.0  # seconds after which unused requests are returned
REST = 1.0  # seconds before Redis is tried again after a failure


class Usage(NamedTuple):
    """The values of the rate-limit headers."""

    limit: int
    remaining: int
    reset: int  # Unix seconds

    def headers(self) -> dict[str, str]:
        return dict(zip(HEADERS, map(str, self), strict=True))

    def lines(self) -> str:
        """Return the header lines of an HTTP/1.1 response."""
        return LINES % self


@dataclass(slots=True)
class Lease:
    """Requests granted to this process: `first` to `end` in the count of that hour; `next` is the first unused one."""

    hour: int
    first: int
    next: int
    end: int
    limit: int
    until: float  # monotonic seconds

    @property
    def held(self) -> int:
        return self.end - self.next

    def renew(self, used: int, granted: int) -> None:
        """Add granted requests. `used` is the number used or held by all processes before.

        The unused requests are renumbered, because other processes may have claimed some in between.
        """
        held = self.held + granted
        self.end = used + granted
        self.first = self.next = self.end - held
        self.until = time.monotonic() + KEEP


def unlimited() -> Usage:
    """Return the header values of a key without a limit."""
    return Usage(UNLIMITED, UNLIMITED, (int(time.time()) // HOUR + 1) * HOUR)


class RateLimiter:
    """Count requests. There is one per process; `run` returns unused claims."""

    def __init__(self, client: redis.Redis) -> None:
        self._counts = HourCounts(client)
        self._leases: dict[int, Lease] = {}
        self._surplus: list[tuple[int, Lease]] = []  # by key id, to be returned
        self._claims: list[tuple[int, int, asyncio.Future[int]]] = []  # key id, limit, number in its hour
        self._settling: asyncio.Task[None] | None = None
        self._alone: Counter[tuple[int, int]] = Counter()  # (hour, key id): counted here while Redis was away
        self._known: dict[int, tuple[int, int]] = {}  # key id: hour, and the last count in Redis
        self._resting_until = 0.0

    async def charge(self, key_id: int, limit: int) -> Usage:
        """Count one request. Raises RateLimited, with the headers, if the limit of the hour is reached."""
        usage = self.charge_claimed(key_id, limit)
        if usage:
            return usage
        now = int(time.time())
        number = await self._claim(key_id, limit)
        usage = Usage(limit, max(limit - number - 1, 0), (now // HOUR + 1) * HOUR)
        if number >= limit:
            raise RateLimited(headers={**usage.headers(), "Retry-After": str(max(usage.reset - now, 1))})
        return usage

    def charge_claimed(self, key_id: int, limit: int) -> Usage | None:
        """Count one request if one was claimed ahead. Otherwise count nothing and return None."""
        hour = int(time.time()) // HOUR
        lease = self._leases.get(key_id)
        if lease is None or lease.hour != hour or not lease.next < min(lease.end, limit):
            return None
        lease.next += 1
        return Usage(limit, limit - lease.next, (hour + 1) * HOUR)

    async def run(self) -> None:
        """Renew the claims of keys in use, and return unused ones. Runs until cancelled."""
        while True:
            await asyncio.sleep(KEEP / 2)
            await self._renew()
            await self._give_back()

    async def close(self) -> None:
        """Return all unused requests."""
        self._surplus += self._leases.items()
        self._leases.clear()
        await self._give_back()

    async def _renew(self) -> None:
        """End expired leases, but renew those of keys in use, so that no request has to wait for a claim."""
        hour = int(time.time()) // HOUR
        stale = {id_: lease for id_, lease in self._leases.items() if lease.until < time.monotonic()}
        used = {id_: lease for id_, lease in stale.items() if lease.hour == hour and lease.next > lease.first}
        for id_, (before, granted) in (await self._claim_ahead(used, hour)).items():
            if granted and self._leases.get(id_) is stale[id_]:
                stale.pop(id_).renew(before, granted)
            else:
                self._surplus.append((id_, Lease(hour, before, before, before + granted, used[id_].limit, 0)))
        for id_, lease in stale.items():
            if self._leases.get(id_) is lease:
                self._surplus.append((id_, self._leases.pop(id_)))

    async def _claim_ahead(self, leases: dict[int, Lease], hour: int) -> Granted:
        if leases and time.monotonic() >= self._resting_until:
            limits = {id_: lease.limit for id_, lease in leases.items()}
            held = {id_: lease.held for id_, lease in leases.items()}
            with contextlib.suppress(redis.RedisError, TimeoutError, OSError):
                return await self._ask(dict.fromkeys(leases, 0), limits, hour, held)
        return {}

    def _keep(self, id_: int, lease: Lease) -> None:
        current = self._leases.get(id_)
        if current and current.hour == lease.hour and current.held:  # two claims crossed
            self._surplus.append((id_, lease))
        elif lease.held:
            self._leases[id_] = lease

    async def _give_back(self) -> None:
        surplus, self._surplus = self._surplus, []
        hour = int(time.time()) // HOUR
        unused: Counter[int] = Counter()
        for id_, lease in surplus:
            unused[id_] -= lease.held if lease.hour == hour else 0
        unused = Counter({id_: n for id_, n in unused.items() if n})
        if unused:
            with contextlib.suppress(redis.RedisError, TimeoutError, OSError):
                await self._ask(unused, {id_: lease.limit for id_, lease in surplus}, hour)

    async def _claim(self, key_id: int, limit: int) -> int:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._claims.append((key_id, limit, future))
        if self._settling is None:
            self._settling = asyncio.create_task(self._settle_all())
        return await future

    async def _settle_all(self) -> None:
        try:
            while self._claims:
                claims, self._claims = self._claims, []
                await self._settle([claim for claim in claims if not self._settled(*claim)])
        finally:
            self._settling = None

    def _settled(self, key_id: int, limit: int, future: "asyncio.Future[int]") -> bool:
        """Return whether a request claimed ahead meanwhile is enough for this claim, and resolve it then."""
        usage = self.charge_claimed(key_id, limit)
        if usage and not future.done():
            future.set_result(limit - usage.remaining - 1)
        return usage is not None

    async def _settle(self, claims: list[tuple[int, int, "asyncio.Future[int]"]]) -> None:
        hour = int(time.time()) // HOUR
        wanted = Counter(claim[0] for claim in claims)
        limits = {key_id: limit for key_id, limit, _ in claims}
        granted = await self._count(wanted, limits, hour) if claims else {}
        until = time.monotonic() + KEEP
        leases = {id_: Lease(hour, used, used, used + n, limits[id_], until) for id_, (used, n) in granted.items()}
        for key_id, limit, future in claims:
            lease = leases[key_id]
            number = lease.next if lease.next < lease.end else max(lease.end, limit)
            lease.next = min(lease.next + 1, lease.end)
            if not future.done():
                future.set_result(number)
        for id_, lease in leases.items():
            self._keep(id_, lease)

    async def _count(self, wanted: Mapping[int, int], limits: Mapping[int, int], hour: int) -> Granted:
        if time.monotonic() < self._resting_until:
            return self._count_alone(wanted, limits, hour)
        try:
            async with asyncio.timeout(ANSWER_IN):
                await self._hand_over()
                return await self._ask(wanted, limits, hour)
        except (redis.RedisError, TimeoutError, OSError):
            self._resting_until = time.monotonic() + REST
            return self._count_alone(wanted, limits, hour)

    async def _ask(
        self, wanted: Mapping[int, int], limits: Mapping[int, int], hour: int, held: Mapping[int, int] = NOTHING
    ) -> Granted:
        known = {id_: self._known_of(id_, hour) for id_ in wanted}
        granted = await self._counts.claim(wanted, limits, hour, held, known)
        self._known.update({id_: (hour, used + n) for id_, (used, n) in granted.items()})
        return granted

    def _known_of(self, id_: int, hour: int) -> int:
        """Return the last known count of the key in Redis, if it is of that hour, or 0."""
        known = self._known.get(id_, (hour, 0))
        return known[1] if known[0] == hour else 0

    def _count_alone(self, wanted: Mapping[int, int], limits: Mapping[int, int], hour: int) -> Granted:
        granted = {}
        for id_, n in wanted.items():
            used = self._known_of(id_, hour) + self._alone[hour, id_]
            grant = max(min(n, limits[id_] - used), 0)
            self._alone[hour, id_] += grant
            granted[id_] = (used, grant)
        return granted

    async def _hand_over(self) -> None:
        if not self._alone:
            return
        alone, self._alone = self._alone, Counter()
        try:
            await self._counts.add(alone, {(hour, id_): self._known_of(id_, hour) for hour, id_ in alone})
        except BaseException:
            self._alone.update(alone)
            raise
