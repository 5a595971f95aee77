"""Background loops that must run as long as their service."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.platform.observability import logging

log = logging.get_logger()

RESTART_DELAY_SECONDS = 0.5  # seconds before a failed loop is started again


async def run_forever(loop: Callable[[], Awaitable[object]]) -> None:
    """Run a loop until it is cancelled, and start it again whenever it raises.

    The loops handle an absent database themselves. Any other error is unexpected, such as missing tables. Without this
    function the task would end unnoticed, and the service would continue without it.
    """
    while True:
        try:
            await loop()
        except Exception:
            log.exception("loop.failed", loop=loop.__qualname__)
        await asyncio.sleep(RESTART_DELAY_SECONDS)
