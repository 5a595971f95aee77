"""Commits that wait no longer than their caller does for a synchronous standby that is away.

PostgreSQL's time limits of statements do not bound a commit. psycopg has the server end the wait when the caller gives
up; the transaction is committed then, on this server alone.
Source: https://www.postgresql.org/docs/current/warm-standby.html#SYNCHRONOUS-REPLICATION
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.platform.db.connections import Connection
from shared.platform.errors import ServiceUnavailable

COMMIT_SECONDS = 8.0  # seconds that a commit may wait; with what precedes it about ten


class CommitUnconfirmed(ServiceUnavailable):
    """The commit was not confirmed in time. What it changed is there, or may be, and the standby may lack it."""

    default = (
        "The change was made, or may have been, but the standby of the database did not confirm it in time: it could "
        "still be lost with the server that holds it. Look whether it is there before you send the request again."
    )

    def __init__(self) -> None:
        super().__init__(retry_after=10)


@asynccontextmanager
async def bounded_transaction(connection: Connection) -> AsyncIterator[None]:
    """A transaction on a connection in autocommit. Raises CommitUnconfirmed if its commit takes too long."""
    await connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        await connection.rollback()
        raise
    async with _commit_deadline():
        await connection.commit()


@asynccontextmanager
async def begin_bounded(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction, as `engine.begin()` has it. Raises CommitUnconfirmed if its commit takes too long.

    The connection does not go back to the pool then.
    """
    async with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        async with _commit_deadline():
            await transaction.commit()


@asynccontextmanager
async def _commit_deadline() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(COMMIT_SECONDS):
            yield
    except TimeoutError:
        raise CommitUnconfirmed from None
