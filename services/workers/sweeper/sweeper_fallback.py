"""The sweeper's fallback: it wakes workers while work of one kind waits, and does it itself if no worker does."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from shared.platform.db.connections import Connection


class Waiting(Enum):
    """Whether work waits: none, some that a worker may be about to take, some that no worker takes."""

    NOTHING = "nothing"
    DUE = "due"
    OVERDUE = "overdue"


@dataclass(frozen=True)
class SweeperFallback:
    """The fallback for one kind of work.

    `find_waiting` looks for work, and takes it for overdue after so many seconds. `act` does some of what is overdue.
    `patience` returns the seconds after which no worker is assumed to work: none while hints cannot be sent.
    `send_hint` wakes the workers: before `act`, which may take a second, or after it if it holds locks they would meet.
    """

    find_waiting: Callable[[Connection, float], Awaitable[Waiting]]
    act: Callable[[Connection], Awaitable[object]]
    send_hint: Callable[[], object]
    patience: Callable[[], float]
    check_seconds: float
    hints_last: bool = False

    async def take_turn(self, connection: Connection) -> float:
        """Look for work once. Return the seconds until the next turn, if work waits then."""
        waiting = await self.find_waiting(connection, self.patience())
        if waiting is not Waiting.NOTHING and not self.hints_last:
            self.send_hint()
        if waiting is Waiting.OVERDUE:
            await self.act(connection)
        if waiting is not Waiting.NOTHING and self.hints_last:
            self.send_hint()
        return self.check_seconds


class WakeableEngine(Protocol):
    """An engine with a connection of its own. `run` ends, once the process was asked to, with what is under way."""

    def wake(self) -> None:
        """Look for due work."""

    async def run(self) -> None:
        """Work until the process was asked to end."""


class BackgroundEngine:
    """An engine beside the duties. It starts when it is needed first, and outlives broken connections of its duty."""

    def __init__(self, make_engine: Callable[[], Awaitable[WakeableEngine]]) -> None:
        self._make_engine = make_engine
        self._engine: WakeableEngine | None = None
        self._running: asyncio.Task[None] | None = None

    async def wake(self, _connection: Connection) -> None:
        """Look for due work, on the engine's own connection."""
        if self._engine is None or self._running is None or self._running.done():
            self._engine = await self._make_engine()
            self._running = asyncio.create_task(self._engine.run())
        self._engine.wake()

    async def stop(self) -> None:
        """Wait for what is under way, after the process was asked to end."""
        if self._engine is not None and self._running is not None:
            self._engine.wake()
            await self._running


async def find_by_age(has_due: Callable[[float], Awaitable[bool]], overdue_seconds: float) -> Waiting:
    """Look for work of which `has_due` tells whether some has been due for over so many seconds."""
    if not await has_due(0.0):
        return Waiting.NOTHING
    return Waiting.OVERDUE if await has_due(overdue_seconds) else Waiting.DUE
