"""What keeps dear lists from starving cheap ones: few run at once, others wait without a connection, none for long."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import psycopg

from services.api.turns import Turns
from shared.errors import ServiceUnavailable

RETRY_AFTER = 5
TOO_LONG = (
    "This list took too long to read. Narrow it by source, status, stage, tag or dates, search for more characters, or "
    "walk it with cursor=."
)


class Dear(Exception):
    """The list would cost much, and its turn was not awaited."""


@asynccontextmanager
async def turn(dear_lists: Turns, workspace_id: int, *, dear: bool) -> AsyncIterator[None]:
    """Waits for a dear list's turn. Raises ServiceUnavailable: that is for the server's state, where 422 would be for a
    list that nobody could ever read."""
    try:
        async with dear_lists.turn(workspace_id) if dear else nullcontext():
            yield
    except psycopg.errors.QueryCanceled:
        raise ServiceUnavailable(TOO_LONG, retry_after=RETRY_AFTER) from None
