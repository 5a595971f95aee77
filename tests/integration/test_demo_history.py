"""The demo's history by the minute, made from the times of its first leads, adds up with the ledger."""

from random import Random

import pytest
import pytest_asyncio

from demo.past_statistics import rewrite_history
from demo.spread_times import spread_times
from services.workers.ledger.history_sampler import sample_history
from shared.platform.db.connections import Connection
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.leads import rows

pytestmark = pytest.mark.integration

HISTORY_SQL = "SELECT sum(accepted)::int, sum(done)::int FROM minute_statistics"
# The history keeps the half hours that began within two days.
RECENT_SQL = """
SELECT count(*) FILTER (WHERE date_bin('30 minutes', received_at, 'epoch') >= now() - interval '48 hours')::int,
       count(*) FILTER (WHERE date_bin('30 minutes', processed_at, 'epoch') >= now() - interval '48 hours')::int
FROM submissions
"""
SOURCES_SQL = "SELECT sum(received)::int FROM source_statistics"
LATE_SQL = "SELECT count(*)::int FROM submissions WHERE processed_at - received_at > interval '1 minute'"


@pytest_asyncio.fixture
async def workspace(database: Connection) -> int:
    return await workspace_id(database)


async def test_history_of_the_past_adds_up_and_stays(database_url: str, database: Connection, workspace: int) -> None:
    count = 400
    await accept(database, [item(workspace, {"email": f"{n}@example.com"}, f"key {n}") for n in range(count)])
    await drain(database_url)
    await sample_history(database)
    async with database.transaction():
        await spread_times(database, workspace, Random("test"))
        await rewrite_history(database, workspace)
        [most] = await rows(database, RECENT_SQL)  # as of the beginning of the transaction
    await sample_history(database)  # finds nothing new: the ledger's counts are in the history

    [(accepted, done)] = await rows(database, HISTORY_SQL)
    [least] = await rows(database, RECENT_SQL)  # half an hour may have become too old in between
    assert 0 < least[0] <= accepted <= most[0] < count
    assert 0 < least[1] <= done <= most[1] < count
    assert await rows(database, SOURCES_SQL) == [(count,)]
    [(late,)] = await rows(database, LATE_SQL)
    assert late > 0  # those of the outage
