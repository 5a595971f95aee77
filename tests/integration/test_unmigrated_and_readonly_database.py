"""Services go on over whatever the database says: tables that nobody has made yet, a time without writes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import redis.asyncio as redis

from cli.schema import upgrade_database
from services.gateway.durable_store import DurableStore
from services.gateway.journal_writer import JournalWriter
from services.gateway.recent_rows import RecentRows
from services.workers.runtime import Worker
from shared import workspaces
from shared.auth import installation_keys
from shared.intake.spool import Spool
from shared.platform.db.connections import Connection, connect, make_pool
from shared.service_app.middleware import API_KEYS
from tests.support.database import Databases
from tests.support.serving import NOWHERE, served, settings_of, taking_no_writes
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

REPORT = "INSERT INTO processes (name, kind, host, pid) VALUES ('w', 'worker', 'here', 1)"
USED = "SELECT last_used_at IS NOT NULL FROM api_keys WHERE id = %s"


@pytest.fixture
def empty_url(databases: Databases) -> Iterator[str]:
    """A database without any table."""
    with databases.clone("template1") as url:
        yield url


async def status(client: aiohttp.ClientSession, path: str, secret: str = "") -> int:
    async with client.get(path, headers={"Authorization": f"Bearer {secret}"}) as answer:
        return answer.status


@pytest.mark.extended
async def test_a_gateway_that_came_before_the_tables_goes_on_once_they_are_there(
    empty_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with served(settings_of(empty_url, tmp_path)) as (client, _):
        said = ""

        def stumbled() -> bool:
            nonlocal said
            said += "".join(capfd.readouterr())
            return "UndefinedTable" in said

        await until_async(stumbled, what="a loop that met no tables")
        upgrade_database(empty_url)
        async with connect(empty_url, "tests") as database:
            await workspaces.create_workspace(database, "main", "Main")
            made = await installation_keys.create_key(database, "main", "tests", ["*"])
            await database.execute(REPORT)

            async def is_healthy() -> bool:
                return await status(client, "/api/v1/health") == 200

            await until_async(is_healthy, what="health")
            assert await status(client, "/api/v1/me", made.key.secret) == 200
            await installation_keys.revoke_key(database, made.id)

            async def is_refused() -> bool:
                return await status(client, "/api/v1/me", made.key.secret) == 401

            await until_async(is_refused, what="the revocation")


@pytest.mark.extended
async def test_read_only_database_answers_503_until_it_is_writable(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    key = await installation_keys.create_key(database, "main", "tests", ["*"])
    async with served(settings_of(database_url, tmp_path)) as (client, app):

        async def create_tag(name: str) -> int:
            headers = {"Authorization": f"Bearer {key.key.secret}"}
            async with client.post("/api/v1/tags", json={"name": name}, headers=headers) as answer:
                return answer.status

        async with taking_no_writes(database):
            assert await create_tag("now") == 503
            await until_async(lambda: not app[API_KEYS]._last_used_at, what="a note of its use, in vain")

        async def is_noted() -> bool:
            await create_tag("later")
            row = await (await database.execute(USED, (key.id,))).fetchone()
            return bool(row and row[0])

        await until_async(is_noted, what="a note of its use")


async def test_a_journal_that_takes_no_rows_is_not_taken_for_one_that_works(
    database_url: str, database: Connection
) -> None:
    appenders = JournalWriter(database_url)
    async with make_pool(database_url, "tests", size=1) as pool:
        stores = DurableStore(pool, appenders, Spool(redis.from_url(NOWHERE)), 1.0, RecentRows(10.0))

        async def is_refused() -> bool:
            return not await stores._does_journal_answer()

        async with taking_no_writes(database):
            await until_async(is_refused, what="a probe that fails")
        await until_async(stores._does_journal_answer, what="one that does not")
    appenders.close()


@pytest.mark.extended
async def test_a_worker_that_came_before_the_tables_reports_with_its_first_message(
    empty_url: str, tmp_path: Path
) -> None:
    worker = Worker(settings_of(empty_url, tmp_path), lambda: None, lambda: None, lambda: False)

    def work() -> None:
        """In a thread, as a worker has an event loop of its own."""
        worker.start()
        upgrade_database(empty_url)
        worker.ingest_journal()

    await asyncio.to_thread(work)
    async with connect(empty_url, "tests") as database:
        assert await (await database.execute("SELECT kind FROM processes")).fetchall() == [("worker",)]
    await asyncio.to_thread(worker.stop)
