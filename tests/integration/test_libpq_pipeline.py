"""A worker's own way to talk to PostgreSQL: what is promised of a transaction holds in it as in psycopg's."""

from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from services.workers.libpq_pipeline import open_blocking_connection, pipeline_transaction, query_once
from shared.platform.db.connections import Connection
from shared.platform.db.database_errors import is_contention, is_unavailable
from tests.support.database import skip_without

pytestmark = pytest.mark.integration

MANY = 300_000  # rows: more than sockets hold


@pytest_asyncio.fixture
async def worker(database_url: str) -> AsyncIterator[Connection]:
    connection = await open_blocking_connection(database_url, "tests")
    await connection.execute("CREATE TABLE things (id int PRIMARY KEY, name text)")
    yield connection
    await connection.close()


async def names(connection: Connection) -> list[str]:
    return [row[0] for row in await (await connection.execute("SELECT name FROM things ORDER BY id")).fetchall()]


async def test_answers_come_in_any_order_of_asking_and_the_transaction_commits(
    worker: Connection, database: Connection
) -> None:
    async with pipeline_transaction(worker) as statements:
        first = await statements.execute("INSERT INTO things VALUES (%s, %s) RETURNING id", (1, "Zoë"))
        second = await statements.execute(
            "SELECT %s::bytea, '100 %%', id FROM things WHERE id = ANY(%s)", (b"\0", [1, 7])
        )
        assert await second.fetchall() == [(b"\0", "100 %", 1)]
        assert await first.fetchall() == [(1,)]
        await statements.execute("INSERT INTO things VALUES (%s, %s)", (2, None))
    assert await names(database) == ["Zoë", None]


async def repeat_a_key(connection: Connection, *, asks: bool) -> None:
    async with pipeline_transaction(connection) as statements:
        await statements.execute("INSERT INTO things VALUES (1, 'one')")
        failing = await statements.execute("INSERT INTO things VALUES (1, 'again')")
        await statements.execute("INSERT INTO things VALUES (2, 'never seen before')")  # prepared in vain
        if asks:
            await failing.fetchall()


@pytest.mark.parametrize("asks", [True, False])
async def test_a_statement_that_fails_undoes_all_and_the_connection_goes_on(worker: Connection, *, asks: bool) -> None:
    for _ in range(2):
        with pytest.raises(psycopg.errors.UniqueViolation) as caught:
            await repeat_a_key(worker, asks=asks)
        assert caught.value.diag.table_name == "things"
        await worker.rollback()
    async with pipeline_transaction(worker) as statements:
        await statements.execute("INSERT INTO things VALUES (2, 'never seen before')")
    assert await names(worker) == ["never seen before"]


async def change_its_mind(connection: Connection) -> None:
    async with pipeline_transaction(connection) as statements:
        await statements.execute("INSERT INTO things VALUES (1, 'one')")
        raise LookupError


async def test_exception_rolls_the_transaction_back(worker: Connection) -> None:
    with pytest.raises(LookupError):
        await change_its_mind(worker)
    await worker.rollback()
    assert await names(worker) == []


async def refer_to_nothing(connection: Connection) -> None:
    async with pipeline_transaction(connection) as statements:
        await statements.execute("INSERT INTO parts VALUES (1)")


async def test_error_at_commit_is_raised(worker: Connection) -> None:
    """Every statement was answered well by then."""
    await worker.execute("CREATE TABLE parts (id int REFERENCES things DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await refer_to_nothing(worker)
    assert await query_once(worker, "SELECT id FROM parts") == []


async def test_more_than_the_sockets_hold_goes_both_ways_at_once(worker: Connection) -> None:
    document = "[" + ",".join(map(str, range(MANY))) + "]"
    async with pipeline_transaction(worker) as statements:
        asked = [await statements.execute("SELECT json_array_elements_text(%s::json)", (document,)) for _ in range(4)]
        for answer in asked:
            assert len(await answer.fetchall()) == MANY


COMMITTED = "INSERT INTO things SELECT 7, 'follower' WHERE current_setting('tests.mark', true) = %s"


async def add_with_follower(connection: Connection, mark: str, name: str | None = None) -> None:
    async with pipeline_transaction(connection, followers=[(COMMITTED, (mark,))]) as statements:
        await statements.execute("SELECT set_config('tests.mark', %s, false)", (mark,))
        await statements.execute("INSERT INTO things VALUES (1, %s)", (name,))


async def test_follower_learns_whether_its_transaction_was_committed(worker: Connection) -> None:
    await add_with_follower(worker, "first", "one")
    assert await names(worker) == ["one", "follower"]
    await worker.execute("DELETE FROM things WHERE id = 7")
    with pytest.raises(psycopg.errors.UniqueViolation):
        await add_with_follower(worker, "second", "again")
    await worker.rollback()
    assert await names(worker) == ["one"]
    await worker.execute("DELETE FROM things")
    await add_with_follower(worker, "third", "three")
    assert await names(worker) == ["three", "follower"]


@pytest.mark.parametrize("savepoints", [False, True])
async def test_follower_that_fails_undoes_nothing_and_the_connection_goes_on(
    worker: Connection, *, savepoints: bool
) -> None:
    for id_ in (1, 2):
        failing = ("INSERT INTO things VALUES (%s, 'in vain')", (id_,))
        async with pipeline_transaction(worker, savepoints=savepoints, followers=[failing]) as statements:
            await statements.execute("INSERT INTO things VALUES (%s, %s)", (id_, f"thing {id_}"))
    assert await names(worker) == ["thing 1", "thing 2"]


async def test_transaction_whose_session_ends_in_the_follower_is_committed(
    worker: Connection, database: Connection
) -> None:
    ending = ("SELECT pg_terminate_backend(%s)", (worker.info.backend_pid,))
    async with pipeline_transaction(worker, followers=[ending]) as statements:
        await statements.execute("INSERT INTO things VALUES (1, 'kept')")
    assert worker.closed
    assert await names(database) == ["kept"]


async def be_ended_by(other: Connection, connection: Connection) -> None:
    async with pipeline_transaction(connection) as statements:
        await (await statements.execute("SELECT 1")).fetchall()
        await other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        await (await statements.execute("SELECT 2")).fetchall()


async def test_a_server_that_ends_the_session_is_unavailable_and_the_connection_closed(
    worker: Connection, database: Connection
) -> None:
    with pytest.raises(psycopg.OperationalError):
        await be_ended_by(database, worker)
    assert worker.closed


async def repeat_in_savepoint(connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute("INSERT INTO things VALUES (1, 'again')")
        await connection.execute("SELECT 1")


async def test_savepoints_may_be_set_where_that_was_said(worker: Connection, database: Connection) -> None:
    async with pipeline_transaction(worker, savepoints=True) as statements:
        await statements.execute("INSERT INTO things VALUES (1, 'one')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            await repeat_in_savepoint(worker)
    assert await names(database) == ["one"]


async def prepare_and_roll_back(connection: Connection) -> None:
    """What psycopg prepared it lets go when it rolls back, and with it all that this connection has."""
    for _ in range(10):
        await connection.execute("SELECT 1")
    with pytest.raises(LookupError):
        async with connection.transaction():
            raise LookupError


async def add_two(connection: Connection) -> None:
    async with pipeline_transaction(connection) as statements:
        await statements.execute("INSERT INTO things VALUES (%s, %s)", (2, "two"))


async def test_statements_that_psycopg_let_go_are_prepared_anew(worker: Connection, database: Connection) -> None:
    await add_two(worker)
    assert await query_once(worker, "SELECT id FROM things") == [(2,)]
    await worker.execute("DELETE FROM things")
    await prepare_and_roll_back(worker)
    assert await query_once(worker, "SELECT id FROM things") == []
    await add_two(worker)
    await worker.execute("DELETE FROM things")
    await prepare_and_roll_back(worker)
    with pytest.raises(psycopg.errors.InvalidSqlStatementName) as caught:
        await add_two(worker)
    assert is_contention(caught.value)  # so that the transaction runs again
    await add_two(worker)
    assert await names(database) == ["two"]


async def pass_a_mapping(connection: Connection) -> None:
    async with pipeline_transaction(connection) as statements:
        await statements.execute("SELECT %s", ({"a": 1},))


async def test_mapping_as_parameters_is_refused(worker: Connection) -> None:
    with pytest.raises(TypeError):
        await pass_a_mapping(worker)
    await worker.rollback()
    assert await names(worker) == []


async def test_a_process_that_stops_in_the_midst_of_a_pipeline_keeps_no_lock(
    worker: Connection, database: Connection
) -> None:
    skip_without("transaction_timeout", database)
    assert (await query_once(worker, "SHOW transaction_timeout")) == [("30s",)]
    await worker.execute("SET transaction_timeout = '300ms'")

    async def stop_midway() -> None:
        async with pipeline_transaction(worker) as statements:
            await (await statements.execute("INSERT INTO things VALUES (1, 'held') RETURNING 1")).fetchall()
            # Waits for the other's end, as the rest of the world does while this process does not go on.
            await database.execute("INSERT INTO things VALUES (1, 'taken')")
            await statements.execute("SELECT 1")

    with pytest.raises(psycopg.Error) as failure:
        await stop_midway()
    assert is_unavailable(failure.value)
    assert await names(database) == ["taken"]
