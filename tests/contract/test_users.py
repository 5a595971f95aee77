"""Users, and what becomes of what was theirs."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.contract.service import Service, ask, new_email
from tests.contract.workspaces import Through, Workspace, assert_foreign, new_workspace

WRONG: dict[str, list[Any]] = {
    "name": [None, "", "  ", 5, ["x"], "x" * 256, "Ada\x01", "Ada\nByron", "Ada\x7f"],
    "email": [None, "", 5, "x", "a@b@c.de", "x" * 250 + "@example.com", {}],
    "role": [None, "", "boss", "Admin", 5],
    "is_active": [None, 1, "true", []],
}


@pytest_asyncio.fixture(scope="module")
async def team(service: Service, through: Through) -> AsyncIterator[Workspace]:
    async with new_workspace(service, through) as workspace:
        yield workspace


async def test_a_user_from_making_to_deleting(team: Workspace) -> None:
    email = new_email().replace("lead", "Ann")
    made = await team.make("/users", {"name": " Ann ", "email": f" {email} ", "id": 1, "created_at": "x"})
    assert made == {
        "id": made["id"],
        "name": "Ann",
        "email": email,
        "role": "agent",
        "is_active": True,
        "created_at": made["created_at"],
        "updated_at": made["updated_at"],
    }
    path = f"/users/{made['id']}"
    assert await team.show(path) == made
    changed = (await team.ask("PATCH", path, {"role": "admin", "email": email.upper()})).body["data"]
    assert changed == {**made, "role": "admin", "email": email.upper(), "updated_at": changed["updated_at"]}
    changed = (await team.ask("PUT", path, {"is_active": False})).body["data"]
    assert (changed["role"], changed["is_active"], changed["name"]) == ("admin", False, "Ann")
    assert (await team.ask("GET", "/users")).body["data"][0] == changed
    gone = await team.ask("DELETE", path)
    assert (gone.status, gone.raw) == (204, b"")
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert (await team.ask(method, path, {} if method in ("PUT", "PATCH") else None)).status == 404


async def test_user_may_have_every_role(team: Workspace) -> None:
    for role in ("admin", "manager", "agent", "read_only"):
        assert (await team.make("/users", {"name": "x", "email": new_email(), "role": role}))["role"] == role


@pytest.mark.parametrize("field", WRONG)
async def test_a_users_fields_are_checked(team: Workspace, field: str) -> None:
    user = await team.make("/users", {"name": "x", "email": new_email()})
    for value in WRONG[field]:
        body = {"name": "x", "email": new_email(), field: value}
        assert list(await team.errors("POST", "/users", body)) == [field], value
        assert list(await team.errors("PATCH", f"/users/{user['id']}", {field: value})) == [field], value
    assert await team.show(f"/users/{user['id']}") == user


async def test_all_errors_of_a_user_are_reported_together(team: Workspace) -> None:
    email = new_email()
    await team.make("/users", {"name": "First", "email": email})
    assert await team.errors("POST", "/users", {"email": email.upper(), "role": "x", "is_active": "x"}) == {
        "name": ["The name field is required."],
        "email": ["The email has already been taken."],
        "role": ["The role field must be one of: admin, manager, agent, read_only."],
        "is_active": ["The is_active field must be true or false."],
    }


async def test_an_email_is_one_users_in_any_case(service: Service, team: Workspace) -> None:
    email = new_email()
    made = await team.make("/users", {"name": "Ann", "email": email})
    other = await team.make("/users", {"name": "Bob", "email": new_email()})
    assert list(await team.errors("PUT", f"/users/{other['id']}", {"email": email.title()})) == ["email"]
    assert (await team.ask("PATCH", f"/users/{made['id']}", {"email": email.title()})).status == 200
    async with new_workspace(service) as elsewhere:
        await elsewhere.make("/users", {"name": "Ann", "email": email})
    new = {"name": "At once", "email": new_email()}
    answers = await asyncio.gather(*[team.ask("POST", "/users", new) for _ in range(8)])
    assert sorted(answer.status for answer in answers) == [201, *[422] * 7]


async def test_users_of_another_workspace_are_invisible(service: Service, team: Workspace) -> None:
    user = await team.make("/users", {"name": "x", "email": new_email()})
    async with new_workspace(service) as other:
        await assert_foreign(team, other, f"/users/{user['id']}", {"name": "Mine"})
        assert (await other.ask("GET", "/users")).body["meta"]["total"] == 0
    for odd in ("0", "-1", "x", "9" * 20):
        assert (await team.ask("GET", f"/users/{odd}")).status == 404


async def test_user_routes_require_their_scopes(team: Workspace) -> None:
    path = f"/api/v1/users/{(await team.make('/users', {'name': 'x', 'email': new_email()}))['id']}"
    allowed = {"read": {"GET": 200}, "write": {"PUT": 200, "PATCH": 200}, "delete": {"DELETE": 204}}
    for what, statuses in allowed.items():
        async with await team.client_with(f"{what}:users") as session:
            for method in ("GET", "PUT", "PATCH", "DELETE"):
                assert (await ask(session, method, path, json={})).status == statuses.get(method, 403)
            assert (await ask(session, "GET", "/api/v1/users")).status == (200 if what == "read" else 403)
            assert (await ask(session, "POST", "/api/v1/users", json={})).status == (422 if what == "write" else 403)
