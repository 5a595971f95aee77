"""Callers who wait for a verdict come first, also those who come while a worker drains what nobody waits for."""

import asyncio
import itertools
from pathlib import Path

import pytest

from services.workers.imports import dry_runs
from services.workers.imports.import_engine import ImportEngine
from services.workers.ingest import drain
from services.workers.ingest.drain import MAX_LEADS_BESIDE_CALLERS, JournalDrainer
from services.workers.processes.heartbeat import Heartbeat
from services.workers.runtime import Worker
from shared.intake.journal import JournalItem, Lane
from shared.platform.db.connections import Connection
from tests.support.automating import action, save
from tests.support.importing import start_import
from tests.support.ingesting import accept, item, read_test_key, worker, workspace_id
from tests.support.leads import rows
from tests.support.serving import settings_of

pytestmark = pytest.mark.integration

WAITING_BY_LANE_SQL = "SELECT lane, sum(n)::int FROM journal GROUP BY lane ORDER BY lane"


def people(workspace: int, name: str, count: int) -> list[JournalItem]:
    return [item(workspace, {"email": f"{name}-{number}@example.com"}) for number in range(count)]


async def waiting_by_lane(database: Connection) -> dict[int, int]:
    rows = await (await database.execute(WAITING_BY_LANE_SQL)).fetchall()
    return {row[0]: row[1] for row in rows}


async def test_caller_who_comes_during_a_backlog_is_next(database_url: str, database: Connection) -> None:
    await save(database, {"type": "lead_created"}, action("add_tag", tag="new"))
    workspace = await workspace_id(database)
    for number in range(4):
        await accept(database, people(workspace, f"import{number}", 400))

    rounds = itertools.count(1)

    async def let_somebody_come(connection: Connection) -> None:
        if next(rounds) == 1:  # on a slow machine a second round is due behind the form
            await accept(connection, people(workspace, "form", 1), Lane.WAITED_FOR)

    looks = itertools.count(1)  # before each batch
    heartbeat = Heartbeat("worker", "w", database_url)
    heartbeat.notes_rows = False
    drainer = JournalDrainer(
        heartbeat, lambda: None, lambda: next(looks) > 2, read_key=read_test_key, automate=let_somebody_come
    )
    assert await drainer.drain(database) == 401, "a batch of the backlog, then the form"
    assert await waiting_by_lane(database) == {Lane.PROMPT: 1200}


async def test_backlog_is_taken_in_small_batches_beside_callers(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    drainer = worker(database_url, "w")
    await accept(database, people(workspace, "form", 1), Lane.WAITED_FOR)
    assert await drainer.drain(database) == 1
    for number in range(10):
        await accept(database, people(workspace, f"source{number}", 20))
    looks = itertools.count(1)
    drainer._stopping = lambda: next(looks) > 1
    assert await drainer.drain(database) <= MAX_LEADS_BESIDE_CALLERS
    drainer._stopping = lambda: False
    await drainer.drain(database)
    assert await waiting_by_lane(database) == {}, "all of it is taken in the end"


async def test_caller_who_comes_during_a_dry_run_is_next(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    await start_dry_run(database, 2 * dry_runs.ROWS_PER_DRY_CHUNK)
    await accept(database, people(await workspace_id(database), "form", 1), Lane.WAITED_FOR)
    process = Worker(settings_of(database_url, tmp_path), lambda: None, lambda: None, lambda: False)
    await asyncio.to_thread(process.run_jobs)  # no ingest hint is handled
    await asyncio.to_thread(process.stop)
    assert await waiting_by_lane(database) == {}
    assert await rows(database, "SELECT email FROM leads") == [("form-0@example.com",)]


async def test_chunks_of_a_dry_run_are_small_beside_callers(
    database_url: str, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "CALLERS_SECONDS", 600.0)
    await start_dry_run(database, 2 * dry_runs.ROWS_PER_DRY_CHUNK)
    drainer = worker(database_url, "w")
    engine = ImportEngine(expects_callers=drainer.expects_callers)
    await engine.run_chunk(database)
    assert await rows_read(database) == dry_runs.ROWS_PER_DRY_CHUNK
    await accept(database, people(await workspace_id(database), "form", 1), Lane.WAITED_FOR)
    assert await drainer.drain_for_callers(database) == 1
    assert await drainer.drain_for_callers(database) == 0
    await engine.run_chunk(database)
    assert await rows_read(database) == dry_runs.ROWS_PER_DRY_CHUNK + dry_runs.ROWS_BESIDE_CALLERS


async def start_dry_run(database: Connection, count: int) -> None:
    await start_import(database, "email\n" + "".join(f"row-{n}@example.com\n" for n in range(count)), dry_run=True)


async def rows_read(database: Connection) -> int:
    [(count,)] = await rows(database, "SELECT rows_read FROM imports")
    return int(count)
