"""Tasks, as `docs/openapi.json` describes them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.contract.service import Service, ask, new_email
from tests.contract.workspaces import Through, Workspace, assert_foreign, new_workspace

DUE = "2027-03-28T09:15:00+02:00"
WRONG: dict[str, list[Any]] = {
    "title": [None, "", "  ", 5, [], "x" * 256],
    "lead_id": [0, -1, 1.5, "1", True, 2**53, 2**52],
    "user_id": [0, -1, 1.5, "1", False, 2**53, 2**52],
    "due_at": [5, "soon", "2027-13-01", {}],
    "done_at": [True, "yes", "2027-02-30"],
}


@pytest_asyncio.fixture(scope="module")
async def team(service: Service, through: Through) -> AsyncIterator[Workspace]:
    async with new_workspace(service, through) as workspace:
        yield workspace


@pytest_asyncio.fixture(scope="module")
async def other(service: Service, through: Through) -> AsyncIterator[Workspace]:
    async with new_workspace(service, through) as workspace:
        yield workspace


async def test_a_task_from_making_to_deleting(team: Workspace) -> None:
    lead = await team.lead()
    user = (await team.make("/users", {"name": "Ann", "email": new_email()}))["id"]
    made = await team.make("/tasks", {"title": " Call ", "lead_id": lead, "user_id": user, "due_at": DUE, "id": 4})
    assert made == {
        "id": made["id"],
        "lead_id": lead,
        "title": "Call",
        "due_at": "2027-03-28T07:15:00+00:00",
        "user_id": user,
        "done_at": None,
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    path = f"/tasks/{made['id']}"
    assert await team.show(path) == made
    changed = (await team.ask("PATCH", path, {"done_at": "2027-01-01", "user_id": None})).body["data"]
    assert (changed["done_at"], changed["user_id"], changed["lead_id"]) == ("2027-01-01T00:00:00+00:00", None, lead)
    changed = (await team.ask("PUT", path, {"done_at": None, "due_at": None, "lead_id": None, "title": "Mail"})).body
    assert (changed["data"]["done_at"], changed["data"]["due_at"], changed["data"]["lead_id"]) == (None, None, None)
    assert await team.show(path) == changed["data"]
    gone = await team.ask("DELETE", path)
    assert (gone.status, gone.raw) == (204, b"")
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert (await team.ask(method, path, {} if method in ("PUT", "PATCH") else None)).status == 404


@pytest.mark.parametrize("field", WRONG)
async def test_a_tasks_fields_are_checked(team: Workspace, field: str) -> None:
    task = await team.make("/tasks", {"title": "x"})
    for value in WRONG[field]:
        assert list(await team.errors("POST", "/tasks", {"title": "x", field: value})) == [field], value
        assert list(await team.errors("PATCH", f"/tasks/{task['id']}", {field: value})) == [field], value
    assert await team.show(f"/tasks/{task['id']}") == task


async def test_all_errors_of_a_task_are_reported_together(team: Workspace, other: Workspace) -> None:
    lead = await other.lead()
    user = (await other.make("/users", {"name": "Ann", "email": new_email()}))["id"]
    assert await team.errors("POST", "/tasks", {"due_at": 5, "lead_id": lead, "user_id": user, "done_at": "x"}) == {
        "title": ["The title field is required."],
        "due_at": ["The due_at field must be an ISO 8601 date or time."],
        "lead_id": [f"There is no lead {lead}."],
        "user_id": [f"There is no user {user}."],
        "done_at": ["The done_at field must be an ISO 8601 date or time."],
    }


async def test_tasks_are_listed_by_lead_user_and_whether_they_are_done(team: Workspace, other: Workspace) -> None:
    lead = await team.lead()
    user = (await team.make("/users", {"name": "Ann", "email": new_email()}))["id"]
    bodies = [{"lead_id": lead}, {"lead_id": lead, "user_id": user, "done_at": DUE}, {"user_id": user}]
    first, second, third = [(await team.make("/tasks", {"title": "x", **body}))["id"] for body in bodies]

    async def listed(query: str) -> list[int]:
        answer = await team.ask("GET", f"/tasks?per_page=100&{query}")
        assert answer.body["meta"]["total"] == len(answer.body["data"])
        return [task["id"] for task in answer.body["data"]]

    assert await listed(f"lead_id={lead}") == [second, first]
    assert await listed(f"user_id={user}") == [third, second]
    assert await listed(f"user_id={user}&done=true") == await listed(f"user_id={user}&done=1") == [second]
    assert await listed(f"lead_id={lead}&done=false") == [first]
    assert await listed(f"lead_id={lead}&user_id={user}&done=0") == []
    foreign = await other.lead()
    errors = await team.errors("GET", f"/tasks?lead_id={foreign}&user_id=x&done=maybe&page=0", None)
    assert errors.keys() == {"lead_id", "user_id", "done", "page"}


async def test_tasks_of_another_workspace_are_invisible(team: Workspace, other: Workspace) -> None:
    task = await team.make("/tasks", {"title": "Ours"})
    await assert_foreign(team, other, f"/tasks/{task['id']}", {"title": "Mine"})
    assert (await other.ask("GET", "/tasks")).body["meta"]["total"] == 0
    for odd in ("0", "-1", "x", "9" * 20):
        assert (await team.ask("GET", f"/tasks/{odd}")).status == 404


async def test_a_deleted_leads_tasks_go(team: Workspace) -> None:
    lead = await team.lead()
    task = await team.make("/tasks", {"title": "x", "lead_id": lead})
    assert (await team.ask("DELETE", f"/leads/{lead}")).status == 204
    assert (await team.ask("GET", f"/tasks/{task['id']}")).status == 404


async def test_task_routes_require_their_scopes(team: Workspace) -> None:
    path = f"/api/v1/tasks/{(await team.make('/tasks', {'title': 'x'}))['id']}"
    async with await team.client_with("read:leads", "delete:leads") as session:
        for method in ("PUT", "PATCH", "DELETE"):
            assert "write:leads" in (await ask(session, method, path)).body["message"]
        assert (await ask(session, "POST", "/api/v1/tasks")).status == 403
        assert (await ask(session, "GET", path)).status == 200
    async with await team.client_with("write:leads") as session:
        assert (await ask(session, "GET", path)).status == (await ask(session, "GET", "/api/v1/tasks")).status == 403
        assert (await ask(session, "DELETE", path)).status == 204
