"""Fair access to scarce resources, so that no tenant keeps the others out."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from shared.errors import ServiceUnavailable

PATIENCE = 5.0  # seconds that a request waits for a slot


class Turns:
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
    async def turn(self, who: int) -> AsyncIterator[None]:
        """Hold a slot of the tenant. Raises ServiceUnavailable if none is free in time."""
        try:
            await self._enter(who)
        except TimeoutError:
            message, retry_after = self._refusal
            raise ServiceUnavailable(message, retry_after=retry_after) from None
        try:
            yield
        finally:
            self._leave(who)

    async def _enter(self, who: int) -> None:
        if self._may(who):  # no waiting tenant could use the slot: it would have got it when it became free
            self._take(who)
            return
        asked = asyncio.get_running_loop().create_future()
        self._waiting[asked] = who
        try:
            async with asyncio.timeout(PATIENCE):
                await asked
        except BaseException:
            if self._waiting.pop(asked, None) is None:  # the slot was granted, but the caller has left
                self._leave(who)
            raise

    def _may(self, who: int) -> bool:
        return self._free > 0 and self._held[who] < self._each

    def _take(self, who: int) -> None:
        self._free -= 1
        self._held[who] += 1
        self._last[who] = next(self._numbers)

    def _leave(self, who: int) -> None:
        self._free += 1
        self._held[who] -= 1
        if not self._held[who]:
            del self._held[who]
        # Leave out callers that have timed out or left, but have not run since.
        able = [asked for asked, one in self._waiting.items() if not asked.done() and self._may(one)]
        if able:
            first = min(able, key=self._rank)
            self._take(self._waiting.pop(first))
            first.set_result(None)
        if not self._waiting:  # earlier slots do not count for later callers
            self._last = {who: self._last[who] for who in self._held}

    def _rank(self, asked: asyncio.Future[None]) -> tuple[int, int]:
        who = self._waiting[asked]
        return self._held[who], self._last.get(who, 0)
