"""The replica that lists are read from while it answers, follows closely, and has what the caller wrote.

Everything else is read from the primary: so a replica that is gone, slow or far behind costs no list.
"""

import asyncio
import time
from collections import deque
from typing import Final

import psycopg
from aiohttp import hdrs, web
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.platform.db.connections import with_deadline
from shared.platform.db.database_engine import NoConnectionFree
from shared.platform.db.database_errors import is_timeout, is_unavailable
from shared.platform.observability import logging
from shared.platform.observability.metrics import REPLICA_LAG_SECONDS
from shared.platform.store_tls import find_postgres_remedy
from shared.service_app.authorization import API_KEY

log = logging.get_logger()

LOOK_SECONDS: Final = 1.0  # between two looks at both servers; a server that was away is tried at each
LOOKS_BEFORE_WARNING: Final = 5  # at a replica that could not be used yet: it may be starting, too
ANSWER_SECONDS: Final = 1.0  # for a connection or an answer of a server, before it counts as away

INSERTED_SQL = text("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
REPLAYED_SQL = text("SELECT (pg_last_wal_replay_lsn() - '0/0')::bigint WHERE pg_is_in_recovery()")

LOG_PAGE_BYTES: Final = 8192
LOG_PAGE_HEADS: Final = (24, 40)  # bytes; those of the first page of a segment are the longer ones

REPLICA_SERVED = web.RequestKey("replica_served", bool)  # some of the request's lists came from the replica
AVOIDS_REPLICA = web.RequestKey("avoids_replica", bool)  # the request is answered again, from the primary


def page_start(position: int) -> int:
    """Return a log position; one right behind the head of a page, where nothing is yet, is the start of the page.

    A primary that is idle there would seem to be ahead of a replica that has replayed everything.
    """
    head = position % LOG_PAGE_BYTES
    return position - head if head in LOG_PAGE_HEADS else position


class LagMeter:
    """How far behind a replica is, by positions of the primary's log, and when the primary was there by our clock."""

    def __init__(self, most_seconds: float) -> None:
        self._most_seconds = most_seconds
        self._known: deque[tuple[float, int]] = deque()  # the newest is the last

    def note_primary(self, at: float, position: int) -> None:
        """Note where the primary's log ended at a time. Positions that are too old to matter are forgotten."""
        self._known.append((at, position))
        while self._known[0][0] < at - self._most_seconds - 2 * LOOK_SECONDS:
            self._known.popleft()

    def seconds_behind(self, now: float, replayed: int) -> float:
        """Return since when the replica may lack something, in seconds; infinity if that is longer than is known."""
        reached = [at for at, position in self._known if position <= replayed]
        return now - max(reached) if reached else float("inf")


class PendingWrite:
    """A write of a caller that the replica may lack. The position is one of the primary's log behind it, once known."""

    def __init__(self) -> None:
        self.position: int | None = None


class ListReplica:
    """The replica of a process. `primary` and `replica` are engines in autocommit; `most_lag` is in seconds."""

    def __init__(self, primary: AsyncEngine, replica: AsyncEngine, most_lag: float) -> None:
        self._primary = primary
        self._replica = replica
        self._most_lag = most_lag
        self._meter = LagMeter(most_lag)
        self._writes: dict[int, PendingWrite] = {}  # by key id, the last one
        self._vain_looks: int | None = 0  # None once it was used, or its absence was said
        self.is_usable = False

    def note_write(self, key_id: int) -> None:
        """Note that a key has written. Its lists come from the primary until the replica has replayed that."""
        self._writes[key_id] = PendingWrite()

    async def connect(self, request: web.Request) -> AsyncConnection | None:
        """Return a connection to the replica, to be closed; None if this list is to be read from the primary."""
        no_cache = "no-cache" in request.headers.get(hdrs.CACHE_CONTROL, "").lower()
        if not self.is_usable or no_cache or request.get(AVOIDS_REPLICA):
            return None
        key = request.get(API_KEY)
        write = self._writes.get(key.id) if key else None
        try:
            if key and write and not await self._has_replayed(key.id, write):
                return None
            connection = await with_deadline(ANSWER_SECONDS, self._open())
        except Exception as error:
            if not is_unavailable(error):
                raise
            self._note_failure(error)
            return None
        request[REPLICA_SERVED] = True
        return connection

    def should_answer_again(self, request: web.Request, error: Exception) -> bool:
        """Return whether a read that failed on the replica is to be answered from the primary.

        A statement that took too long would do so there as well.
        """
        cause = getattr(error, "orig", None) or error
        if not request.get(REPLICA_SERVED) or is_timeout(error) or not isinstance(cause, psycopg.Error | OSError):
            return False
        if is_unavailable(error):
            self._note_failure(error)
        request[AVOIDS_REPLICA] = True
        return True

    async def watch(self) -> None:
        """Look at both servers now and then. Runs until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        """Decide whether the replica may be used. While the primary is away it may if it might before."""
        began = time.monotonic()
        unknown = [write for write in self._writes.values() if write.position is None]
        try:
            position = await self._ask_primary()
        except Exception as error:
            if not is_unavailable(error):
                raise
        else:
            self._meter.note_primary(began, position)
            for write in unknown:
                write.position = position
        try:
            replayed = await self._ask_replica()
        except Exception as error:
            if not is_unavailable(error):
                raise
            self._note_failure(error)
            return
        self._forget_replayed(replayed)
        behind = self._meter.seconds_behind(time.monotonic(), replayed)
        REPLICA_LAG_SECONDS.set(behind)
        self._set_usable(behind <= self._most_lag, f"{behind:.1f} s behind")

    async def _has_replayed(self, key_id: int, write: PendingWrite) -> bool:
        if write.position is None:
            write.position = await self._ask_primary()
        if await self._ask_replica() < write.position:
            return False
        if self._writes.get(key_id) is write:
            del self._writes[key_id]
        return True

    def _forget_replayed(self, replayed: int) -> None:
        self._writes = {
            key_id: write
            for key_id, write in self._writes.items()
            if write.position is None or write.position > replayed
        }

    async def _ask_primary(self) -> int:
        return page_start(await with_deadline(ANSWER_SECONDS, _number(self._primary, INSERTED_SQL)))

    async def _ask_replica(self) -> int:
        """Return the position up to which it has replayed; before all others if it is no replica any more."""
        return page_start(await with_deadline(ANSWER_SECONDS, _number(self._replica, REPLAYED_SQL)))

    async def _open(self) -> AsyncConnection:
        return await self._replica.connect()

    def _note_failure(self, error: Exception) -> None:
        """Read from the primary until the next look has found the replica well."""
        if not isinstance(error, NoConnectionFree):
            cause = type(getattr(error, "orig", None) or error).__name__
            self._set_usable(False, cause, find_postgres_remedy(error))

    def _set_usable(self, is_usable: bool, cause: str, why: str = "") -> None:
        fields = {"cause": cause, "why": why} if why else {"cause": cause}
        if is_usable != self.is_usable:
            self.is_usable, self._vain_looks = is_usable, None
            log.info("replica.used" if is_usable else "replica.left", **fields)
        elif self._vain_looks is not None:
            self._vain_looks += 1
            if self._vain_looks == LOOKS_BEFORE_WARNING:
                self._vain_looks = None
                log.warning("replica.not_used", **fields)


async def _number(engine: AsyncEngine, statement: TextClause) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(statement)).scalar() or 0)


LIST_REPLICA = web.AppKey("list_replica", ListReplica)
