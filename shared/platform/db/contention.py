"""Running work again when other transactions were in its way."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.platform.db.database_errors import is_contention
from shared.platform.observability import logging

log = logging.get_logger()

ResultT = TypeVar("ResultT")


async def retry_contended(
    work: Callable[[], Awaitable[ResultT]], *, attempts: int, pause: float = 0.0, event: str | None = None
) -> ResultT:
    """Return the result of `work`, which runs again after contention, up to `attempts` times in all.

    The pause before another attempt is random, at most `pause` seconds at first and twice as long each time. Where
    `event` is given, each contended attempt is logged under that name. Raises any other error at once, and the
    contention of the last attempt.
    """
    for attempt in range(attempts):
        try:
            return await work()
        except Exception as error:
            if not is_contention(error) or attempt == attempts - 1:
                raise
            if event:
                log.info(event, attempt=attempt, error=type(error).__name__)
        if pause:
            await asyncio.sleep(random.uniform(0, pause * 2**attempt))  # noqa: S311
    raise AssertionError("unreachable")
