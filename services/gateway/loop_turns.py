"""Spread work over turns of the event loop, so that a crowd of requests does not hold up all others.

Without it, the webhooks that arrive together are all read in one turn. Everything else that the loop does waits for
them, and a lead whose caller waits needs half a dozen turns.
"""

import asyncio
from collections import deque


class LoopTurns:
    """Lets one waiting task continue in each turn of the event loop. Owners alternate.

    Between two tasks the loop handles whatever else is ready. There are no permits, so a cancelled task has nothing to
    give back.
    """

    def __init__(self) -> None:
        self._queues: dict[int, deque[asyncio.Future[None]]] = {}  # by owner, whose turn comes in this order
        self._is_taken = False  # this turn of the loop has its task

    async def wait_turn(self, owner: int) -> None:
        """Wait for a turn of the loop. It is over when the caller waits for something else."""
        if not self._is_taken:
            self._is_taken = True
            asyncio.get_running_loop().call_soon(self._begin_turn)
            return
        turn = asyncio.get_running_loop().create_future()
        self._queues.setdefault(owner, deque()).append(turn)
        await turn

    def _begin_turn(self) -> None:
        while self._queues:
            turn = self._take_next()
            if not turn.done():  # otherwise its task was cancelled
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._begin_turn)
                return
        self._is_taken = False

    def _take_next(self) -> asyncio.Future[None]:
        """Return the first in the queue of the first owner, who goes to the end of the owners."""
        owner = next(iter(self._queues))
        queue = self._queues.pop(owner)
        turn = queue.popleft()
        if queue:
            self._queues[owner] = queue
        return turn
