"""Automations follow the batch that wrote their events, in the worker that ingested it."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.workers.ingest.drain import JournalDrainer
from services.workers.processes.heartbeat import Heartbeat
from services.workers.runtime import Worker
from shared.intake.journal import Lane
from shared.platform.db.connections import Connection
from tests.support.automating import action, runs, save
from tests.support.ingesting import accept, item, read_test_key, workspace_id
from tests.support.serving import settings_of

pytestmark = pytest.mark.integration


async def _ingest(worker: Worker) -> None:
    """One message, in a thread, as a worker has an event loop of its own."""
    await asyncio.to_thread(worker.ingest_journal)
    await asyncio.to_thread(worker.stop)


def _worker(url: str, folder: Path, automate: Callable[[], object]) -> Worker:
    return Worker(settings_of(url, folder), lambda: None, automate, lambda: False)


async def test_automations_run_in_the_message_that_ingested_the_lead(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    hints: list[None] = []
    automation = await save(database, {"type": "lead_created"}, action("add_tag", tag="new"))
    await accept(database, [item(await workspace_id(database), {"email": "anna@example.com"})], Lane.WAITED_FOR)
    await _ingest(_worker(database_url, tmp_path, lambda: hints.append(None)))
    assert [(one["automation_id"], one["state"]) for one in await runs(database)] == [(automation, "done")]
    assert len(hints) == 1  # the round may have left something behind


async def test_no_automations_follow_a_lead_whose_events_nobody_waits_for(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    hints: list[None] = []
    await database.execute("DELETE FROM rule_versions")
    await accept(database, [item(await workspace_id(database), {"email": "anna@example.com"})], Lane.WAITED_FOR)
    await _ingest(_worker(database_url, tmp_path, lambda: hints.append(None)))
    assert hints == []


async def test_a_failing_engine_leaves_ingest_alone(
    database_url: str, database: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hints: list[None] = []
    await save(database, {"type": "lead_created"}, action("add_tag", tag="new"))
    workspace = await workspace_id(database)
    for number in range(3):
        leads = [item(workspace, {"email": f"{number}-{one}@example.com"}) for one in range(400)]
        await accept(database, leads)
    worker = _worker(database_url, tmp_path, lambda: hints.append(None))

    async def fails(*_: object, **__: object) -> bool:
        raise RuntimeError

    monkeypatch.setattr(worker._engine, "run", fails)
    await _ingest(worker)
    assert await (await database.execute("SELECT count(*) FROM leads")).fetchone() == (1200,)
    assert hints


async def test_automations_have_a_twentieth_of_the_time_while_leads_keep_coming(
    database_url: str, database: Connection
) -> None:
    await save(database, {"type": "lead_created"}, action("add_tag", tag="new"))
    workspace = await workspace_id(database)
    for number in range(4):
        leads = [item(workspace, {"email": f"{number}-{one}@example.com"}) for one in range(400)]
        await accept(database, leads)
    rounds: list[float] = []

    async def automate(_: Connection) -> None:
        rounds.append(time.monotonic())
        time.sleep(1.0)  # noqa: ASYNC251  # nothing else runs on a worker's loop

    heartbeat = Heartbeat("worker", "w", database_url)
    drainer = JournalDrainer(heartbeat, lambda: None, lambda: False, read_key=read_test_key, automate=automate)
    assert await drainer.drain(database) == 1600
    assert len(rounds) == 1
    assert drainer.has_events
