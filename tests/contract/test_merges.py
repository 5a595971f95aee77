"""Two leads become one, its old id answers everywhere with it, and the merge can be undone."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from tests.contract.service import Service, new_email
from tests.contract.workspaces import Through, Workspace, new_workspace
from tests.support.waiting import until_async


@pytest_asyncio.fixture(scope="module")
async def team(service: Service, through: Through) -> AsyncIterator[Workspace]:
    async with new_workspace(service, through) as workspace:
        yield workspace


def stable(lead: dict[str, Any]) -> dict[str, Any]:
    """What a merge and its undoing leave alone. Likeness may note that the two are alike meanwhile."""
    return {name: value for name, value in lead.items() if name not in ("updated_at", "possible_duplicate_of")}


async def people(team: Workspace) -> tuple[int, int]:
    """Two leads that came in, the second with a task and a run that waits."""
    ann = await team.lead(first_name="Ann", tags=["vip"], notes="met in May")
    anna = await team.lead(first_name="Anna", company="Acme", tags=["news"], custom_fields={"budget": 5}, notes="calls")
    await team.make("/tasks", {"title": "Call", "lead_id": anna})
    return ann, anna


async def test_a_merge_and_its_undoing(team: Workspace) -> None:
    ann, anna = await people(team)
    steps = [{"delay": {"days": 1}}, {"action": {"type": "add_tag", "tag": "later"}}]
    waiting = await team.make("/automations", {"name": "Later", "trigger": {"type": "manual"}, "steps": steps})
    run_path, runs_path = f"/automations/{waiting['id']}/run", f"/automations/{waiting['id']}/runs"
    assert (await team.ask("POST", run_path, {"lead_id": anna})).status == 202
    await until_async(lambda: has_waiting_run(team, runs_path))
    before = [await team.show(f"/leads/{lead}") for lead in (ann, anna)]

    answer = await team.ask("POST", f"/leads/{ann}/merge", {"lead_id": anna, "fields": {"first_name": "theirs"}})
    assert answer.status == 200, answer.raw
    merged, merge_id = answer.body["data"], answer.body["data"]["merge_id"]
    assert (merged["id"], merged["first_name"], merged["company"]) == (ann, "Anna", "Acme")
    assert (merged["email"], merged["tags"], merged["custom_fields"]) == (
        before[0]["email"],
        ["vip", "news"],
        {"budget": 5},
    )
    assert merged["notes"] == "met in May\n\ncalls"
    await check_everywhere(team, ann, anna, merge_id, before[1]["email"])
    assert [run["lead_id"] for run in (await team.ask("GET", runs_path)).body["data"]] == [ann]

    answer = await team.ask("POST", f"/leads/{anna}/unmerge", {"merge_id": merge_id})
    assert answer.status == 200, answer.raw
    assert (answer.body["data"]["kept"], answer.body["data"]["restored"]["id"]) == ({}, anna)
    after = [await team.show(f"/leads/{lead}") for lead in (ann, anna)]
    assert [stable(lead) for lead in after] == [stable(lead) for lead in before]
    assert [run["lead_id"] for run in (await team.ask("GET", runs_path)).body["data"]] == [anna]
    assert (await team.ask("POST", f"/leads/{ann}/unmerge", {"merge_id": merge_id})).status == 409
    for lead in (ann, anna):
        entries = (await team.ask("GET", f"/leads/{lead}/activities")).body["data"]
        types = [entry["type"] for entry in entries if entry["type"] in ("lead.unmerged", "lead.merged")]
        assert types == ["lead.unmerged", "lead.merged"]
    (told,) = (await team.ask("GET", f"/leads/{anna}/merges")).body["data"]
    assert (told["id"], told["winner_id"], told["merged_lead_id"], told["merged_name"]) == (merge_id, ann, anna, None)
    assert told["undone_at"]


async def has_waiting_run(team: Workspace, path: str) -> bool:
    found = (await team.ask("GET", path)).body["data"]
    return bool(found) and found[0]["state"] == "waiting" and found[0]["steps"] != []


async def check_everywhere(team: Workspace, ann: int, anna: int, merge_id: int, email: str) -> None:
    """The id of the lead that went answers with the lead that stays, wherever it may stand."""
    assert (await team.show(f"/leads/{anna}"))["id"] == ann
    for method, path, body in (
        ("PATCH", f"/leads/{anna}", {"job_title": None}),
        ("POST", f"/leads/{anna}/tags", {"tag": "vip"}),
    ):
        assert (await team.ask(method, path, body)).body["data"]["id"] == ann
    assert {entry["lead_id"] for entry in (await team.ask("GET", f"/leads/{anna}/activities")).body["data"]} == {ann}
    for path in (f"/tasks?lead_id={anna}", f"/submissions?lead_id={anna}"):
        found = (await team.ask("GET", path)).body["data"]
        assert found, path
        assert {record["lead_id"] for record in found} == {ann}, path
    assert (await team.make("/tasks", {"title": "Mail", "lead_id": anna}))["lead_id"] == ann
    (merge,) = (await team.ask("GET", f"/leads/{anna}/merges")).body["data"]
    assert (merge["id"], merge["merged_name"], merge["merged_contact"]) == (merge_id, "Anna", email)
    assert (await team.ask("GET", "/leads?email=" + email)).body["data"][0]["id"] == ann
    assert await team.lead(email=email) == ann  # whoever writes from there is the same person
    assert await team.errors("POST", f"/leads/{ann}/merge", {"lead_id": anna}) == {
        "lead_id": [f"Lead {anna} has been merged into this lead already."]
    }


async def test_what_cannot_be_merged_is_said_by_field(team: Workspace) -> None:
    lead, other = await team.lead(first_name="Eve"), await team.lead()
    path = f"/leads/{lead}/merge"
    assert await team.errors("POST", path, {}) == {"lead_id": ["The lead_id field is required."]}
    assert await team.errors("POST", path, {"lead_id": lead}) == {"lead_id": [f"Lead {lead} is this lead."]}
    assert await team.errors("POST", path, {"lead_id": 2**52}) == {"lead_id": [f"There is no lead {2**52}."]}
    assert (await team.errors("POST", path, {"lead_id": other, "fields": {"id": "theirs"}})).keys() == {"fields.id"}
    assert (await team.errors("POST", path, {"lead_id": other, "fields": {"email": "both"}})).keys() == {"fields.email"}
    assert (await team.errors("POST", path, {"lead_id": other, "fields": {"first_name": "theirs"}})).keys() == {
        "fields.first_name"
    }
    assert (await team.errors("POST", f"/leads/{lead}/unmerge", {"merge_id": 1})).keys() == {"merge_id"}
    assert (await team.ask("POST", f"/leads/{2**62}/merge", {"lead_id": lead})).status == 404
    assert (await team.show(f"/leads/{other}"))["id"] == other


async def test_a_deleted_winner_takes_the_ids_of_those_that_merged_along(team: Workspace) -> None:
    lead, other = await team.lead(email=new_email()), await team.lead()
    assert (await team.ask("POST", f"/leads/{lead}/merge", {"lead_id": other})).status == 200
    assert (await team.ask("DELETE", f"/leads/{other}")).status == 204
    for gone in (lead, other):
        assert (await team.ask("GET", f"/leads/{gone}")).status == 404
