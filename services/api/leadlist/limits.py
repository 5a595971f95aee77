"""What keeps dear lists from starving cheap ones: few run at once, others wait without a connection, none for long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from shared.errors import ServiceUnavailable

PATIENCE = 5.0  # seconds
RETRY_AFTER = 5
TOO_LONG = (
    "This list took too long to read. Narrow it by source, status, stage, tag or dates, search for more characters, or "
    "walk it with cursor=."
)
TOO_MANY = "Too many large lists are being read just now. Send the request again, or narrow the list."


class Dear(Exception):
    """The list would cost much, and its turn was not awaited."""


@asynccontextmanager
async def turn(dear_lists: asyncio.Semaphore, *, dear: bool) -> AsyncIterator[None]:
    """Waits for a dear list's turn. Raises ServiceUnavailable: that is for the server's state, where 422 would be for a
    list that nobody could ever read."""
    if dear:
        try:
            async with asyncio.timeout(PATIENCE):
                await dear_lists.acquire()
        except TimeoutError:
            raise ServiceUnavailable(TOO_MANY, retry_after=RETRY_AFTER) from None
    try:
        yield
    except psycopg.errors.QueryCanceled:
        raise ServiceUnavailable(TOO_LONG, retry_after=RETRY_AFTER) from None
    finally:
        if dear:
            dear_lists.release()
