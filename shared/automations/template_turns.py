"""Turns of the work with templates, which is done in threads: compiling them, and rendering them."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from shared.platform.fair_limiter import FairLimiter

T = TypeVar("T")

LARGE_STEPS_CHARS = 4_000  # characters of steps: their templates take up to 35 ms to compile
# Automations whose templates are compiled or rendered at once. Large ones take seconds of CPU time.
MAX_LARGE_AUTOMATIONS, MAX_SMALL_AUTOMATIONS = 1, 2
BUSY_MESSAGE = "Too many large automations are being saved or tried just now. Send the request again in a moment."


class TemplateTurns:
    """Gives each workspace one thread at a time, and large steps one at a time in all."""

    def __init__(self) -> None:
        self.large = FairLimiter(MAX_LARGE_AUTOMATIONS, 1, BUSY_MESSAGE)
        self.small = FairLimiter(MAX_SMALL_AUTOMATIONS, 1, BUSY_MESSAGE)

    async def run(self, workspace_id: int, steps: Any, work: Callable[[], T]) -> T:
        """Run `work`, which compiles or renders the steps' templates, in a thread. Raises Overloaded."""
        limiter = self.large if len(str(steps)) > LARGE_STEPS_CHARS else self.small
        async with limiter.slot(workspace_id):
            return await asyncio.to_thread(work)
