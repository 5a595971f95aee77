"""What the sweeper does once an hour: weeks to come, weeks that are past, and queues that were long."""

from datetime import UTC, datetime, timedelta

import pytest

from services.workers import upkeep
from services.workers.upkeep import keep_in_order
from shared import partitions
from shared.db import Connection
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

KEEP_DAYS = 90
WEEKS = "SELECT count(*) FROM pg_class WHERE relname = ANY(%s)"
FILL = """
INSERT INTO journal (lane, n, ids, payload) SELECT 1, 1, ARRAY[gen_random_uuid()], decode(repeat('ab', 1000000), 'hex')
FROM generate_series(1, %s)
"""
SIZE = "SELECT pg_table_size('journal')"


async def count(connection: Connection, statement: str, *values: object) -> int:
    row = await (await connection.execute(statement, values)).fetchone()
    assert row is not None
    return int(row[0])


async def test_weeks_are_made_ahead_and_dropped_when_they_are_past(database: Connection) -> None:
    now = datetime.now(UTC)
    ahead = [partitions.name_of(partitions.week_of(now + timedelta(weeks=weeks))) for weeks in range(-1, 5)]
    old = partitions.week_of(now - timedelta(days=KEEP_DAYS, weeks=2))
    await database.execute(partitions.creation(old))
    await keep_in_order(database, now, KEEP_DAYS)
    assert await count(database, WEEKS, ahead) == len(ahead)
    assert await count(database, WEEKS, [partitions.name_of(old)]) == 0


async def test_a_key_is_forgotten_with_its_submission(database: Connection) -> None:
    now, workspace = datetime.now(UTC), await workspace_id(database)
    times = [now, now - timedelta(days=KEEP_DAYS, weeks=2)]
    await database.execute(
        "INSERT INTO submission_keys (workspace_id, id, received_at, body_hash) "
        "SELECT %s, gen_random_uuid(), at, '' FROM unnest(%s::timestamptz[]) at",
        (workspace, times),
    )
    await keep_in_order(database, now, KEEP_DAYS)
    assert await count(database, "SELECT count(*) FROM submission_keys") == 1


async def test_what_lies_in_no_week_is_dropped_by_its_time(database: Connection) -> None:
    """Old entries of the spool, or all that came while a clock was wrong."""
    now, workspace = datetime.now(UTC), await workspace_id(database)
    times = [now - timedelta(days=KEEP_DAYS, weeks=weeks) for weeks in (-2, 2)]
    await database.execute(
        "INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, attempts) "
        "SELECT %s, gen_random_uuid(), at, 'done', 'api', '', 1 FROM unnest(%s::timestamptz[]) at",
        (workspace, times),
    )
    assert await count(database, "SELECT count(*) FROM submissions_default") == 2
    await keep_in_order(database, now, KEEP_DAYS)
    assert await count(database, "SELECT count(*) FROM submissions_default") == 1


async def test_a_queue_that_was_long_gives_its_pages_back_once_it_is_empty(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LONG", 3_000_000)
    await database.execute(FILL, (4,))
    await keep_in_order(database, datetime.now(UTC), KEEP_DAYS)
    assert await count(database, "SELECT count(*) FROM journal") == 4
    await database.execute("DELETE FROM journal")
    await database.execute("VACUUM journal")
    assert await count(database, SIZE) > 3_000_000  # kept for the leads to come
    await keep_in_order(database, datetime.now(UTC), KEEP_DAYS)
    assert await count(database, SIZE) < 100_000
