"""The API's transactions: run again where others are in the way, and never for anything else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.context import MAX_TRANSACTION_TRIES, WRITE_LIMITER, writing
from shared.platform.db.connections import Connection
from shared.platform.db.database_errors import ContentionError
from tests.support.serving import served, settings_of

pytestmark = pytest.mark.integration

NOTE = text("INSERT INTO tags (workspace_id, name) SELECT id, :name FROM workspaces")


@pytest_asyncio.fixture
async def request_(database_url: str, tmp_path: Path) -> AsyncIterator[web.Request]:
    async with served(settings_of(database_url, tmp_path)) as (_, app):
        yield make_mocked_request("POST", "/", app=app)


class Work:
    """Notes each of its rounds, and fails in the first ones."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.rounds = 0
        self._failures = failures
        self._error = error

    async def __call__(self, connection: AsyncConnection) -> str:
        self.rounds += 1
        await connection.execute(NOTE, {"name": f"round {self.rounds}"})
        if self.rounds <= self._failures:
            raise self._error
        return "done"


async def noted(database: Connection) -> list[str]:
    return [row[0] for row in await (await database.execute("SELECT name FROM tags ORDER BY id")).fetchall()]


async def test_contended_transaction_is_retried_and_applied_once(request_: web.Request, database: Connection) -> None:
    work = Work(MAX_TRANSACTION_TRIES - 1, ContentionError())
    assert await writing(request_, work) == "done"
    assert await noted(database) == [f"round {MAX_TRANSACTION_TRIES}"]


async def test_contention_without_end_is_reported(request_: web.Request, database: Connection) -> None:
    work = Work(MAX_TRANSACTION_TRIES, ContentionError())
    with pytest.raises(ContentionError):
        await writing(request_, work)
    assert (work.rounds, await noted(database)) == (MAX_TRANSACTION_TRIES, [])


async def test_other_failures_are_not_retried(request_: web.Request, database: Connection) -> None:
    work = Work(1, LookupError())
    with pytest.raises(LookupError):
        await writing(request_, work)
    assert (work.rounds, await noted(database)) == (1, [])
    assert not request_.app[WRITE_LIMITER]._held  # its turn is another's
