"""A stage is removed while its leads move: none is lost, whatever else happens to the stage and to them."""

import asyncio
from contextlib import suppress

import pytest

from services.workers.jobs.job_engine import JobEngine
from shared.intake.change_author import ChangeAuthor
from shared.jobs import job_control
from shared.leads.edit import ChangeCause, LeadChange
from shared.leads.writes import change_leads
from shared.pipelines.pipeline_management import create_pipeline, update_stage
from shared.pipelines.pipeline_reads import count_leads_in_stages, find_pipeline, find_stage
from shared.pipelines.stage_emptying import MAX_MOVED_AT_ONCE, StageHoldsLeads
from shared.pipelines.stage_removal import read_running_removals, remove_stage
from shared.platform.db.connections import Connection, connect
from shared.platform.errors import Conflict, NotFound
from tests.support.ingesting import workspace_id
from tests.support.jobs import run_due_jobs

pytestmark = pytest.mark.integration

AUTHOR = ChangeAuthor("user", 7, "Ada")
STAGES = [{"name": "Fair"}, {"name": "Contacted"}, {"name": "Won", "is_won": True}]
PLANT = """
INSERT INTO leads (workspace_id, id, first_name, pipeline_id, pipeline_stage_id)
SELECT %s, nextval('lead_ids'), 'Ada', %s, %s FROM generate_series(1, %s) RETURNING id
"""
WATCH = "INSERT INTO scoring_rules (workspace_id, field, operator, points) VALUES (%s, 'email', 'is_not_empty', 1)"
ENTRIES = "SELECT count(*) FROM activities WHERE data->'changes' ? 'pipeline_stage_id'"


async def plant(database: Connection, n: int) -> tuple[int, int, list[int], list[int]]:
    """A workspace, a pipeline, its stages, and so many leads in the first of these."""
    workspace = await workspace_id(database)
    await database.execute(WATCH, (workspace,))  # so that changes have events
    pipeline = await create_pipeline(database, workspace, {"name": "Sales Nordics", "stages": STAGES})
    stages = [stage["id"] for stage in pipeline["stages"]]
    leads = await (await database.execute(PLANT, (workspace, pipeline["id"], stages[0], n))).fetchall()
    return workspace, pipeline["id"], stages, [row[0] for row in leads]


async def one(database: Connection, statement: str, *values: object) -> int:
    row = await (await database.execute(statement.encode(), values)).fetchone()
    assert row is not None
    return int(row[0])


async def test_few_leads_move_at_once_and_set_nothing_off(database: Connection) -> None:
    workspace, pipeline, (fair, _, won), leads = await plant(database, 3)
    async with database.transaction():
        with pytest.raises(StageHoldsLeads) as refused:
            await remove_stage(database, workspace, pipeline, fair, author=AUTHOR)
    assert refused.value.count == 3
    async with database.transaction():
        with pytest.raises(job_control.CountMoved):
            await remove_stage(database, workspace, pipeline, fair, to=won, author=AUTHOR, shown=4)
    async with database.transaction():
        assert await remove_stage(database, workspace, pipeline, fair, to=won, author=AUTHOR, shown=2) is None
    assert await count_leads_in_stages(database, workspace, [fair, won]) == {won: 3}
    assert await one(database, "SELECT count(*) FROM leads WHERE status = 'converted' AND id = ANY(%s)", leads) == 3
    assert await one(database, ENTRIES) == 3
    assert await one(database, "SELECT count(*) FROM events") == 0
    stages = (await find_pipeline(database, workspace, pipeline))["stages"]
    assert [(stage["name"], stage["position"]) for stage in stages] == [("Contacted", 1), ("Won", 2)]


async def test_many_leads_move_by_a_job_while_others_work_on(database_url: str, database: Connection) -> None:
    workspace, pipeline, (fair, contacted, won), leads = await plant(database, MAX_MOVED_AT_ONCE + 400)
    async with database.transaction():
        job = await remove_stage(database, workspace, pipeline, fair, to=contacted, author=AUTHOR)
    assert job is not None
    assert await read_running_removals(database, workspace) == {fair: job}
    for stage in (fair, contacted):  # neither the stage that goes nor the one that they go to
        async with database.transaction():
            with pytest.raises(Conflict):
                await remove_stage(database, workspace, pipeline, stage, to=won, author=AUTHOR)

    async def rename(stage: int) -> None:
        async with connect(database_url, "renames") as renaming:
            for number in range(20):
                with suppress(NotFound):  # the stage that goes may be gone
                    async with renaming.transaction():
                        await update_stage(renaming, workspace, pipeline, stage, {"name": f"Renamed {number}"})

    async def move_some() -> None:
        async with connect(database_url, "moves") as moving:
            for lead in leads[-40:]:
                change = LeadChange(
                    workspace, lead, cause=ChangeCause("user", 8), set_fields={"pipeline_stage_id": won}
                )
                async with moving.transaction():
                    assert await change_leads(moving, [change]) == []

    await JobEngine().run_chunk(database)
    async with connect(database_url, "worker") as worker:
        await asyncio.gather(run_due_jobs(worker), rename(fair), rename(contacted), move_some())
    counts = await count_leads_in_stages(database, workspace, [fair, contacted, won])
    assert counts == {contacted: len(leads) - 40, won: 40}
    ended = await job_control.read_job(database, workspace, job)
    assert (ended["state"], ended["failed"], ended["done"] + ended["skipped"]) == ("done", 0, len(leads))
    with pytest.raises(NotFound):
        await find_stage(database, workspace, pipeline, fair)
    assert (await find_stage(database, workspace, pipeline, contacted))["name"] == "Renamed 19"
