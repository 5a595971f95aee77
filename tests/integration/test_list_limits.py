"""Dear lists: a bounded number at once, and an end to each."""

import pytest

from services.api.resources import lead_list
from shared.lead_list.expensive_queries import expensive_slot
from shared.lead_list.filters import LeadFilters
from shared.platform.db.connections import Connection, snapshot
from shared.platform.errors import ServiceUnavailable
from shared.platform.fair_limiter import FairLimiter

pytestmark = pytest.mark.integration


async def test_expensive_list_without_a_slot_gets_503_with_retry_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.platform.fair_limiter.SLOT_TIMEOUT_SECONDS", 0.05)
    turns = FairLimiter(2, 1, "Too many large lists.", retry_after=5)
    async with expensive_slot(turns, 1, expensive=True):
        with pytest.raises(ServiceUnavailable, match="Too many large lists") as refused:
            async with expensive_slot(turns, 1, expensive=True):
                raise AssertionError("there was no turn left")
        async with expensive_slot(turns, 1, expensive=False), expensive_slot(turns, 2, expensive=True):
            pass  # a cheap list waits for nobody, another workspace not for this one
    assert refused.value.headers["Retry-After"] == "5"
    async with expensive_slot(turns, 1, expensive=True):
        pass


async def test_slow_list_ends_with_advice_to_narrow_it(database: Connection) -> None:
    turns = FairLimiter(1, 1, "Too many.")
    await database.execute("SET statement_timeout = '30ms'")
    with pytest.raises(ServiceUnavailable, match="Narrow it by source"):
        async with expensive_slot(turns, 1, expensive=True):
            await database.execute("SELECT pg_sleep(20)")
    async with expensive_slot(turns, 2, expensive=True):
        pass


async def test_prepared_statements_outlive_a_list_that_fails(database: Connection) -> None:
    await database.execute("SELECT 1", prepare=True)
    with pytest.raises(ZeroDivisionError):
        async with snapshot(database):
            raise ZeroDivisionError
    assert await _prepared(database) == ["SELECT 1"]
    async with snapshot(database):
        pass  # the connection is as good as before


async def test_a_lead_deleted_while_its_list_is_read_is_left_out(database: Connection) -> None:
    assert await lead_list._read_records(database, LeadFilters(1), [2**40]) == []


async def _prepared(database: Connection) -> list[str]:
    rows = await (await database.execute("SELECT statement FROM pg_prepared_statements", prepare=False)).fetchall()
    return [row[0] for row in rows]
