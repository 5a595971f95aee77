"""What tests of what leaves the house share: a place to put messages into, and somebody who gets them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from cli import schema
from shared.platform.db.connections import Connection
from tests.support.fetching import Fetching
from tests.support.ingesting import workspace_id
from tests.support.lead_apis import LeadApis, serving_lead_apis
from tests.support.next_version import MigrationsOfTest
from tests.support.receivers import Receiver, receiving
from tests.support.sending import Outbox


@pytest_asyncio.fixture
async def outbox(database_url: str, database: Connection) -> Outbox:
    return Outbox(database_url, database, await workspace_id(database))


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest_asyncio.fixture
async def apis() -> AsyncIterator[LeadApis]:
    async with serving_lead_apis() as found:
        yield found


@pytest_asyncio.fixture
async def fetching(database_url: str, database: Connection, apis: LeadApis) -> Fetching:
    return Fetching(database_url, database, apis)


@pytest.fixture
def migrations_of_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MigrationsOfTest:
    """The checkout's migrations, and behind them those that the test writes."""
    found = MigrationsOfTest(tmp_path / "migrations")
    monkeypatch.setattr(schema, "MIGRATIONS_FOLDER", found.folder)
    return found
