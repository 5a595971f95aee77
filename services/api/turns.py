"""Turns at what is scarce, such that nobody keeps the others out of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from shared.errors import ServiceUnavailable

PATIENCE = 5.0  # seconds that a request waits for its turn


class Turns:
    """At most so many at once, and so many of each who asks. Who has the fewest is next, then whose last turn is the
    longest ago, then who waits longest."""

    def __init__(self, most: int, each: int, too_many: str, retry_after: int = 2) -> None:
        self._free = most
        self._each = each
        self._refusal = too_many, retry_after
        self._held: Counter[int] = Counter()
        self._last: dict[int, int] = {}  # the number of the last turn of each
        self._numbers = count(1)
        self._waiting: dict[asyncio.Future[None], int] = {}

    @asynccontextmanager
    async def turn(self, who: int) -> AsyncIterator[None]:
        """A turn of theirs. Raises ServiceUnavailable where none comes in time."""
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
        if self._may(who):  # nobody waits who may as well: they had theirs at once
            self._take(who)
            return
        asked = asyncio.get_running_loop().create_future()
        self._waiting[asked] = who
        try:
            async with asyncio.timeout(PATIENCE):
                await asked
        except BaseException:
            if self._waiting.pop(asked, None) is None:  # it came, and nobody was there any more
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
        # Not one whose time is up or whose caller left, and who has yet to hear of it.
        able = [asked for asked, one in self._waiting.items() if not asked.done() and self._may(one)]
        if able:
            first = min(able, key=self._rank)
            self._take(self._waiting.pop(first))
            first.set_result(None)
        if not self._waiting:  # turns of before count for nobody who comes later
            self._last = {who: self._last[who] for who in self._held}

    def _rank(self, asked: asyncio.Future[None]) -> tuple[int, int]:
        who = self._waiting[asked]
        return self._held[who], self._last.get(who, 0)
