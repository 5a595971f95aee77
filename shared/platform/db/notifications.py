"""PostgreSQL notifications for a process, on one connection for all channels.

A commit that sends a notification wakes every listening connection of the database, whatever its channels. With one
connection per channel, most wake-ups would be in vain.

Source: `SignalBackends`, https://github.com/postgres/postgres/blob/REL_18_STABLE/src/backend/commands/async.c
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.platform.db.connections import connect, listen_for_notifications
from shared.platform.db.database_errors import UNAVAILABLE_ERRORS
from shared.platform.observability import logging

log = logging.get_logger()

LISTENER_RECONNECT_SECONDS = 0.2  # seconds between a lost connection and the next attempt


@dataclass(frozen=True, slots=True)
class ChannelHandler:
    """The callbacks of a channel.

    `on_notification` gets the payload of each notification. `on_connected` is awaited whenever the connection is up:
    also after it was lost, since notifications sent meanwhile are lost too. `on_disconnected` is called when the
    connection breaks.
    """

    on_notification: Callable[[bytes], object]
    on_connected: Callable[[], Awaitable[object]]
    on_disconnected: Callable[[], object]


class NotificationListener:
    """The connection that listens. Add all channels before it is started."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._handlers: dict[bytes, ChannelHandler] = {}
        self._task: asyncio.Task[None] | None = None

    def add_handler(self, channel: str, handler: ChannelHandler) -> None:
        """Add a channel, whose name must need no quotes. To be called before the start."""
        self._handlers[channel.encode()] = handler

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                async with connect(self._url, "leadhub notices") as connection:
                    for channel in self._handlers:
                        await connection.execute(f"LISTEN {channel.decode()}")
                    for listener in self._handlers.values():
                        await listener.on_connected()
                    await listen_for_notifications(connection, self._dispatch)
            except UNAVAILABLE_ERRORS:
                log.warning("notices.interrupted")
            except Exception:  # without the connection, all callers would run into their timeouts
                log.exception("notices.failed")
            finally:
                for listener in self._handlers.values():
                    listener.on_disconnected()
            await asyncio.sleep(LISTENER_RECONNECT_SECONDS)

    def _dispatch(self, channel: bytes, payload: bytes) -> None:
        self._handlers[channel].on_notification(payload)
