"""The API's engine."""

import pytest

from shared.platform.db.database_engine import make_engine
from shared.platform.db.database_errors import is_unavailable


async def test_no_free_connection_is_told_as_a_database_that_is_away(database_url: str) -> None:
    engine = make_engine(database_url, "tests", size=1)
    async with engine.connect():
        with pytest.raises(TimeoutError) as told:
            await engine.connect()
    assert is_unavailable(told.value)
    await engine.dispose()
