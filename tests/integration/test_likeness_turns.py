"""Turns of likeness: they go on while nothing else waits, and give way to leads, to a stop and to other workspaces."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from services.workers import runtime
from services.workers.due_work import has_worker_work
from services.workers.likeness import caller_watch
from services.workers.likeness.caller_watch import CallerWatch
from services.workers.likeness.ingest_priority import IngestRate
from services.workers.likeness.likeness_batches import LikenessEngine
from services.workers.likeness.queue_rows import LOCK_WORKSPACE_SQL, lock_workspace
from services.workers.read_models import fold_search_texts
from services.workers.runtime import Worker
from services.workers.sweeper import overdue_work
from shared import workspaces
from shared.intake.journal import Lane
from shared.platform.db.connections import Connection, connect
from tests.support.ingesting import accept, item, workspace_id
from tests.support.likeness import add_lead, rows
from tests.support.serving import settings_of

pytestmark = pytest.mark.integration

# Leads that are gone by now: they cost little, and are taken off the queue like others.
QUEUE_SQL = """
INSERT INTO likeness_queue (workspace_id, lead_ids, created_at)
SELECT %s, array_agg(id), now() - interval '1 hour' FROM generate_series(1, %s) AS id GROUP BY id / 100
"""


async def _waiting(database: Connection, workspace: int) -> int:
    counted = "SELECT coalesce(sum(cardinality(lead_ids)), 0) FROM likeness_queue WHERE workspace_id = %s"
    return int((await rows(database, counted, workspace))[0][0])


def _worker(url: str, folder: Path, hint: Callable[[], object]) -> Worker:
    return Worker(settings_of(url, folder), lambda: None, lambda: None, lambda: False, send_likeness_hint=hint)


class _LateCaller(CallerWatch):
    """Looks always, and right before some of the looks a lead comes whose caller waits. `looks` counts all."""

    url, workspace, at_looks = "", 0, range(3, 4)

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    async def look(self, connection: Connection) -> None:
        self.looks += 1
        if self.looks in self.at_looks:
            async with await Connection.connect(self.url, autocommit=True) as gateway:
                await accept(gateway, [item(self.workspace, {"email": f"{self.looks}@example.com"})], Lane.WAITED_FOR)
        await super().look(connection)


@pytest.fixture
def late_caller(database_url: str, monkeypatch: pytest.MonkeyPatch) -> type[_LateCaller]:
    monkeypatch.setattr(caller_watch, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(_LateCaller, "url", database_url)
    return _LateCaller


async def test_a_message_compares_all_that_waits_after_the_leads_that_callers_wait_for(
    database_url: str, database: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LIKENESS_TURN_SECONDS", "BRIEF_LIKENESS_TURN_SECONDS"):
        monkeypatch.setattr(runtime, name, 3_600.0)
    workspace, hints = await workspace_id(database), list[None]()
    await database.execute(QUEUE_SQL, (workspace, 1_000))
    await accept(database, [item(workspace, {"email": "anna@example.com"})], Lane.WAITED_FOR)
    worker = _worker(database_url, tmp_path, lambda: hints.append(None))

    await asyncio.to_thread(worker.find_likenesses)
    assert await rows(database, "SELECT state FROM submissions") == [("done",)]
    await database.execute("DELETE FROM events")
    await asyncio.to_thread(worker.find_likenesses)
    assert (await _waiting(database, workspace), len(hints)) == (0, 0)
    await asyncio.to_thread(worker.stop)


async def test_a_batch_is_given_up_at_the_next_look_after_a_caller_came(
    database: Connection, late_caller: type[_LateCaller]
) -> None:
    late_caller.workspace = await workspace_id(database)
    await database.execute(QUEUE_SQL, (late_caller.workspace, 1_000))
    watch = late_caller()
    assert not await LikenessEngine(callers=watch).run(database, seconds=3_600)
    assert (watch.looks, await _waiting(database, late_caller.workspace)) == (3, 1_000)


async def test_a_batch_that_is_given_up_at_its_last_step_leaves_nothing(
    database: Connection, late_caller: type[_LateCaller], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = late_caller.workspace = await workspace_id(database)
    for number in range(5):
        await add_lead(database, workspace, first_name="Wilhelmina", last_name="Vandermeulen", company=f"Shop {number}")
    while await fold_search_texts(database):
        pass
    waiting, written = await _waiting(database, workspace), "SELECT count(*) FROM likeness_profiles"
    for look in range(15, 18):  # two for each lead, and some between statements
        monkeypatch.setattr(late_caller, "at_looks", (look,))
        watch = late_caller()
        await LikenessEngine(callers=watch).run(database, seconds=0)
        if watch.looks < look:
            break
        assert await _waiting(database, workspace) == waiting
        assert await rows(database, written) == [(0,)]
    assert look > 15
    assert await _waiting(database, workspace) == 0
    assert await rows(database, written) == [(5,)]


async def test_the_worker_serves_that_caller_and_leaves_the_next_turn_to_the_sweeper(
    database_url: str,
    database: Connection,
    tmp_path: Path,
    late_caller: type[_LateCaller],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtime, "CallerWatch", late_caller)
    late_caller.workspace, hints = await workspace_id(database), list[None]()
    await database.execute(QUEUE_SQL, (late_caller.workspace, 1_000))
    worker = _worker(database_url, tmp_path, lambda: hints.append(None))
    await asyncio.to_thread(worker.find_likenesses)
    assert await rows(database, "SELECT state FROM submissions") == [("done",)]
    assert (await _waiting(database, late_caller.workspace), hints) == (1_000, [])
    await asyncio.to_thread(worker.stop)


async def test_rows_that_nobody_can_take_now_keep_no_lead_from_being_compared(
    database: Connection, late_caller: type[_LateCaller], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = await workspace_id(database)
    monkeypatch.setattr(late_caller, "at_looks", ())
    await database.execute(QUEUE_SQL, (workspace, 1_000))
    await accept(database, [item(workspace, {"email": "paused@example.com"})], Lane.WAITED_FOR)
    assert await LikenessEngine(callers=late_caller()).run(database, seconds=3_600)


async def test_callers_without_end_leave_small_batches_to_likeness(
    database: Connection, late_caller: type[_LateCaller], monkeypatch: pytest.MonkeyPatch
) -> None:
    late_caller.workspace = await workspace_id(database)
    monkeypatch.setattr(late_caller, "at_looks", range(1_000_000))
    await database.execute(QUEUE_SQL, (late_caller.workspace, 1_000))
    engine = LikenessEngine(gives_way=has_worker_work, callers=late_caller())
    for _ in range(20):
        assert not await engine.run(database, seconds=3_600)
    assert await _waiting(database, late_caller.workspace) < 1_000


async def test_a_turn_ends_with_the_batch_during_which_a_lead_came(database: Connection, database_url: str) -> None:
    workspace, batches = await workspace_id(database), list[bool]()

    async def gives_way(connection: Connection) -> bool:
        if len(batches) == 2:
            async with await Connection.connect(database_url, autocommit=True) as gateway:
                await accept(gateway, [item(workspace, {"email": "anna@example.com"})], Lane.PROMPT)
        batches.append(await has_worker_work(connection))
        return batches[-1]

    await database.execute(QUEUE_SQL, (workspace, 1_000))
    assert not await LikenessEngine(gives_way=gives_way).run(database, seconds=3_600)
    assert batches == [False, False, True]


async def test_a_stop_ends_a_long_turn_after_its_batch(database: Connection) -> None:
    workspace, batches = await workspace_id(database), list[None]()

    async def count(_: Connection) -> bool:
        batches.append(None)
        return False

    await database.execute(QUEUE_SQL, (workspace, 1_000))
    engine = LikenessEngine(lambda: len(batches) == 2, gives_way=count)
    assert not await engine.run(database, seconds=3_600)
    assert len(batches) == 2
    assert await _waiting(database, workspace) > 0


async def test_a_large_workspace_holds_up_no_other_one(database: Connection) -> None:
    large, small = await workspace_id(database), await workspaces.create_workspace(database, "small", "Small")
    left: list[int] = []

    async def note(connection: Connection) -> bool:
        left.append(await _waiting(connection, small))
        return len(left) == 2

    await database.execute(QUEUE_SQL, (large, 10_000))
    await database.execute(QUEUE_SQL, (small, 3))
    await LikenessEngine(gives_way=note).run(database, seconds=3_600)
    assert left[1] == 0
    assert await _waiting(database, large) > 9_000


class _WatchedSweeper:
    """The sweeper's part in likeness, in an installation of one workspace, and whether each of its turns compared."""

    def __init__(self, database: Connection, workspace: int, rate: IngestRate) -> None:
        self._database, self._workspace = database, workspace
        self.done: list[str] = []
        self._fallback = overdue_work.likeness_fallback(
            lambda: self.done.append("hint"), lambda: False, asyncio.Event(), rate
        )

    async def compares(self) -> bool:
        before = await _waiting(self._database, self._workspace)
        await self._fallback.take_turn(self._database)
        return await _waiting(self._database, self._workspace) < before


async def test_the_sweeper_compares_only_while_no_worker_does(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue_work, "LIKENESS_OVERDUE_SECONDS", 1e-9)
    monkeypatch.setattr(overdue_work, "LIKENESS_WORK_SECONDS", 0.0)  # a batch
    workspace = await workspace_id(database)
    await database.execute(QUEUE_SQL, (workspace, 1_000))
    sweeper, worker = _WatchedSweeper(database, workspace, IngestRate()), LikenessEngine()
    assert not await sweeper.compares()
    await worker.run_batch(database)
    assert not await sweeper.compares()  # though these leads have waited for an hour
    assert await sweeper.compares()
    assert await sweeper.compares()  # its own batch is no sign of a worker
    await worker.run_batch(database)
    assert not await sweeper.compares()


async def test_the_sweeper_helps_workers_that_callers_keep_busy(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue_work, "LIKENESS_WORK_SECONDS", 0.0)
    workspace, rate = await workspace_id(database), IngestRate(lambda: 0.0)
    await database.execute(QUEUE_SQL, (workspace, 1_000))
    rate.add(50)
    assert await _WatchedSweeper(database, workspace, rate).compares()


async def test_the_sweeper_wakes_workers_when_it_holds_no_lock(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue_work, "LIKENESS_OVERDUE_SECONDS", -1.0)
    monkeypatch.setattr(overdue_work, "LIKENESS_WORK_SECONDS", 0.0)
    workspace = await workspace_id(database)
    await database.execute(QUEUE_SQL, (workspace, 1_000))
    sweeper = _WatchedSweeper(database, workspace, IngestRate())
    compare = LikenessEngine.run

    async def noted(engine: LikenessEngine, connection: Connection, *, seconds: float) -> bool:
        is_done = await compare(engine, connection, seconds=seconds)
        sweeper.done.append("compared")
        return is_done

    monkeypatch.setattr(LikenessEngine, "run", noted)
    assert await sweeper.compares()
    assert sweeper.done == ["compared", "hint"]


async def test_workspaces_take_turns_and_a_locked_one_is_passed_over(database: Connection, database_url: str) -> None:
    await database.execute(
        "INSERT INTO likeness_queue (workspace_id, lead_ids) VALUES (1, '{1}'), (2, '{2}'), (3, '{3}')"
    )

    async def turns(*after: int) -> list[int | None]:
        found = []
        for workspace in after:
            async with database.transaction():
                found.append(await lock_workspace(database, workspace))
        return found

    assert await turns(0, 1, 2, 3) == [1, 2, 3, 1]
    async with connect(database_url, "another worker") as other, other.transaction():
        assert await lock_workspace(other, 1) == 2
        assert await turns(0, 1, 2, 3) == [1, 3, 3, 1]


async def test_the_choice_of_a_turn_takes_no_longer_for_many_workspaces(database: Connection) -> None:
    await database.execute(
        "INSERT INTO likeness_queue (workspace_id, lead_ids) SELECT n, '{1}' FROM generate_series(1, 2000) n"
    )
    explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) " + LOCK_WORKSPACE_SQL
    plan = [line for (line,) in await rows(database, explain, 1000)]
    assert [line for line in plan if "Recursive Union" in line and "rows=1" in line]
