"""What leads refer to: nothing that was deleted stays on a lead, whatever happens at that moment."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from services.api.resources import tags
from shared.intake.change_author import COMMAND_AUTHOR
from shared.leads import reference_locks
from shared.leads.lead_records import read_leads
from shared.pipelines import pipeline_management as board
from shared.pipelines.stage_removal import remove_stage
from shared.platform.db.connections import Connection, connect
from shared.platform.db.database_engine import make_engine
from shared.platform.errors import Conflict
from tests.support.database import driver_of
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

GONE, OTHER = 8, 7  # ids that no stage, user or tag has
PLANT = """
INSERT INTO leads (workspace_id, id, pipeline_stage_id, assigned_user_id, tag_ids)
SELECT %(workspace)s, nextval('lead_ids'), CASE WHEN bears THEN %(gone)s END, CASE WHEN bears THEN %(gone)s END,
       CASE WHEN bears THEN ARRAY[%(other)s, %(gone)s, 9] ELSE ARRAY[%(other)s] END
FROM (SELECT i %% 2 = 1 AS bears FROM generate_series(1, 2 * %(n)s) i) leads
"""
BEARING = """
SELECT count(pipeline_stage_id), count(assigned_user_id), count(*) FILTER (WHERE %s = ANY(tag_ids)),
       count(*) FILTER (WHERE %s = ANY(tag_ids))
FROM leads
"""
RULE = "INSERT INTO scoring_rules (workspace_id, field, operator, points) VALUES (%s, 'email', 'is_not_empty', 1)"
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
LOST = """
SELECT count(*) FROM leads WHERE pipeline_id NOT IN (SELECT id FROM pipelines)
    OR pipeline_stage_id NOT IN (SELECT id FROM pipeline_stages) OR NOT tag_ids <@ ARRAY(SELECT id FROM tags)
"""


@pytest_asyncio.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(database_url, "tests", size=4)
    yield engine
    await engine.dispose()


async def plant(connection: Connection, n: int) -> int:
    """So many leads that bear the stage, user and tag that are gone, and as many others; their workspace."""
    workspace = await workspace_id(connection)
    await connection.execute(PLANT, {"workspace": workspace, "gone": GONE, "other": OTHER, "n": n})
    return workspace


async def clear(connection: Connection, workspace: int) -> None:
    """As if stage, user and tag were deleted."""
    async with connection.transaction():
        await reference_locks.lock_exclusive(connection, workspace)
        for kind in reference_locks.REFERRING_CONDITIONS:
            await reference_locks.clear_reference(connection, workspace, kind, GONE)


async def one(connection: Connection, query: str, *values: Any) -> tuple[Any, ...]:
    return await (await connection.execute(query, values)).fetchone() or ()


async def bearing(connection: Connection) -> tuple[int, ...]:
    """How many leads bear a stage, a user, the tag that is gone, the one that is not."""
    return await one(connection, BEARING, GONE, OTHER)


async def test_few_leads_are_cleaned_at_once(database: Connection) -> None:
    n = reference_locks.MAX_LEADS_CLEARED_AT_ONCE
    workspace = await plant(database, n)
    await clear(database, workspace)
    assert await bearing(database) == (0, 0, 0, 2 * n)
    assert await one(database, "SELECT tag_ids FROM leads ORDER BY id LIMIT 1") == ([OTHER, 9],)
    assert await reference_locks.clear_next_chunk(database) is False


async def test_references_are_cleared_in_chunks_unnoticed_by_readers(database: Connection) -> None:
    n = reference_locks.MAX_LEADS_CLEARED_AT_ONCE + 1
    workspace = await plant(database, n)
    (first,) = await one(database, "SELECT min(id) FROM leads")
    await clear(database, workspace)
    assert await bearing(database) == (n, n, n, 2 * n)
    lead = (await read_leads(database, [(workspace, first)]))[workspace, first]
    assert (lead["pipeline_stage_id"], lead["assigned_user_id"], lead["tags"]) == (None, None, [])
    chunks = 0
    while await reference_locks.clear_next_chunk(database):
        chunks += 1
    assert chunks == 3 * (n // reference_locks.LEADS_PER_CHUNK + 2)  # the last two: what is left, and that nothing is
    assert await bearing(database) == (0, 0, 0, 2 * n)
    assert await one(database, "SELECT count(*) FROM background_cleanups") == (0,)


async def test_a_crash_in_the_middle_repeats_one_chunk(database_url: str, database: Connection) -> None:
    n = reference_locks.MAX_LEADS_CLEARED_AT_ONCE + 1
    workspace = await plant(database, n)
    await clear(database, workspace)
    await reference_locks.clear_next_chunk(database)
    done = await bearing(database)
    assert done == (n - reference_locks.LEADS_PER_CHUNK, n, n, 2 * n)
    async with database.transaction(), connect(database_url, "sweeper") as sweeper:
        # Its next chunk waits for one of the leads; then it dies.
        await database.execute(
            "SELECT FROM leads ORDER BY id OFFSET %s LIMIT 1 FOR UPDATE", (3 * reference_locks.LEADS_PER_CHUNK,)
        )
        chunk = asyncio.create_task(reference_locks.clear_next_chunk(sweeper))
        async with connect(database_url, "tests") as watcher:
            await until_async(lambda: _waits(watcher, sweeper.info.backend_pid))
            await watcher.execute("SELECT pg_terminate_backend(%s)", (sweeper.info.backend_pid,))
        with pytest.raises(psycopg.OperationalError):
            await chunk
    assert await bearing(database) == done
    await _all_chunks(database)
    assert await bearing(database) == (0, 0, 0, 2 * n)


async def test_two_sweepers_do_each_others_work(database_url: str, database: Connection) -> None:
    workspace = await plant(database, reference_locks.MAX_LEADS_CLEARED_AT_ONCE + 1)
    await clear(database, workspace)
    async with connect(database_url, "other") as other:
        await asyncio.gather(_all_chunks(database), _all_chunks(other))
    assert (await bearing(database))[:3] == (0, 0, 0)


async def test_a_delete_waits_for_who_may_have_seen_what_it_deletes(
    engine: AsyncEngine, database_url: str, database: Connection
) -> None:
    workspace = await workspace_id(database)
    async with engine.begin() as connection:
        pipeline = (await board.create_pipeline(await driver_of(connection), workspace, {"name": "Going"}))["id"]
    async with connect(database_url, "writer") as writer:
        async with writer.transaction():
            await reference_locks.lock_shared(writer, [workspace])
            deleting = asyncio.create_task(_delete(engine, workspace, pipeline))
            await until_async(lambda: _somebody_waits(database))
            await writer.execute(
                "INSERT INTO leads (workspace_id, id, pipeline_id) VALUES (%s, nextval('lead_ids'), %s)",
                (workspace, pipeline),
            )
            assert not deleting.done()
        assert await deleting is False
    assert await one(database, LOST) == (0,)


async def test_no_lead_bears_what_is_gone(engine: AsyncEngine, database_url: str, database: Connection) -> None:
    """Leads come by two workers while the pipelines, stages and tags that they name are deleted."""
    workspace = await workspace_id(database)
    stages = [{"name": "First"}, {"name": "Second"}]
    async with engine.begin() as connection:
        made = [
            await board.create_pipeline(await driver_of(connection), workspace, {"name": "x", "stages": stages})
            for _ in range(30)
        ]
    for number in range(90):
        lead = {"email": f"{number}@example.com", "pipeline_id": made[number % 30]["id"], "tags": [str(number % 15)]}
        await accept(database, [item(workspace, lead)])

    async def delete_all() -> int:
        deleted = 0
        for pipeline in made:
            async with engine.begin() as connection:
                first, second = (stage["id"] for stage in pipeline["stages"])
                found = await driver_of(connection)
                await remove_stage(found, workspace, pipeline["id"], first, to=second, author=COMMAND_AUTHOR)
            deleted += await _delete(engine, workspace, pipeline["id"])
            await _delete_tag(engine, workspace, database)
        return deleted

    taken, deleted = await asyncio.gather(drain(database_url, workers=2), delete_all())
    assert taken == 90
    assert await one(database, LOST) == (0,)
    assert await one(database, "SELECT count(*) FROM pipelines") == (31 - deleted,)
    left_out = "SELECT count(*) FROM submissions WHERE warnings[1] LIKE 'pipeline_id: %%'"
    default = "SELECT count(*) FROM leads l JOIN pipelines p ON p.id = l.pipeline_id WHERE p.is_default"
    assert await one(database, left_out) == await one(database, default)


async def _delete_tag(engine: AsyncEngine, workspace: int, database: Connection) -> None:
    """The newest, if there is any."""
    (newest,) = await one(database, "SELECT max(id) FROM tags")
    if newest is not None:
        async with engine.begin() as connection:
            await tags.delete_tag(connection, workspace, newest)


async def _delete(engine: AsyncEngine, workspace: int, pipeline: int) -> bool:
    """Whether the pipeline could be deleted: it had no leads."""
    try:
        async with engine.begin() as connection:
            await board.delete_pipeline(await driver_of(connection), workspace, pipeline)
    except Conflict:
        return False
    return True


async def _all_chunks(connection: Connection) -> None:
    while await reference_locks.clear_next_chunk(connection):
        pass


async def _somebody_waits(connection: Connection) -> bool:
    return await one(connection, WAITING) != (0,)


async def _waits(connection: Connection, pid: int) -> bool:
    return await one(connection, "SELECT cardinality(pg_blocking_pids(%s)) > 0", pid) == (True,)


async def test_deletes_of_different_kinds_take_turns(engine: AsyncEngine, database: Connection) -> None:
    """Those on the board and those of tags want the same two locks."""
    workspace = await workspace_id(database)
    names = [f"tag {number}" for number in range(20)]
    tag_ids = [
        (await one(database, "INSERT INTO tags (workspace_id, name) VALUES (%s, %s) RETURNING id", workspace, name))[0]
        for name in names
    ]
    async with engine.begin() as connection:
        pipelines = [
            (await board.create_pipeline(await driver_of(connection), workspace, {"name": name}))["id"]
            for name in names
        ]

    async def delete_tag(id_: int) -> None:
        async with connections, engine.begin() as connection:
            await tags.delete_tag(connection, workspace, id_)

    async def delete_pipeline(id_: int) -> None:
        async with connections:
            assert await _delete(engine, workspace, id_)

    connections = asyncio.Semaphore(4)  # the engine's: who finds none free for 2 s is refused
    await asyncio.gather(*map(delete_tag, tag_ids), *map(delete_pipeline, pipelines))
    assert await one(database, "SELECT count(*) FROM tags") == (0,)
    assert await one(database, "SELECT count(*) FROM pipelines") == (1,)


async def test_saving_a_rule_does_not_wait_for_a_concurrent_delete(database_url: str, database: Connection) -> None:
    """A form is saved so: what it names is held, then written. A delete waits for it, and so must not be waited for."""
    workspace = await workspace_id(database)
    async with connect(database_url, "saves") as saving, connect(database_url, "deletes") as deleting:

        async def delete() -> None:
            async with deleting.transaction():
                await reference_locks.lock_exclusive(deleting, workspace)

        async with saving.transaction():
            await reference_locks.lock_shared(saving, [workspace])
            waiting = asyncio.create_task(delete())
            await until_async(lambda: _somebody_waits(database))
            await saving.execute(RULE, (workspace,))  # of two who wait for each other PostgreSQL would refuse one
        await waiting
