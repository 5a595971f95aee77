"""What the sweeper does once an hour: weeks to come, weeks that are past, and queues that were long."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.workers import maintenance, partitions
from services.workers.maintenance import run_hourly_maintenance
from shared.platform.db.connections import Connection, connect
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

KEEP_DAYS = 90
WEEKS = "SELECT count(*) FROM pg_class WHERE relname = ANY(%s)"
FILL = """
INSERT INTO journal (lane, n, ids, payload) SELECT 1, 1, ARRAY[gen_random_uuid()], decode(repeat('ab', 1000000), 'hex')
FROM generate_series(1, %s)
"""
DELIVERIES = """
WITH made AS (
    INSERT INTO deliveries (workspace_id, message_id, kind, endpoint, payload, state, finished_at)
    SELECT %s, 'msg_' || n, 'webhook', 'host:x', '{}', CASE WHEN at IS NULL THEN 'pending' ELSE 'sent' END, at
    FROM unnest(%s::timestamptz[]) WITH ORDINALITY t(at, n)
    RETURNING workspace_id, id
)
INSERT INTO delivery_attempts (workspace_id, delivery_id, number, started_at)
SELECT workspace_id, id, 1, now() FROM made
"""
SIZE = "SELECT pg_table_size('journal')"


async def count(connection: Connection, statement: str, *values: object) -> int:
    row = await (await connection.execute(statement, values)).fetchone()
    assert row is not None
    return int(row[0])


async def test_weeks_are_made_ahead_and_dropped_when_they_are_past(database: Connection) -> None:
    now = datetime.now(UTC)
    ahead = [
        partitions.partition_name(partitions.start_of_week(now + timedelta(weeks=weeks))) for weeks in range(-1, 5)
    ]
    old = partitions.start_of_week(now - timedelta(days=KEEP_DAYS, weeks=2))
    await database.execute(partitions.create_partition_sql(old))
    await run_hourly_maintenance(database, now, KEEP_DAYS)
    assert await count(database, WEEKS, ahead) == len(ahead)
    assert await count(database, WEEKS, [partitions.partition_name(old)]) == 0


async def test_a_key_is_forgotten_with_its_submission(database: Connection) -> None:
    now, workspace = datetime.now(UTC), await workspace_id(database)
    times = [now, now - timedelta(days=KEEP_DAYS, weeks=2)]
    await database.execute(
        "INSERT INTO submission_keys (workspace_id, id, received_at, body_hash) "
        "SELECT %s, gen_random_uuid(), at, '' FROM unnest(%s::timestamptz[]) at",
        (workspace, times),
    )
    await run_hourly_maintenance(database, now, KEEP_DAYS)
    assert await count(database, "SELECT count(*) FROM submission_keys") == 1


async def test_submissions_outside_all_partitions_expire_by_time(database: Connection) -> None:
    """Old entries of the spool, or all that came while a clock was wrong."""
    now, workspace = datetime.now(UTC), await workspace_id(database)
    times = [now - timedelta(days=KEEP_DAYS, weeks=weeks) for weeks in (-2, 2)]
    await database.execute(
        "INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, attempts) "
        "SELECT %s, gen_random_uuid(), at, 'done', 'api', '', 1 FROM unnest(%s::timestamptz[]) at",
        (workspace, times),
    )
    assert await count(database, "SELECT count(*) FROM submissions_default") == 2
    await run_hourly_maintenance(database, now, KEEP_DAYS)
    assert await count(database, "SELECT count(*) FROM submissions_default") == 1


async def test_a_week_that_was_not_made_in_time_stays_where_it_lies(database: Connection) -> None:
    """As where the sweeper was away for weeks: the other weeks are made, and what is past its keeping goes."""
    now, workspace = datetime.now(UTC), await workspace_id(database)
    ahead = [
        partitions.partition_name(partitions.start_of_week(now + timedelta(weeks=weeks))) for weeks in range(-1, 5)
    ]
    for name in ahead:
        await database.execute(f"DROP TABLE IF EXISTS {name}")
    await database.execute(
        "INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, attempts) "
        "VALUES (%s, gen_random_uuid(), %s, 'done', 'api', '', 1)",
        (workspace, now),
    )
    await run_hourly_maintenance(database, now, KEEP_DAYS)
    assert await count(database, WEEKS, ahead) == len(ahead) - 1
    assert await count(database, "SELECT count(*) FROM submissions_default") == 1


async def test_a_process_that_is_gone_for_a_day_is_forgotten(database: Connection) -> None:
    seen = (
        "INSERT INTO processes (name, kind, host, pid, seen_at) "
        "VALUES (%s, 'worker', 'h', 1, now() - %s * interval '1 h')"
    )
    for name, hours in (("away", 23), ("gone", 25)):
        await database.execute(seen, (name, hours))
    await run_hourly_maintenance(database, datetime.now(UTC), KEEP_DAYS)
    assert await (await database.execute("SELECT name FROM processes")).fetchall() == [("away",)]


async def test_partition_drop_does_not_wait_for_long_readers(database_url: str, database: Connection) -> None:
    """A backup does, and every ingest would wait behind whoever waits for it."""
    now = datetime.now(UTC)
    old = [partitions.start_of_week(now - timedelta(days=KEEP_DAYS, weeks=weeks)) for weeks in (2, 3)]
    for week in old:
        await database.execute(partitions.create_partition_sql(week))
    async with connect(database_url, "tests reader") as reader, reader.transaction():
        await reader.execute("SELECT FROM submissions")
        async with asyncio.timeout(60):
            await run_hourly_maintenance(database, now, KEEP_DAYS)
    names = [partitions.partition_name(week) for week in old]
    assert await count(database, WEEKS, names) == 2
    await run_hourly_maintenance(database, now, KEEP_DAYS)
    assert await count(database, WEEKS, names) == 0


async def test_a_delivery_is_forgotten_with_its_attempts(database: Connection) -> None:
    now, workspace = datetime.now(UTC), await workspace_id(database)
    times = [now, now - timedelta(days=KEEP_DAYS, weeks=2), None]
    await database.execute(DELIVERIES, (workspace, times))
    await run_hourly_maintenance(database, now, KEEP_DAYS)
    left = await (await database.execute("SELECT finished_at FROM deliveries ORDER BY 1")).fetchall()
    assert left == [(now,), (None,)]
    assert await count(database, "SELECT count(*) FROM delivery_attempts") == 2


async def test_a_queue_that_was_long_gives_its_pages_back_once_it_is_empty(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "LONG_QUEUE_BYTES", 3_000_000)
    await database.execute(FILL, (4,))
    await run_hourly_maintenance(database, datetime.now(UTC), KEEP_DAYS)
    assert await count(database, "SELECT count(*) FROM journal") == 4
    await database.execute("DELETE FROM journal")
    await database.execute("VACUUM journal")
    assert await count(database, SIZE) > 3_000_000  # kept for the leads to come
    await run_hourly_maintenance(database, datetime.now(UTC), KEEP_DAYS)
    assert await count(database, SIZE) < 100_000
