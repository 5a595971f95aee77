"""Whether commits wait for a synchronous standby that is away, and what becomes of changes meanwhile.

Each process finds out by its own changes: one that lasts for two seconds makes it look. Then a commit of its own, which
changes nothing, waits beside them. It goes through as soon as the standby is back, without any polling.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from shared.platform.db.connections import Connection, connect, with_deadline
from shared.platform.db.database_errors import is_unavailable
from shared.platform.errors import ServiceUnavailable
from shared.platform.observability import logging

log = logging.get_logger()

COMMIT_SECONDS = 8.0  # seconds that a commit may wait where no look could tell for what
STANDBY_COMMIT_SECONDS = 3.0  # seconds that a commit may wait for a standby that is known to be away
SLOW_CHANGE_SECONDS = 2.0  # seconds after which a change makes its process look
STANDBY_WAIT_SECONDS = 1.5  # seconds that a commit waits for a standby that is away; one that is only slow takes less
LOOK_SECONDS = 1.0  # seconds between two looks, and that a look may take
CLOSE_SECONDS = 2.0  # seconds that the watch's own commit has to end when the process stops

# An expression: whether a commit in this database waits for a standby for so many seconds.
COMMITS_WAIT_SQL = """EXISTS (
    SELECT FROM pg_stat_activity
    WHERE wait_event = 'SyncRep' AND datname = current_database()
      AND query_start < clock_timestamp() - make_interval(secs => %s))"""
# A commit that waits for the standby and writes no table. Everybody may run it, at any level of the WAL.
CONFIRM_SQL = "SELECT pg_logical_emit_message(true, 'leadhub', '')"

# Whether this request has already made a change: then another one that is refused does not mean that nothing changed.
_has_committed: ContextVar[bool] = ContextVar("has_committed", default=False)


class CommitUnconfirmed(ServiceUnavailable):
    """The commit was not confirmed in time. What it changed is there, or may be, and the standby may lack it."""

    default = (
        "The change was made, or may have been, but the standby of the database did not confirm it in time: it could "
        "still be lost with the server that holds it. Look whether it is there before you send the request again."
    )

    def __init__(self) -> None:
        super().__init__(retry_after=10)


class StandbyAway(ServiceUnavailable):
    """The change was not begun, or was undone, since its commit would wait for a standby that is away."""

    default = (
        "Nothing was changed: the standby of the database does not answer, and no change can be confirmed without it. "
        "Reads go on. Send the request again in a moment."
    )


@dataclass(slots=True, eq=False)
class WatchedChange:
    """A change under way, whose commit has begun or not."""

    watch: "StandbyWatch"
    began: float
    deadline: asyncio.Timeout
    commit_began: float | None = None

    def begin_commit(self) -> None:
        """Bound the time from now on. Raises StandbyAway if the commit would wait."""
        if self.watch.is_away:
            raise StandbyAway
        self.commit_began = asyncio.get_running_loop().time()
        self.deadline.reschedule(self.commit_began + COMMIT_SECONDS)


class StandbyWatch:
    """The changes of this process, and whether their commits would wait for a standby that is away."""

    def __init__(self, url: str, application: str) -> None:
        self._url = url
        self._application = application
        self._changes: set[WatchedChange] = set()
        self._task: asyncio.Task[None] | None = None
        self.is_away = False

    @asynccontextmanager
    async def change(self) -> AsyncIterator[WatchedChange]:
        """A change, from its wait for a connection to the end of its commit.

        Raises StandbyAway if the standby is away before its commit begins, and CommitUnconfirmed if the commit takes
        too long.
        """
        loop = asyncio.get_running_loop()
        change: WatchedChange | None = None
        timer = None
        try:
            if self.is_away:
                raise StandbyAway
            timer = loop.call_later(SLOW_CHANGE_SECONDS, self._begin_looks)
            async with asyncio.timeout(None) as deadline:
                change = WatchedChange(self, loop.time(), deadline)
                self._changes.add(change)
                yield change
            _has_committed.set(True)
        except StandbyAway:
            if _has_committed.get():
                raise CommitUnconfirmed from None
            raise
        except TimeoutError:
            if change is None or not change.deadline.expired():
                raise
            if change.commit_began is None and not _has_committed.get():
                raise StandbyAway from None
            raise CommitUnconfirmed from None
        finally:
            if timer:
                timer.cancel()
            if change:
                self._changes.discard(change)

    async def close(self) -> None:
        """End the watch, and the wait of its own commit."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)

    def _begin_looks(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_while_slow())

    async def _look_while_slow(self) -> None:
        while self._has_slow_change():
            try:
                async with connect(self._url, f"{self._application} watch") as connection:
                    await self._look(connection)
            except Exception as error:
                if not is_unavailable(error):
                    log.exception("standby.look_failed")
            await asyncio.sleep(LOOK_SECONDS)

    def _has_slow_change(self) -> bool:
        latest = asyncio.get_running_loop().time() - SLOW_CHANGE_SECONDS
        return any(change.began <= latest for change in self._changes)

    async def _look(self, connection: Connection) -> None:
        """Look until no change is slow."""
        while self._has_slow_change():
            if await with_deadline(LOOK_SECONDS, do_commits_wait(connection)):
                await self._wait_for_standby(connection)
            await asyncio.sleep(LOOK_SECONDS)

    async def _wait_for_standby(self, connection: Connection) -> None:
        """Refuse changes until a commit goes through, or the connection breaks: another server may take writes then."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.is_away = True
        log.warning("standby.away")
        for change in self._changes:
            if not change.deadline.expired():
                change.deadline.reschedule(_latest_end(change, began))
        try:
            await connection.execute(CONFIRM_SQL)
        finally:
            self.is_away = False
            log.info("standby.back", seconds=round(loop.time() - began, 1))


def _latest_end(change: WatchedChange, now: float) -> float:
    """When a change is given up. One whose commit has not begun can be undone at once."""
    return now if change.commit_began is None else change.commit_began + STANDBY_COMMIT_SECONDS


async def do_commits_wait(connection: Connection) -> bool:
    """Return whether a commit in this database waits for a synchronous standby that is away."""
    result = await connection.execute(f"SELECT {COMMITS_WAIT_SQL}", (STANDBY_WAIT_SECONDS,))
    [(do_wait,)] = await result.fetchall()
    return bool(do_wait)
