"""Turns at the console's connections, so that the pages of one workspace do not keep those of others waiting."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from shared.platform.fair_limiter import FairLimiter

MAX_TURNS, TURNS_PER_WORKSPACE = 4, 2  # of this process at once
CONNECTIONS_PER_TURN = 2  # a page that reads may ask for the figures of the navigation meanwhile
BUSY_MESSAGE = "More pages are being opened than this console can read at once. Try it again in a moment."

# The workspace whose page is asked for; 0 before a sign-in and on pages of accounts.
reading_workspace: ContextVar[int] = ContextVar("reading_workspace", default=0)
_has_turn: ContextVar[bool] = ContextVar("has_turn", default=False)


class ConnectionTurns:
    """The turns of this process. Within a turn further ones are free, so that a page never waits for itself."""

    def __init__(self) -> None:
        self._limiter = FairLimiter(MAX_TURNS, TURNS_PER_WORKSPACE, BUSY_MESSAGE)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a turn of the workspace whose page is asked for. Raises Overloaded if there is none in time."""
        if _has_turn.get():
            yield
            return
        async with self._limiter.slot(reading_workspace.get()):
            token = _has_turn.set(True)
            try:
                yield
            finally:
                _has_turn.reset(token)
