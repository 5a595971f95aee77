"""Lists narrowed by a time beside other filters: leads are looked at once, for the total and for the page."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import pytest_asyncio

from services.workers.read_models import fold_lead_counts
from shared.platform.db.connections import Connection, as_json
from tests.support.ingesting import workspace_id
from tests.support.leadlist import INSERT, Row, expected, page

pytestmark = pytest.mark.integration

START = datetime(2026, 1, 30, 22, 58, 30, tzinfo=UTC)
NAMES = ("Zoe", "ann", "Émile", None)
LEADS = 600


class Recorded:
    """A connection that keeps what is asked of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.statements: list[str] = []

    async def execute(self, statement: str, *arguments: Any, **options: Any) -> Any:
        self.statements.append(statement)
        return await self._connection.execute(statement, *arguments, **options)

    def readings(self) -> list[str]:
        """The statements that look at leads."""
        return [statement for statement in self.statements if "FROM leads" in statement]


@pytest_asyncio.fixture
async def rows(database: Connection) -> list[Row]:
    workspace = await workspace_id(database)
    found: list[Row] = [
        {
            "workspace_id": workspace,
            "id": n,
            "first_name": NAMES[n % 4],
            "last_name": f"{n % 7}",
            "email": f"p{n * 7919 % LEADS}@example.com",
            "source": "website" if n % 3 else "facebook",
            "status": "new" if n % 5 else "lost",
            "lead_score": n % 11,
            "created_at": (START + timedelta(minutes=n)).isoformat(),
            "updated_at": (START + timedelta(minutes=n, seconds=n * 37 % 9000)).isoformat(),
        }
        for n in range(1, LEADS + 1)
    ]
    await database.execute(INSERT, (as_json(found),))
    while await fold_lead_counts(database):
        pass
    times = {"created_at", "updated_at"}
    return [
        {name: datetime.fromisoformat(value) if name in times else value for name, value in row.items()}
        for row in found
    ]


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["created_at", "updated_at", "lead_score", "first_name", "last_name", "email"])
async def test_total_and_page_come_of_one_reading(
    database: Connection, rows: list[Row], sort: str, direction: str
) -> None:
    since = START + timedelta(minutes=LEADS // 2)
    query = {"source": "facebook", "status": "lost", "updated_after": since, "sort": sort, "direction": direction}
    wanted = expected(rows, query, {})
    assert len(wanted) > 15
    for number in (1, 2, 3, 9, 10**12):
        recorded = Recorded(database)
        found = await page(cast("Connection", recorded), rows[0]["workspace_id"], query, size=7, number=number)
        assert found == (wanted[(number - 1) * 7 : number * 7], len(wanted))
        assert len(recorded.readings()) == 1


async def test_two_times_are_read_at_once_as_well(database: Connection, rows: list[Row]) -> None:
    query = {"created_after": START + timedelta(minutes=9), "updated_before": START + timedelta(minutes=40)}
    wanted = expected(rows, query, {})
    assert 0 < len(wanted) < 40
    assert await page(database, rows[0]["workspace_id"], query) == (wanted[:15], len(wanted))
    assert await page(database, rows[0]["workspace_id"], query | {"created_after": START + timedelta(days=9)}) == (
        [],
        0,
    )
