"""A standby that lags behind becomes the primary under load: what gateways acknowledged meanwhile is stored again."""

from pathlib import Path

import pytest

from services.workers.processes.reconnect_grace import WRITABLE_SINCE_SQL
from tests.support.failover_checks import assert_exact, count_absent, until_taken_in
from tests.support.load import loaded
from tests.support.stack import Stack, running_stack
from tests.support.standby import either_url, primary_and_standby
from tests.support.waiting import until_async

pytestmark = pytest.mark.faults

FOLLOWED_SQL = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"


async def test_nothing_is_lost_to_a_standby_that_lags(tmp_path: Path) -> None:
    with primary_and_standby(tmp_path) as (primary, standby):
        env = {"LEADHUB_DATABASE_URL": either_url(primary, standby)}
        with running_stack(tmp_path / "data", env) as stack:
            async with loaded(stack, rate=90) as told:
                await told.more(60)
                await until_async(lambda: bool(primary.execute(FOLLOWED_SQL)), what="a standby that has followed")
                standby.fall_behind()
                known = set(told.acknowledged)
                await told.more(240)
                primary.kill()
                lagged = [id_ for id_ in told.acknowledged if id_ not in known]
                assert count_absent(standby, lagged) > 0, "the standby did not lag"
                promoted_at = standby.execute("SELECT now() FROM pg_promote()")
                await told.more(360)  # more than a worker draws ids at once
            assert (told.refused, told.broken) == (0, 0), told.statuses
            await until_taken_in(standby, stack, told)
            assert standby.execute(f"SELECT {WRITABLE_SINCE_SQL}") >= promoted_at, (
                "deliveries would be released at once"
            )
            await until_async(lambda: "journal.stored_again" in log_of(stack, "gateway"), what="the end of the repair")
            # A worker that kept ids of the old primary would use them again.
            assert "UniqueViolation" not in log_of(stack, "worker-1")
        assert_exact(standby, told)


def log_of(stack: Stack, name: str) -> str:
    """What a service has logged."""
    return (stack.folder / "logs" / f"{name}.log").read_text(encoding="utf-8")
