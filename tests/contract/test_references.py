"""References: what is deleted is on no lead."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio

from shared.leads.reference_locks import MAX_LEADS_CLEARED_AT_ONCE
from shared.platform.db.connections import connect
from tests.contract.service import Service, new_email
from tests.contract.workspaces import Workspace, new_workspace
from tests.support.waiting import until_async


@pytest_asyncio.fixture(scope="module")
async def team(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as workspace:
        yield workspace


async def test_the_leads_of_a_deleted_stage_go_to_another(team: Workspace) -> None:
    stages = [{"name": "A"}, {"name": "Won", "is_won": True}]
    pipeline = await team.make("/pipelines", {"name": "Shrinking", "stages": stages})
    going, other = (stage["id"] for stage in pipeline["stages"])
    lead = await team.lead(pipeline_stage_id=going)
    path = f"/pipelines/{pipeline['id']}/stages/{going}"
    refused = await team.ask("DELETE", path)
    assert (refused.status, refused.body["code"], refused.body["count"]) == (409, "CONFLICT", 1)
    foreign = (await team.make("/pipelines", {"name": "x", "stages": [{"name": "y"}]}))["stages"][0]["id"]
    for to in (going, foreign, 2**50, "x", -1):
        assert list(await team.errors("DELETE", f"{path}?to={to}", None)) == ["to"]
    form = await team.make("/forms", {"name": "x", "settings": {"pipeline_stage_id": going}})
    assert (await team.ask("DELETE", f"{path}?to={other}")).status == 204
    shown = await team.show(f"/leads/{lead}")
    assert (shown["pipeline_id"], shown["pipeline_stage_id"], shown["status"]) == (pipeline["id"], other, "converted")
    assert (await team.show(f"/forms/{form['id']}"))["settings"]["pipeline_stage_id"] == other


async def test_deleting_a_user_unassigns_leads_and_tasks(team: Workspace) -> None:
    user, keeper = [(await team.make("/users", {"name": "x", "email": new_email()}))["id"] for _ in range(2)]
    lead, kept = await team.lead(assigned_user_id=user), await team.lead(assigned_user_id=keeper)
    task = await team.make("/tasks", {"title": "Call", "user_id": user, "lead_id": lead})
    assert (await team.show(f"/leads/{lead}"))["assigned_user_id"] == user
    assert (await team.ask("DELETE", f"/users/{user}")).status == 204
    assert (await team.show(f"/leads/{lead}"))["assigned_user_id"] is None
    assert (await team.show(f"/leads/{kept}"))["assigned_user_id"] == keeper
    assert await team.show(f"/tasks/{task['id']}") == {**task, "user_id": None}


async def test_deleted_records_leave_form_and_integration_settings(team: Workspace) -> None:
    """What was read can be written back then, and what comes in is not warned of."""
    board = await team.make("/pipelines", {"name": "Going", "stages": [{"name": "A"}, {"name": "B"}]})
    user, stage = (await team.make("/users", {"name": "x", "email": new_email()}))["id"], board["stages"][1]["id"]
    kept = {"source": "landing", "tags": ["x"]}
    place = {"pipeline_id": board["id"], "pipeline_stage_id": stage, "assigned_user_id": user}
    fields = [{"key": "mail", "type": "email", "maps_to": "email"}]
    form = await team.make("/forms", {"name": "F", "fields": fields, "settings": {**kept, **place}})
    integration = await team.make("/integrations", {"type": "jotform", "name": "J", "settings": {**kept, **place}})
    other = await team.make("/forms", {"name": "F", "settings": {"assigned_user_id": None}})
    paths = [f"/forms/{form['id']}", f"/integrations/{integration['id']}"]
    deletes = {
        f"/users/{user}": {"assigned_user_id": None},
        f"/pipelines/{board['id']}/stages/{stage}": {"pipeline_stage_id": None},
        f"/pipelines/{board['id']}": {"pipeline_id": None},
    }
    for path, gone in deletes.items():
        assert (await team.ask("DELETE", path)).status == 204
        place |= gone
        for each in paths:
            shown = await team.show(each)
            assert {name: shown["settings"][name] for name in (*kept, *place)} == {**kept, **place}
            written = await team.ask("PUT", each, shown)
            assert (written.status, written.body["data"]["settings"]) == (200, shown["settings"]), written.raw
    filled = await team.ask("POST", f"/forms/{form['id']}/submissions", {"mail": new_email()})
    assert (filled.status, "warnings" in filled.body) == (201, False), filled.raw
    assert await team.show(f"/forms/{other['id']}") == other


async def test_a_deleted_pipeline_takes_its_stage_out_of_settings(team: Workspace) -> None:
    board = await team.make("/pipelines", {"name": "Going", "stages": [{"name": "A"}]})
    form = await team.make("/forms", {"name": "F", "settings": {"pipeline_stage_id": board["stages"][0]["id"]}})
    assert form["settings"]["pipeline_id"] == board["id"]
    assert (await team.ask("DELETE", f"/pipelines/{board['id']}")).status == 204
    settings = (await team.show(f"/forms/{form['id']}"))["settings"]
    assert (settings["pipeline_id"], settings["pipeline_stage_id"]) == (None, None)


async def test_settings_saved_beside_deletes_name_nothing_that_is_gone(team: Workspace) -> None:
    form = await team.make("/forms", {"name": "F"})
    path = f"/forms/{form['id']}"
    for number in range(20):
        user = (await team.make("/users", {"name": "x", "email": new_email()}))["id"]
        saves = [{"assigned_user_id": user}, {"source": f"s{number}"}, {"assigned_user_id": user, "tags": ["x"]}]
        answers = await asyncio.gather(
            *(team.ask("PATCH", path, {"settings": settings}) for settings in saves),
            team.ask("DELETE", f"/users/{user}"),
        )
        assert {answer.status for answer in answers} <= {200, 204, 422}
        assert (await team.show(path))["settings"]["assigned_user_id"] is None


async def test_a_deleted_tag_is_on_no_lead(team: Workspace) -> None:
    lead = await team.lead(tags=["Going", "Staying"])
    tags = {tag["name"]: tag for tag in (await team.ask("GET", "/tags")).body["data"]}
    assert (await team.ask("DELETE", f"/tags/{tags['Going']['id']}")).status == 204
    assert (await team.show(f"/leads/{lead}"))["tags"] == ["Staying"]
    assert (await team.ask("DELETE", f"/tags/{tags['Going']['id']}")).status == 404
    again = await team.lead(tags=["going"])
    assert (await team.show(f"/leads/{again}"))["tags"] == ["going"]
    assert (await team.show(f"/leads/{lead}"))["tags"] == ["Staying"]


async def test_reference_deleted_from_many_leads_is_hidden_at_once(service: Service, team: Workspace) -> None:
    user = (await team.make("/users", {"name": "Busy", "email": new_email()}))["id"]
    tag = (await team.make("/tags", {"name": "Everywhere"}))["id"]
    lead = await team.lead(assigned_user_id=user, tags=["everywhere", "kept"])
    copies = """
        INSERT INTO leads (workspace_id, id, assigned_user_id, tag_ids)
        SELECT workspace_id, nextval('lead_ids'), assigned_user_id, tag_ids FROM leads, generate_series(1, %s)
        WHERE id = %s
    """
    bearing = "SELECT count(*) FROM leads WHERE assigned_user_id = %s OR %s = ANY(tag_ids)"
    async with connect(service.stack.database_url, "tests") as connection:
        await connection.execute(copies, (MAX_LEADS_CLEARED_AT_ONCE, lead))
        for path in (f"/users/{user}", f"/tags/{tag}"):
            assert (await team.ask("DELETE", path)).status == 204
        shown = await team.show(f"/leads/{lead}")
        assert (shown["assigned_user_id"], shown["tags"]) == (None, ["kept"])

        async def cleaned() -> bool:
            return await (await connection.execute(bearing, (user, tag))).fetchone() == (0,)

        await until_async(cleaned)
