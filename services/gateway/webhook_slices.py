"""Do the work of large webhooks in slices of a few milliseconds, in a thread, one slice at a time.

A thread alone would not do: it holds the interpreter against the event loop for as long as it computes. So each slice
is followed by a pause of its own length, which belongs to the loop.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from shared.platform.errors import ClientLeft
from shared.platform.fair_limiter import FairLimiter

T = TypeVar("T")

SLICE_SECONDS = 0.002  # seconds of work between two pauses
TOO_MANY_WEBHOOKS_MESSAGE = "Too many large webhooks wait to be read. Send the request again in a moment."


class WebhookSlices:
    """The slices of all requests of a gateway process, those of the workspaces in turn."""

    def __init__(self) -> None:
        self._limiter = FairLimiter(1, 1, TOO_MANY_WEBHOOKS_MESSAGE)

    async def run_off_loop(self, workspace_id: int, work: Callable[[], T]) -> T:
        """Run one piece of work and return its result. Raises ServiceUnavailable if its turn does not come in time."""
        async with self._limiter.slot(workspace_id):
            started = time.perf_counter()
            try:
                return await asyncio.to_thread(work)
            finally:
                await asyncio.sleep(time.perf_counter() - started)

    async def run_steps(
        self, workspace_id: int, steps: Iterator[object], has_client_left: Callable[[], bool], *, starts_on_loop: bool
    ) -> None:
        """Take all steps, the first few milliseconds of them on the loop if wanted.

        Raises ClientLeft once the client has left, and like `run_off_loop`.
        """
        is_done = starts_on_loop and run_slice(steps)
        while not is_done:
            if has_client_left():
                raise ClientLeft
            is_done = await self.run_off_loop(workspace_id, lambda: run_slice(steps))


def run_slice(steps: Iterator[object]) -> bool:
    """Take steps until the slice is over, and return whether none is left."""
    end = time.perf_counter() + SLICE_SECONDS
    return all(time.perf_counter() < end for _ in steps)
