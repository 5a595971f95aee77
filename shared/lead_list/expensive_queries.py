"""Keeps expensive lists from starving cheap ones: few run at once, and the others wait for a short time without a
connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import psycopg

from shared.platform.errors import ServiceUnavailable
from shared.platform.fair_limiter import FairLimiter

RETRY_AFTER_SECONDS = 5
LIST_TIMEOUT_MESSAGE = (
    "This list took too long to read. Narrow it by source, status, stage, tag or dates, search for more characters, or "
    "walk it with cursor=."
)


class ExpensiveQuery(Exception):
    """The list is expensive, and the caller has not waited for a slot."""


@asynccontextmanager
async def expensive_slot(limiter: FairLimiter, workspace_id: int, *, expensive: bool) -> AsyncIterator[None]:
    """Wait for a slot for an expensive list.

    Raises ServiceUnavailable also where the query takes too long: the list could be read at another time, unlike one
    that a 422 would refuse.
    """
    try:
        async with limiter.slot(workspace_id) if expensive else nullcontext():
            yield
    except psycopg.errors.QueryCanceled:
        raise ServiceUnavailable(LIST_TIMEOUT_MESSAGE, retry_after=RETRY_AFTER_SECONDS) from None
