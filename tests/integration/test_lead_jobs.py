"""Edits and deletions of many leads: each is made as that of one, and an undo takes back what is still so."""

from typing import Any

import pytest
import pytest_asyncio

from shared.jobs.job_control import CountMoved, JobRequest, confirm_job
from shared.jobs.job_targets import count_targets
from shared.platform.db.connections import Connection
from shared.platform.errors import ValidationFailed
from tests.support.ingesting import workspace_id
from tests.support.jobs import AUTHOR, run_job
from tests.support.leads import create, edit, lead, rows, timeline

pytestmark = pytest.mark.integration

OUTCOMES_SQL = "SELECT lead_id, outcome, error FROM job_items WHERE job_id = %s ORDER BY lead_id"


@pytest_asyncio.fixture
async def workspace(database: Connection) -> int:
    return await workspace_id(database)


async def outcomes(database: Connection, job: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [row[1:] for row in await rows(database, OUTCOMES_SQL, job["id"])]


async def seen(database: Connection, workspace: int, lead_id: int) -> dict[str, Any]:
    found = await lead(database, workspace, lead_id)
    return {name: found[name] for name in ("status", "pipeline_stage_id", "starred", "tags")}


async def test_an_edit_is_undone_as_far_as_it_is_still_so(database: Connection, workspace: int) -> None:
    stages = [row[0] for row in await rows(database, "SELECT id FROM pipeline_stages WHERE is_won OR position = 1")]
    first_stage, won_stage = stages[0], stages[-1]
    fields: dict[str, Any] = {"first_name": "A", "source": "fair", "tags": ["old"], "pipeline_stage_id": first_stage}
    leads = [await create(database, workspace, **fields) for _ in range(4)]
    await create(database, workspace, first_name="B", source="other")
    before = await seen(database, workspace, leads[0])
    await edit(database, workspace, leads[3], tags=["new"], pipeline_stage_id=won_stage, starred=True, status="new")
    changes = [
        {"op": "set", "field": "pipeline_stage_id", "value": won_stage},
        {"op": "set", "field": "status", "value": "new"},
        {"op": "set", "field": "starred", "value": True},
        {"op": "add_tag", "value": "new"},
        {"op": "remove_tag", "value": "OLD"},
    ]
    job = await run_job(database, workspace, "edit", filters={"source": "fair"}, changes=changes)
    assert (job["state"], job["total"], job["done"], job["skipped"], job["failed"]) == ("done", 4, 3, 1, 0)
    assert (await outcomes(database, job))[3] == ("skipped", "It was so already.")
    assert [await seen(database, workspace, one) for one in leads] == [
        {"status": "new", "pipeline_stage_id": won_stage, "starred": True, "tags": ["new"]}
    ] * 4
    newest = (await timeline(database, leads[0]))[-1]
    assert (newest["type"], newest["data"]["by"]) == ("lead.updated", {"kind": "api", "id": AUTHOR.id})
    assert newest["data"]["tags_added"] == ["new"]

    await edit(database, workspace, leads[1], status="lost", starred=False, tags=["old"], pipeline_stage_id=first_stage)
    await edit(database, workspace, leads[2], status="lost")
    undone = await run_job(database, workspace, "edit", filters={"undo_of": job["id"]})
    assert await outcomes(database, undone) == [
        ("done", None),
        ("skipped", "It was changed again since."),
        ("done", None),
    ]
    assert await seen(database, workspace, leads[0]) == before
    assert await seen(database, workspace, leads[2]) == {**before, "status": "lost"}
    again = await run_job(database, workspace, "edit", filters={"undo_of": undone["id"]})
    assert again["done"] == 2
    assert (await seen(database, workspace, leads[0]))["tags"] == ["new"]


async def test_leads_that_are_gone_or_refuse_a_change_are_told_apart(database: Connection, workspace: int) -> None:
    leads = [await create(database, workspace, first_name="C", source="gone") for _ in range(3)]
    job = await run_job(database, workspace, "delete", filters={"ids": leads[:1]})
    assert (job["done"], await rows(database, "SELECT 1 FROM leads WHERE id = %s", leads[0])) == (1, [])
    request = JobRequest(
        "edit", {"source": "gone"}, changes=[{"op": "set", "field": "assigned_user_id", "value": 2**40}]
    )
    with pytest.raises(CountMoved):
        async with database.transaction():
            await confirm_job(database, workspace, request, 3, AUTHOR)
    job = await run_job(database, workspace, "edit", filters=request.filters, changes=request.changes)
    assert [row[0] for row in await outcomes(database, job)] == ["failed"] * 2
    assert await count_targets(database, "edit", workspace, {"tag": "nobody's"}) == 0
    with pytest.raises(ValidationFailed):
        await count_targets(database, "edit", workspace, {"stage_id": 2**40})
