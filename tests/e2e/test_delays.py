"""An automation's delay of days, over a restart of everything."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import Client
from tests.support.stack import Database, Stack, running_stack
from tests.support.waiting import until, until_async

pytestmark = [pytest.mark.e2e, pytest.mark.extended]

AUTOMATION = {
    "name": "Later",
    "trigger": {"type": "lead_created"},
    "steps": [{"delay": {"days": 2}}, {"action": {"type": "add_tag", "tag": "reminded"}}],
}
RUN = "SELECT state, due_at - created_at BETWEEN interval '47 h' AND interval '49 h' FROM automation_runs"
TAGGED = "SELECT count(*) FROM activities WHERE data->'tags_added' ? 'reminded'"


def _is(database: Database, query: Any, *row: Any) -> bool:
    return database.execute(query).fetchone() == row


async def test_a_delay_of_days_outlives_everything_and_ends_by_the_databases_clock(tmp_path: Path) -> None:
    with running_stack(tmp_path / "data") as stack:
        client = Client(stack)
        await client.make("automations", AUTOMATION)
        assert (await client.post({"email": "later@example.com"})).status == 201
        await client.close()
        with stack.database() as database:
            await until_async(lambda: _is(database, RUN, "waiting", True), what="the run's delay")
        await asyncio.to_thread(_restarted, stack)
        with stack.database() as database:
            assert _is(database, RUN, "waiting", True)
            database.execute("UPDATE automation_runs SET due_at = due_at - interval '2 days 1 hour'")
            until(lambda: _is(database, "SELECT state FROM automation_runs", "done"), what="the end of the run")
            assert _is(database, TAGGED, 1)


def _restarted(stack: Stack) -> None:
    stack.stop()
    stack.start()
