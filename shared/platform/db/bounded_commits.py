"""Commits that wait no longer than their caller does for a synchronous standby that is away.

PostgreSQL's time limits of statements do not bound a commit. psycopg has the server end the wait when the caller gives
up; the transaction is committed then, on this server alone.
Source: https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.platform.db.connections import Connection
from shared.platform.db.standby_watch import WatchedChange


@asynccontextmanager
async def bounded_transaction(connection: Connection, change: WatchedChange) -> AsyncIterator[None]:
    """A transaction of the change, on a connection in autocommit."""
    await connection.execute("BEGIN")
    try:
        yield
        change.begin_commit()
    except BaseException:
        await connection.rollback()
        raise
    await connection.commit()
