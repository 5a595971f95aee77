"""Remember for ten minutes which bodies came from senders without event ids, and which one-time tokens were used.

The memory is in Redis, shared by all gateways. Without Redis, times are cut into windows of ten minutes instead: a
repeat that crosses the edge of a window is then a new submission.
"""

import redis.asyncio as redis

from shared.platform.observability import logging

log = logging.get_logger()

REPEAT_WINDOW_SECONDS = 600
TOKEN_SECONDS = 86_400  # seconds that a one-time token is remembered
REDIS_ERRORS = (redis.RedisError, TimeoutError, OSError)


class RepeatWindow:
    """The memory of repeats. There is one for each gateway process."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    async def first_seen(self, integration_id: int, body_digest: str, now_ms: int) -> int:
        """Return when this body first came within the last ten minutes, in milliseconds: `now_ms` if it is new."""
        key = f"leadhub:webhook-body:{integration_id}:{body_digest}"
        try:
            earlier = await self._redis.set(key, now_ms, nx=True, get=True, ex=REPEAT_WINDOW_SECONDS)
        except REDIS_ERRORS as error:
            log.warning("repeats.unremembered", error=type(error).__name__)
            return now_ms - now_ms % (REPEAT_WINDOW_SECONDS * 1000)
        return int(earlier) if earlier else now_ms

    async def is_token_reused(self, integration_id: int, token: str, body_digest: str) -> bool:
        """Return whether a one-time token came before with another body. The same body is a redelivery."""
        key = f"leadhub:webhook-token:{integration_id}:{token}"
        try:
            earlier = await self._redis.set(key, body_digest, nx=True, get=True, ex=TOKEN_SECONDS)
        except REDIS_ERRORS as error:
            log.warning("tokens.unremembered", error=type(error).__name__)
            return False
        return bool(earlier) and earlier not in (body_digest, body_digest.encode())
