"""What holds after a standby became the primary: every acknowledged submission is there once, the ledger adds up."""

from typing import Protocol

import psycopg
import redis.asyncio as redis

from shared.intake.spool import Spool
from tests.support import event_probe
from tests.support.checker import DOUBLED
from tests.support.load import Told
from tests.support.stack import Stack
from tests.support.waiting import until_async

ABSENT_SQL = """
SELECT count(*) FROM unnest(%s::uuid[]) AS told (id) WHERE NOT EXISTS (SELECT FROM submissions s WHERE s.id = told.id)
"""
# Those of an installation that nobody watches as it runs.
EXACT_RULES = {name: query.replace("%%", "%") for name, query in DOUBLED.items() if query != event_probe.TOLD}
UNBALANCED_SQL = """
WITH counts AS (SELECT state, n FROM ledger UNION ALL SELECT state, n FROM ledger_deltas)
SELECT (SELECT sum(n) FROM counts WHERE state = 'accepted') - (SELECT count(*) FROM submissions)
"""
PENDING_SQL = "SELECT count(*) FROM journal"
SETTLE_SECONDS = 60


class DatabaseServer(Protocol):
    """A PostgreSQL that tests ask."""

    @property
    def url(self) -> str:
        """The URL of this server alone."""
        ...

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Return the rows of a statement."""
        ...


def count_absent(server: DatabaseServer, ids: list[str]) -> int:
    """How many of these submissions are not there."""
    with psycopg.connect(server.url) as connection:
        row = connection.execute(ABSENT_SQL, (ids,)).fetchone()
    assert row is not None
    return int(row[0])


async def until_taken_in(server: DatabaseServer, stack: Stack, told: Told) -> None:
    """Wait until the new primary has taken in all there is, or for as long as a test may wait."""
    async with redis.Redis.from_url(stack.spool_url, socket_timeout=5) as client:

        async def is_settled() -> bool:
            left = server.execute(PENDING_SQL) != [(0,)] or await Spool(client).count_submissions()
            return not left and count_absent(server, list(told.acknowledged)) == 0

        await until_async(is_settled, SETTLE_SECONDS, "every acknowledged submission")


def assert_exact(server: DatabaseServer, told: Told) -> None:
    """Nothing that was acknowledged is absent, nothing is there twice, and the ledger counts what is there."""
    assert count_absent(server, list(told.acknowledged)) == 0
    assert {name: n for name, query in EXACT_RULES.items() for (n,) in server.execute(query) if n} == {}
    assert server.execute(UNBALANCED_SQL) == [(0,)]
