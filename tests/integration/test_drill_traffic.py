"""The drill reads shapes of traffic and nothing else."""

import psycopg
import pytest

from cli.drill.traffic_shape import (
    GENTLE_SESSION_SQL,
    MIN_RATE,
    USUAL_CHANNELS,
    read_shape,
    shape_of,
)
from shared.platform.db.connections import Connection, connect
from tests.support.ingesting import accept, drain, item, workspace_id

pytestmark = pytest.mark.integration
# Two minutes of the last hour, and one before it.
MINUTES_SQL = """
INSERT INTO minute_statistics (workspace_id, step, at, accepted)
VALUES (%(w)s, 60, date_trunc('minute', now()) - interval '2 min', 1200),
       (%(w)s, 60, date_trunc('minute', now()) - interval '3 min', 60),
       (%(w)s, 60, date_trunc('minute', now()) - interval '90 min', 60000)
"""
CHANNELS_SQL = """
UPDATE submissions SET channel = CASE WHEN n <= 5 THEN 'form:1' WHEN n <= 7 THEN 'integration:1' ELSE channel END
FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM submissions) numbered WHERE submissions.id = numbered.id
"""


async def test_without_traffic_it_is_usual(database: Connection, database_url: str) -> None:
    shape = await read_shape(database_url)
    assert (shape.coded_origin.code, shape.channels) == ("no_traffic", USUAL_CHANNELS)


async def test_shape_of_the_last_hour(database: Connection, database_url: str) -> None:
    main = await workspace_id(database)
    people = [{"email": f"ada{number % 15}@example.com", "notes": "x" * 100} for number in range(20)]
    await accept(database, [item(main, person) for person in people])
    await drain(database_url)
    await database.execute(MINUTES_SQL, {"w": main})
    await database.execute(CHANNELS_SQL)
    shape = await read_shape(database_url)
    assert shape.rate == 20
    assert {each.kind: round(each.share, 3) for each in shape.channels} == {"api": 0.65, "form": 0.25, "webhook": 0.1}
    assert round(shape.repeat_share, 3) == 0.25
    assert all(130 < size < 200 for each in shape.channels for size in each.sizes)
    assert "1,260 submissions, 20.0 a second" in shape.origin
    assert "ada" not in repr(shape)


async def test_a_quiet_hour_still_gives_a_load(database: Connection, database_url: str) -> None:
    main = await workspace_id(database)
    await accept(database, [item(main, {"email": "ada@example.com"})])
    await drain(database_url)
    await database.execute(MINUTES_SQL.replace("1200", "1"), {"w": main})
    assert (await read_shape(database_url)).rate == MIN_RATE


async def test_its_session_writes_nothing(database: Connection, database_url: str) -> None:
    async with connect(database_url, "tests") as connection:
        await connection.execute(GENTLE_SESSION_SQL)
        await shape_of(connection)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await connection.execute("DELETE FROM leads")


async def test_a_database_that_is_away_gives_usual_traffic() -> None:
    shape = await read_shape("postgresql://nobody@127.0.0.1:9/none")
    assert (shape.channels, "OperationalError" in shape.origin) == (USUAL_CHANNELS, True)
