"""After a restart of PostgreSQL a connection that lay unused is found dead before it is used."""

import asyncio
from pathlib import Path

import pytest

from services.workers.runtime import Worker
from shared.platform.db.connections import Connection, make_pool
from tests.support.ingesting import accept, item, workspace_id
from tests.support.leads import rows
from tests.support.processes import is_alive
from tests.support.serving import settings_of
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

END_SESSIONS_SQL = """
SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = %s AND datname = current_database()
"""


async def end_sessions(database: Connection, application: str) -> int:
    """End the application's sessions at the server. Return how many there were."""
    pids = [pid for pid, _ in await rows(database, END_SESSIONS_SQL, application)]
    await until_async(lambda: not any(map(is_alive, pids)), what="the end of the sessions")
    return len(pids)


async def test_a_pool_hands_out_no_dead_connection(database: Connection, database_url: str) -> None:
    async with make_pool(database_url, "tests pool", size=3) as pool:
        async with pool.connection(), pool.connection(), pool.connection():
            pass
        assert await end_sessions(database, "tests pool") == 3
        async with pool.connection() as connection:
            assert await rows(connection, "SELECT 1") == [(1,)]


async def test_a_pool_keeps_connections_that_were_told_something(database: Connection, database_url: str) -> None:
    async with make_pool(database_url, "tests pool", size=1) as pool:
        async with pool.connection() as connection:
            await connection.execute("LISTEN news")
            [(pid,)] = await rows(connection, "SELECT pg_backend_pid()")
        for _ in range(100):
            await database.execute("NOTIFY news, 'x'")
        async with pool.connection() as connection:
            assert await rows(connection, "SELECT pg_backend_pid()") == [(pid,)]


async def test_the_first_message_after_a_restart_is_worked_on(
    database: Connection, database_url: str, tmp_path: Path
) -> None:
    process = Worker(settings_of(database_url, tmp_path), lambda: None, lambda: None, lambda: False)
    await asyncio.to_thread(process.start)
    assert await end_sessions(database, "leadhub worker") == 1
    await accept(database, [item(await workspace_id(database), {"email": "ada@example.com"})])
    await asyncio.to_thread(process.ingest_journal)
    await asyncio.to_thread(process.stop)
    assert await rows(database, "SELECT email FROM leads") == [("ada@example.com",)]
