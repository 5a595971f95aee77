"""Keeps expensive lists from starving cheap ones: few run at once, and the others wait for a short time without a
connection."""

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
    """The list is expensive, and the caller has not waited for a slot."""


@asynccontextmanager
async def turn(dear_lists: Turns, workspace_id: int, *, dear: bool) -> AsyncIterator[None]:
    """Wait for a slot for an expensive list.

    Raises ServiceUnavailable also where the query takes too long: the list could be read at another time, unlike one
    that a 422 would refuse.
    """
    try:
        async with dear_lists.turn(workspace_id) if dear else nullcontext():
            yield
    except psycopg.errors.QueryCanceled:
        raise ServiceUnavailable(TOO_LONG, retry_after=RETRY_AFTER) from None
