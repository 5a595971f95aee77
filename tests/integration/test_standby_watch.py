"""The watch for a standby that is away leaves changes alone that are slow for another reason."""

import pytest
from sqlalchemy import text

from shared.platform.db.database_engine import begin_bounded, make_engine
from shared.platform.db.standby_watch import LOOK_SECONDS, SLOW_CHANGE_SECONDS, StandbyWatch

pytestmark = pytest.mark.integration

WATCHES_SQL = """
SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tests watch' AND datname = current_database()
"""


async def test_a_slow_change_is_made_while_no_standby_is_waited_for(database_url: str) -> None:
    engine, watch = make_engine(database_url, "tests", size=1), StandbyWatch(database_url, "tests")
    try:
        async with watch.change() as change, begin_bounded(engine, change) as connection:
            await connection.execute(text("SELECT pg_sleep(:s)"), {"s": SLOW_CHANGE_SECONDS + LOOK_SECONDS})
            row = await connection.execute(text(WATCHES_SQL))
            assert row.scalar_one() == 1, "it looks on a connection of its own"
        assert not watch.is_away
    finally:
        await watch.close()
        await engine.dispose()
