"""The API's engine."""

import pytest
from sqlalchemy import text

from shared.platform.db.connections import Connection
from shared.platform.db.database_engine import make_engine
from shared.platform.db.database_errors import is_unavailable


async def test_no_free_connection_is_told_as_a_database_that_is_away(database_url: str) -> None:
    engine = make_engine(database_url, "tests", size=1)
    async with engine.connect():
        with pytest.raises(TimeoutError) as told:
            await engine.connect()
    assert is_unavailable(told.value)
    await engine.dispose()


async def test_connections_that_lost_their_server_a_moment_ago_are_replaced(
    database_url: str, database: Connection
) -> None:
    """None was idle for long enough to be pinged."""
    engine = make_engine(database_url, "tests", size=3)
    connections = [await engine.connect() for _ in range(3)]
    for connection in connections:
        await connection.close()
    ended = "SELECT count(*) FROM (SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {}) ended"
    ours = "application_name LIKE '%tests%' AND pid <> pg_backend_pid() AND datname = current_database()"
    row = await (await database.execute(ended.format(ours).encode(), prepare=False)).fetchone()
    assert row is not None
    assert row[0] >= 3
    for _ in range(3):
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar() == 1
    await engine.dispose()
