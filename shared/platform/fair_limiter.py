"""Fair access to scarce resources, so that no tenant keeps the others out."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from shared.platform.errors import Overloaded

SLOT_TIMEOUT_SECONDS = 5.0  # seconds that a request waits for a slot


class FairLimiter:
    """Limits the number of slots in use, in all and per tenant.

    The next slot goes to the tenant with the fewest, then to the one whose last slot is the oldest, then to the longest
    waiting.
    """

    def __init__(self, most: int, each: int, too_many: str, retry_after: int = 2) -> None:
        self._free = most
        self._each = each
        self._refusal = too_many, retry_after
        self._held: Counter[int] = Counter()
        self._last: dict[int, int] = {}  # the number of each tenant's last slot
        self._numbers = count(1)
        self._waiting: dict[asyncio.Future[None], int] = {}

    @asynccontextmanager
    async def slot(self, tenant: int) -> AsyncIterator[None]:
        """Hold a slot of the tenant. Raises Overloaded if none is free in time."""
        try:
            await self._acquire_slot(tenant)
        except TimeoutError:
            message, retry_after = self._refusal
            raise Overloaded(message, retry_after=retry_after) from None
        try:
            yield
        finally:
            self._release_slot(tenant)

    async def _acquire_slot(self, tenant: int) -> None:
        if self._has_capacity(tenant):  # no waiting tenant could use the slot: it would have got it when it became free
            self._grant_slot(tenant)
            return
        slot = asyncio.get_running_loop().create_future()
        self._waiting[slot] = tenant
        try:
            async with asyncio.timeout(SLOT_TIMEOUT_SECONDS):
                await slot
        except BaseException:
            if self._waiting.pop(slot, None) is None:  # the slot was granted, but the caller has left
                self._release_slot(tenant)
            raise

    def _has_capacity(self, tenant: int) -> bool:
        return self._free > 0 and self._held[tenant] < self._each

    def _grant_slot(self, tenant: int) -> None:
        self._free -= 1
        self._held[tenant] += 1
        self._last[tenant] = next(self._numbers)

    def _release_slot(self, tenant: int) -> None:
        self._free += 1
        self._held[tenant] -= 1
        if not self._held[tenant]:
            del self._held[tenant]
        # Leave out callers that have timed out or left, but have not run since.
        able = [asked for asked, one in self._waiting.items() if not asked.done() and self._has_capacity(one)]
        if able:
            first = min(able, key=self._queue_rank)
            self._grant_slot(self._waiting.pop(first))
            first.set_result(None)
        if not self._waiting:  # earlier slots do not count for later callers
            self._last = {who: self._last[who] for who in self._held}

    def _queue_rank(self, asked: asyncio.Future[None]) -> tuple[int, int]:
        who = self._waiting[asked]
        return self._held[who], self._last.get(who, 0)
