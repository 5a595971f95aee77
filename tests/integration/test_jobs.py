"""Jobs: exactly what was confirmed, in chunks that survive what dies, at the rate that is set."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from services.workers.jobs import job_engine
from services.workers.jobs.job_engine import JobEngine
from services.workers.runtime import Worker
from services.workers.sweeper.overdue_work import job_fallback
from shared import workspaces
from shared.accounting import ledger
from shared.jobs import job_control
from shared.jobs.job_control import CountMoved, JobRequest, cancel_job, confirm_job, pause_job, read_job, resume_job
from shared.jobs.job_outcomes import read_outcomes_of
from shared.jobs.job_targets import count_targets
from shared.platform.db.connections import Connection, connect
from shared.platform.errors import Conflict, NotFound
from shared.platform.ids import now_ms, uuid7
from tests.support.ingesting import drain, workspace_id
from tests.support.jobs import AUTHOR, run_due_jobs, run_job, start_job
from tests.support.leads import rows
from tests.support.serving import settings_of
from tests.support.sweeping import take_turns
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

# Held or dead ones as a worker stores them, with the ledger that goes with them. Some came at the same moment.
HOLD = """
WITH made AS (
    INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, payload, attempts, spam)
    SELECT %(w)s, gen_random_uuid(), date_trunc('milliseconds', now() - make_interval(secs => n / 2 + %(age)s)),
           %(state)s, 'inbound', %(source)s,
           convert_to(format('{"email": "%%s%%s@example.com", "source": "%%s"}', %(source)s::text, n, %(source)s::text),
                      'UTF8'), 1, '{"score": 9, "reasons": [{"code": "links", "points": 9, "text": "Many links"}]}'
    FROM generate_series(1, %(n)s) n RETURNING 1
)
INSERT INTO ledger_deltas (workspace_id, state, n)
SELECT %(w)s, counted, (SELECT count(*) FROM made) FROM unnest(ARRAY['accepted', %(state)s]) counted
"""
RUN_JOBS = """
import asyncio, sys
from services.workers.jobs.job_engine import JobEngine
from shared.platform.db.connections import connect

async def main():
    async with connect(sys.argv[1], "job worker") as connection:
        while True:
            await JobEngine().run_chunk(connection, backlog=-1)

asyncio.run(main())
"""


@pytest_asyncio.fixture
async def workspace(database: Connection) -> int:
    return await workspace_id(database)


async def hold(database: Connection, workspace: int, n: int, state: str = "quarantined", **options: Any) -> None:
    await database.execute(HOLD, {"w": workspace, "n": n, "state": state, "source": "held", "age": 60, **options})


async def count_of(database: Connection, query: str, *values: Any) -> int:
    row = await (await database.execute(query, values)).fetchone()
    assert row
    return int(row[0])


async def states(database: Connection, source: str = "held") -> dict[str, int]:
    query = "SELECT state, count(*) FROM submissions WHERE source = %s GROUP BY 1"
    return dict(await (await database.execute(query, (source,))).fetchall())


async def assert_ledger(database: Connection, **expected: int) -> None:
    found = await ledger.read_ledger(database, None)
    assert found["accepted"] == found["done"] + found["pending"] + found["dead"] + found["quarantined"]
    assert {name: found[name] for name in expected} == expected


async def test_twelve_thousand_are_released_while_more_arrive(
    database_url: str, database: Connection, workspace: int
) -> None:
    await hold(database, workspace, 12_000)
    id_ = await start_job(database, workspace, "release", filters={"source": "held"})
    await hold(database, workspace, 500, age=30)  # they match as well, and came later
    workers = [await asyncio.create_subprocess_exec(sys.executable, "-c", RUN_JOBS, database_url) for _ in range(2)]
    try:
        for worker in workers:  # dies in the middle, twice
            done = await count_of(database, "SELECT done FROM jobs WHERE id = %s", id_)
            await until_async(partial(_came_to, database, id_, done + 600), what="chunks")
            os.kill(worker.pid, signal.SIGKILL)
    finally:
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()
    while not (await read_job(database, workspace, id_))["finished_at"]:
        await JobEngine().run_chunk(database, backlog=-1)
    job = await read_job(database, workspace, id_)
    assert (job["state"], job["done"], job["failed"], job["skipped"]) == ("done", 12_000, 0, 0)
    assert await states(database) == {"quarantined": 500}
    await assert_ledger(database, accepted=12_500, quarantined=500, pending=12_000)
    assert await count_of(database, "SELECT count(DISTINCT held.id) FROM journal, unnest(ids) AS held(id)") == 12_000
    outcomes = "SELECT count(*) FROM job_items WHERE job_id = %s AND outcome = 'done'"
    assert await count_of(database, outcomes, id_) == 12_000
    assert (await read_outcomes_of(database, workspace, [id_]))[id_].waiting == 12_000
    # They are still to be ingested: a part shows that these are submissions as any other.
    await database.execute("DELETE FROM journal WHERE id > (SELECT min(id) FROM journal)")
    taken = await drain(database_url)
    assert await states(database) == {"quarantined": 500, "done": taken}


async def _came_to(database: Connection, id_: int, done: int) -> bool:
    return await count_of(database, "SELECT done FROM jobs WHERE id = %s", id_) >= done


async def test_released_ones_are_done_and_the_ledger_is_exact(
    database_url: str, database: Connection, workspace: int
) -> None:
    await hold(database, workspace, 450)
    received = await rows(database, "SELECT id, received_at FROM submissions ORDER BY 1")
    job = await run_job(database, workspace, "release")
    await drain(database_url)
    await assert_ledger(database, accepted=450, done=450, quarantined=0, pending=0)
    assert await rows(database, "SELECT id, received_at FROM submissions ORDER BY 1") == received
    outcomes = (await read_outcomes_of(database, workspace, [job["id"]]))[job["id"]]
    assert (outcomes.done, outcomes.is_good) == (450, True)


async def test_a_rate_is_obeyed_and_changed_while_the_job_runs(database: Connection, workspace: int) -> None:
    await hold(database, workspace, 3000)
    id_ = await start_job(database, workspace, "reject", rate=40)
    stopping = asyncio.Event()
    running = asyncio.create_task(_work_until(database_url_of(database), stopping))
    try:
        await until_async(lambda: _handled(database, id_, 20), what="the first second")
        began = time.monotonic()
        before = await count_of(database, "SELECT position FROM jobs WHERE id = %s", id_)
        await asyncio.sleep(1)
        slow = await count_of(database, "SELECT position FROM jobs WHERE id = %s", id_) - before
        assert slow <= 40 * (time.monotonic() - began) + 40  # it may catch up on half a second, and a chunk
        await job_control.set_job_rate(database, workspace, id_, None)
        await until_async(lambda: _handled(database, id_, 3000), what="the rest without a rate")
    finally:
        stopping.set()
        await running
    assert (await read_job(database, workspace, id_))["state"] == "done"


def database_url_of(database: Connection) -> str:
    info = database.info
    return f"postgresql://{info.user}:{info.password}@/{info.dbname}?host={info.host}&port={info.port}"


async def _handled(database: Connection, id_: int, n: int) -> bool:
    return await count_of(database, "SELECT position FROM jobs WHERE id = %s", id_) >= n


async def _work_until(url: str, stopping: asyncio.Event) -> None:
    async with connect(url, "tests jobs") as connection:
        while not stopping.is_set():
            if not await JobEngine().run_chunk(connection):
                await asyncio.sleep(0.02)


async def test_a_job_is_paused_resumed_and_cancelled_and_leaves_the_rest(database: Connection, workspace: int) -> None:
    await hold(database, workspace, 900, state="dead")
    id_ = await start_job(database, workspace, "replay")
    assert (await read_job(database, workspace, id_))["state"] == "queued"
    await JobEngine().run_chunk(database)
    await pause_job(database, workspace, id_)
    assert not await JobEngine().run_chunk(database)
    await resume_job(database, workspace, id_)
    await JobEngine().run_chunk(database)
    await cancel_job(database, workspace, id_)
    assert not await JobEngine().run_chunk(database)
    job = await read_job(database, workspace, id_)
    assert (job["state"], job["done"], await states(database)) == ("cancelled", 400, {"dead": 500})
    await assert_ledger(database, dead=500, pending=400)
    with pytest.raises(Conflict, match="cancelled"):
        await resume_job(database, workspace, id_)
    for change in (pause_job, resume_job, cancel_job):
        with pytest.raises(NotFound):
            await change(database, workspace + 1, id_)


async def test_a_count_that_moved_is_refused_with_the_new_one(database: Connection, workspace: int) -> None:
    await hold(database, workspace, 5)
    with pytest.raises(CountMoved) as caught:
        await confirm_job(database, workspace, JobRequest("release"), 4, AUTHOR)
    assert (caught.value.count, caught.value.response_body()["count"]) == (5, 5)
    assert await rows(database, "SELECT count(*) FROM jobs") == [(0,)]


async def test_rows_that_moved_on_are_skipped_with_the_reason(database: Connection, workspace: int) -> None:
    await hold(database, workspace, 4)
    [(first,), (second,), *_] = await rows(database, "SELECT id FROM submissions ORDER BY received_at")
    id_ = await start_job(database, workspace, "reject")
    await database.execute("UPDATE submissions SET rejected_at = now() WHERE id = %s", (first,))
    await database.execute("DELETE FROM submissions WHERE id = %s", (second,))
    await run_due_jobs(database)
    job = await read_job(database, workspace, id_)
    assert (job["done"], job["skipped"], job["state"]) == (2, 2, "done")
    reasons = await rows(database, "SELECT error FROM job_items WHERE outcome = 'skipped' ORDER BY id")
    assert reasons == [("It was rejected already.",), ("No such submission is found any more.",)]
    assert await count_targets(database, "release", workspace, {}) == 0  # rejected ones are left out
    assert (await run_job(database, workspace, "release", filters={"rejected": True}))["done"] == 3


async def test_workspaces_and_their_jobs_take_turns(database: Connection, workspace: int) -> None:
    other = await workspaces.create_workspace(database, "other", "Other")
    for id_ in (workspace, other):
        await hold(database, id_, 1000, state="dead")
    ours = [await start_job(database, workspace, "replay", filters={}) for _ in range(3)]
    theirs = await start_job(database, other, "replay")
    for _ in range(4):
        await JobEngine().run_chunk(database)
    assert (await read_job(database, other, theirs))["done"] == 400
    found = [await read_job(database, workspace, id_) for id_ in ours]
    # Each takes the same rows: the second job finds its first ones on their way already.
    assert [(job["done"], job["skipped"]) for job in found] == [(200, 0), (0, 200), (0, 0)]
    with pytest.raises(NotFound):
        await read_job(database, workspace, theirs)
    assert await states(database) == {"dead": 1400}


async def test_a_chunk_that_fails_for_one_row_takes_the_others(database: Connection, workspace: int) -> None:
    await hold(database, workspace, 20)
    await database.execute("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
        CREATE TRIGGER refuse BEFORE UPDATE ON submissions FOR EACH ROW
        WHEN (convert_from(NEW.payload, 'UTF8') LIKE '%"held7@example.com"%') EXECUTE FUNCTION refuse();
    """)
    job = await run_job(database, workspace, "reject")
    assert (job["done"], job["failed"]) == (19, 1)
    assert "not this one" in str(await rows(database, "SELECT error FROM job_items WHERE outcome = 'failed'"))


async def test_replays_wait_while_the_bulk_lane_is_full(
    database: Connection, workspace: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_engine, "JOB_CHUNK_SIZE", 10)
    await hold(database, workspace, 100, state="dead")
    id_ = await start_job(database, workspace, "replay")
    while await JobEngine().run_chunk(database, backlog=3):
        pass
    assert (await read_job(database, workspace, id_))["done"] == 40
    await database.execute("DELETE FROM journal")
    assert await JobEngine().run_chunk(database, backlog=3)


async def test_changes_are_made_and_the_original_is_kept(
    database_url: str, database: Connection, workspace: int
) -> None:
    await hold(database, workspace, 3, state="dead")
    changes = [
        {"op": "set", "field": "custom_fields.fixed", "value": True},
        {"op": "map", "field": "source", "values": {"held": "website"}},
    ]
    job = await run_job(database, workspace, "replay", changes=changes, reason="wrong source")
    assert job["done"] == 3
    await drain(database_url)
    stored = await rows(database, "SELECT payload FROM submissions WHERE state = 'done'")
    assert {orjson.loads(payload)["source"] for (payload,) in stored} == {"website"}
    versions = await rows(
        database, "SELECT version, payload, reason, author->>'name' FROM submission_versions ORDER BY 1 LIMIT 4"
    )
    assert [(version, reason, name) for version, _, reason, name in versions[:3]] == [(1, None, None)] * 3
    assert orjson.loads(versions[0][1])["source"] == "held"
    assert (versions[3][0], versions[3][2:]) == (2, ("wrong source", AUTHOR.name))


async def test_a_quiet_replay_tells_no_automation(database_url: str, database: Connection, workspace: int) -> None:
    await hold(database, workspace, 2, state="dead")
    await hold(database, workspace, 2, state="dead", source="loud")
    await run_job(database, workspace, "replay", filters={"source": "held"}, with_automations=False)
    await run_job(database, workspace, "replay", filters={"source": "loud"})
    await drain(database_url)
    told = "SELECT count(*) FROM events e JOIN activities a ON a.id = e.activity_id WHERE a.data->>'source' = %s"
    assert (await count_of(database, told, "held"), await count_of(database, told, "loud")) == (0, 2)
    marked = "SELECT count(*) FROM activities WHERE data ? 'without_automations'"
    assert await count_of(database, marked) == 2


async def test_ids_of_a_moment_ago_are_the_only_ones_taken(database: Connection, workspace: int) -> None:
    await hold(database, workspace, 5, state="dead")
    ids = [row[0] for row in await rows(database, "SELECT id FROM submissions LIMIT 2")]
    assert (await run_job(database, workspace, "replay", filters={"ids": [*ids, uuid7(now_ms())]}))["done"] == 2
    assert await states(database) == {"dead": 3}


async def test_a_workers_message_runs_jobs_and_wakes_ingest(
    database_url: str, database: Connection, workspace: int, tmp_path: Path
) -> None:
    await hold(database, workspace, 50)
    id_ = await start_job(database, workspace, "release")
    hints: list[str] = []
    worker = Worker(
        settings_of(database_url, tmp_path),
        lambda: hints.append("ingest"),
        lambda: None,
        lambda: False,
        lambda: hints.append("jobs"),
    )
    await asyncio.to_thread(worker.run_jobs)
    await asyncio.to_thread(worker.stop)
    assert (await read_job(database, workspace, id_))["state"] == "done"
    assert hints[0] == "ingest"  # then perhaps another hint, where the turn was over before nothing was due


async def test_the_sweeper_runs_jobs_that_no_worker_takes(
    database_url: str, database: Connection, workspace: int
) -> None:
    await hold(database, workspace, 50)
    id_ = await start_job(database, workspace, "reject")
    hints: list[None] = []
    stopping = asyncio.Event()
    fallback = job_fallback(JobEngine(stopping.is_set), lambda: hints.append(None), lambda: None, lambda: False)
    async with connect(database_url, "tests sweeper") as connection:
        watching = asyncio.create_task(take_turns(fallback.take_turn, connection, stopping))
        await until_async(lambda: _handled(database, id_, 50), what="the sweeper")
        stopping.set()
        await watching
    assert hints  # before it did the work itself
