"""Conflicts: what automations name cannot be deleted without a word."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from tests.contract.service import Service, new_email
from tests.contract.workspaces import Through, Workspace, new_workspace
from tests.support.waiting import until_async

SLACK = {"type": "slack", "name": "Sales", "credentials": {"webhook_url": "https://hooks.slack.example/services/x"}}


@pytest_asyncio.fixture(scope="module")
async def team(service: Service, through: Through) -> AsyncIterator[Workspace]:
    async with new_workspace(service, through) as workspace:
        yield workspace


def manual(name: str, *actions: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "trigger": {"type": "manual"}, "steps": [{"action": action} for action in actions]}


def telling(name: str, integration: int) -> dict[str, Any]:
    return manual(name, {"type": "notify_slack", "integration_id": integration, "text": "A lead"})


async def test_an_integration_that_automations_name_stays(team: Workspace) -> None:
    integration = (await team.make("/integrations", SLACK))["id"]
    other = (await team.make("/integrations", SLACK))["id"]
    first = await team.make("/automations", telling("Tell sales", integration))
    second = await team.make("/automations", telling("Tell all", integration) | {"is_active": False})
    refused = await team.ask("DELETE", f"/integrations/{integration}")
    assert (refused.status, refused.code) == (409, "CONFLICT")
    assert refused.body["message"].endswith('by automations: "Tell sales", "Tell all".')
    assert (await team.ask("DELETE", f"/integrations/{other}")).status == 204
    assert (await team.ask("DELETE", f"/automations/{first['id']}")).status == 204
    steps = telling("", integration)["steps"]
    steps[0] = {"action": {"type": "add_tag", "tag": "told"}}
    assert (await team.ask("PATCH", f"/automations/{second['id']}", {"steps": steps})).status == 200
    assert (await team.ask("DELETE", f"/integrations/{integration}")).status == 204


async def test_a_message_names_a_few_of_many(team: Workspace) -> None:
    integration = (await team.make("/integrations", SLACK))["id"]
    for number in range(7):
        await team.make("/automations", telling(f"No. {number}", integration))
    refused = await team.ask("DELETE", f"/integrations/{integration}")
    assert refused.body["message"].endswith('"No. 4" and 2 more.')


async def test_of_a_save_and_a_delete_at_once_one_is_refused(team: Workspace) -> None:
    async def race(number: int) -> tuple[int, int]:
        integration = (await team.make("/integrations", SLACK))["id"]
        automation = (await team.make("/automations", manual("Before", {"type": "add_tag", "tag": "x"})))["id"]
        save = team.ask("PATCH", f"/automations/{automation}", telling("After", integration))
        delete = team.ask("DELETE", f"/integrations/{integration}")
        asked = (save, delete) if number % 2 else (delete, save)
        return tuple(sorted([answer.status for answer in await asyncio.gather(*asked)]))  # type: ignore[return-value]

    outcomes = [await race(number) for number in range(20)]
    assert set(outcomes) <= {(200, 409), (204, 422)}, outcomes


async def test_run_reports_deleted_users_and_stages(team: Workspace) -> None:
    user = (await team.make("/users", {"name": "x", "email": new_email()}))["id"]
    pipeline = await team.make("/pipelines", {"name": "Short", "stages": [{"name": "A"}]})
    stage = pipeline["stages"][0]["id"]
    steps = ({"type": "assign_user", "user_id": user}, {"type": "move_stage", "stage_id": stage})
    path = f"/automations/{(await team.make('/automations', manual('Gone', *steps)))['id']}"
    assert (await team.ask("DELETE", f"/users/{user}")).status == 204
    assert (await team.ask("DELETE", f"/pipelines/{pipeline['id']}/stages/{stage}")).status == 204
    assert (await team.ask("POST", f"{path}/run", {"lead_id": await team.lead()})).status == 202

    async def ended() -> bool:
        return any(one["finished_at"] for one in (await team.ask("GET", f"{path}/runs")).body["data"])

    await until_async(ended, what="a run")
    (done,) = (await team.ask("GET", f"{path}/runs")).body["data"]
    assert done["state"] == "failed"
    assert [step["reason"] for step in done["steps"]] == [
        "no such user is there and active",
        f"there is no stage {stage}",
    ]
