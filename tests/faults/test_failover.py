"""A standby that lags behind becomes the primary under load: what gateways acknowledged meanwhile is stored again."""

from pathlib import Path

import psycopg
import pytest
import redis.asyncio as redis

from services.workers.processes.reconnect_grace import WRITABLE_SINCE_SQL
from shared.intake.spool import Spool
from tests.support import event_probe
from tests.support.checker import DOUBLED
from tests.support.load import Told, loaded
from tests.support.stack import Stack, running_stack
from tests.support.standby import ReplicaServer, either_url, primary_and_standby
from tests.support.waiting import until_async

pytestmark = pytest.mark.faults

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
FOLLOWED_SQL = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"


async def test_nothing_is_lost_to_a_standby_that_lags(tmp_path: Path) -> None:
    with primary_and_standby(tmp_path) as (primary, standby):
        env = {"LEADHUB_DATABASE_URL": either_url(primary, standby)}
        with running_stack(tmp_path / "data", env) as stack:
            async with loaded(stack, rate=90) as told:
                await told.more(60)
                await until_async(lambda: bool(primary.execute(FOLLOWED_SQL)), what="a standby that has followed")
                fall_behind(standby)
                known = set(told.acknowledged)
                await told.more(240)
                primary.kill()
                lagged = [id_ for id_ in told.acknowledged if id_ not in known]
                assert absent(standby, lagged) > 0, "the standby did not lag"
                promoted_at = standby.execute("SELECT now() FROM pg_promote()")
                await told.more(360)  # more than a worker draws ids at once
            assert (told.refused, told.broken) == (0, 0), told.statuses
            await settled(standby, stack, told)
            assert standby.execute(f"SELECT {WRITABLE_SINCE_SQL}") >= promoted_at, (
                "deliveries would be released at once"
            )
            await until_async(lambda: "journal.stored_again" in log_of(stack, "gateway"), what="the end of the repair")
            # A worker that kept ids of the old primary would use them again.
            assert "UniqueViolation" not in log_of(stack, "worker-1")
        assert absent(standby, list(told.acknowledged)) == 0
        assert {name: n for name, query in EXACT_RULES.items() for (n,) in standby.execute(query) if n} == {}
        assert standby.execute(UNBALANCED_SQL) == [(0,)]


def log_of(stack: Stack, name: str) -> str:
    """What a service has logged."""
    return (stack.folder / "logs" / f"{name}.log").read_text(encoding="utf-8")


def fall_behind(standby: ReplicaServer) -> None:
    """Have the standby receive nothing more. It answers, and can be promoted."""
    standby.execute("ALTER SYSTEM SET primary_conninfo = ''")
    standby.execute("SELECT pg_reload_conf()")


def absent(server: ReplicaServer, ids: list[str]) -> int:
    """How many of these submissions are not there."""
    with psycopg.connect(server.url) as connection:
        row = connection.execute(ABSENT_SQL, (ids,)).fetchone()
    assert row is not None
    return int(row[0])


async def settled(server: ReplicaServer, stack: Stack, told: Told) -> None:
    """Wait until the new primary has taken in all there is, or for as long as a test may wait."""
    async with redis.Redis.from_url(stack.spool_url, socket_timeout=5) as client:

        async def is_settled() -> bool:
            left = server.execute(PENDING_SQL) != [(0,)] or await Spool(client).count_submissions()
            return not left and absent(server, list(told.acknowledged)) == 0

        await until_async(is_settled, 60, "every acknowledged submission")
