"""Turns at the console's connections, so that the pages of one workspace or account keep no others waiting."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from shared.platform.fair_limiter import FairLimiter

MAX_TURNS, TURNS_PER_OWNER = 4, 2  # of this process at once
CONNECTIONS_PER_TURN = 2  # a page that reads may ask for the figures of the navigation meanwhile
BUSY_MESSAGE = "More pages are being opened than this console can read at once. Try it again in a moment."

ANONYMOUS_OWNER = 0  # the owner of the turns of all that have not signed in
# Whose page is asked for: a workspace's id, or an account's as a negative number on pages of the account.
turn_owner: ContextVar[int] = ContextVar("turn_owner", default=ANONYMOUS_OWNER)
_has_turn: ContextVar[bool] = ContextVar("has_turn", default=False)


class ConnectionTurns:
    """The turns of this process. Within a turn further ones are free, so that a page never waits for itself."""

    def __init__(self) -> None:
        self._limiter = FairLimiter(MAX_TURNS, TURNS_PER_OWNER, BUSY_MESSAGE)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a turn of the owner of the page. Raises Overloaded if there is none in time."""
        if _has_turn.get():
            yield
            return
        async with self._limiter.slot(turn_owner.get()):
            token = _has_turn.set(True)
            try:
                yield
            finally:
                _has_turn.reset(token)
