"""API keys over HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from shared.auth.key_format import ALL_SCOPES, is_well_formed
from tests.contract.service import Service, ask
from tests.contract.workspaces import Workspace, assert_foreign, new_workspace
from tests.support.waiting import until_async

FELT = 5  # seconds
WRONG: dict[str, list[Any]] = {
    "name": [None, "", " ", 5, "x" * 256],
    "scopes": [None, [], "read:leads", {}, 5],
    "rate_limit": [0, -1, 1.5, "100", True, 2**31],
    "expires_at": [5, "tomorrow", "2027-02-30", []],
}


@pytest_asyncio.fixture(scope="module")
async def office(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as workspace:
        yield workspace


async def make(office: Workspace, *scopes: str, **fields: Any) -> tuple[dict[str, Any], aiohttp.ClientSession]:
    """A new key's record, and a client that uses it."""
    made = await office.make("/api-keys", {"name": "x", "scopes": scopes or ["read:tags"], **fields})
    return made, office.service.client(made["key"])


async def me(session: aiohttp.ClientSession) -> dict[str, Any] | None:
    """What the key may do, None when it may nothing."""
    answer = await ask(session, "GET", "/api/v1/me")
    return answer.body["data"] if answer.status == 200 else None


async def test_a_key_is_shown_once_and_works(office: Workspace) -> None:
    made, client = await make(office, "write:leads", "read:leads", "read:leads", name=" Website ")
    secret = made.pop("key")
    assert is_well_formed(secret)
    assert made == {
        "id": made["id"],
        "name": "Website",
        "prefix": secret[:9],
        "scopes": ["read:leads", "write:leads"],
        "rate_limit": 1000,
        "expires_at": None,
        "last_used_at": None,
        "revoked_at": None,
        "created_at": made["created_at"],
    }
    shown = await office.ask("GET", f"/api-keys/{made['id']}")
    listed = await office.ask("GET", "/api-keys")
    assert shown.body == {"data": made}
    assert listed.body["data"][0] == made
    assert secret.encode() not in shown.raw + listed.raw
    async with client:
        assert (await me(client) or {})["scopes"] == ["read:leads", "write:leads"]


async def test_limits_and_ends(office: Workspace) -> None:
    made, client = await make(office, rate_limit=None, expires_at="2040-01-01")
    assert (made["rate_limit"], made["expires_at"]) == (None, "2040-01-01T00:00:00+00:00")
    await client.close()
    assert (await office.make("/api-keys", {"name": "x", "scopes": ["*"], "rate_limit": 5}))["rate_limit"] == 5
    every = await office.make("/api-keys", {"name": "x", "scopes": list(ALL_SCOPES)})
    assert every["scopes"] == sorted(ALL_SCOPES)


@pytest.mark.parametrize("field", WRONG)
async def test_a_keys_fields_are_checked(office: Workspace, field: str) -> None:
    made = await office.make("/api-keys", {"name": "x", "scopes": ["read:tags"]})
    for value in WRONG[field]:
        body = {"name": "x", "scopes": ["*"], field: value}
        assert list(await office.errors("POST", "/api-keys", body)) == [field], value
        assert list(await office.errors("PATCH", f"/api-keys/{made['id']}", {field: value})) == [field], value


async def test_all_errors_of_a_key_are_reported_together(office: Workspace) -> None:
    body = {"scopes": ["read:tags", "read:everything", 5, "*"], "rate_limit": 0, "expires_at": "x"}
    errors = await office.errors("POST", "/api-keys", body)
    assert errors.keys() == {"name", "scopes.1", "scopes.2", "rate_limit", "expires_at"}
    assert "read:leads" in errors["scopes.1"][0]


async def test_changes_of_a_key_are_felt(office: Workspace) -> None:
    made, client = await make(office)
    path = f"/api-keys/{made['id']}"
    async with client:
        assert (await me(client) or {})["rate_limit"] == 1000
        body = {"name": "Renamed", "scopes": ["write:tags", "read:leads"], "rate_limit": 7}
        changed = (await office.ask("PATCH", path, body)).body["data"]
        assert (changed["name"], changed["scopes"]) == ("Renamed", ["read:leads", "write:tags"])
        assert "key" not in changed

        async def felt() -> bool:
            found = await me(client) or {}
            return (found["name"], found["scopes"], found["rate_limit"]) == ("Renamed", changed["scopes"], 7)

        await until_async(felt, FELT)
        unlimited = (await office.ask("PUT", path, {"rate_limit": None})).body["data"]
        assert (unlimited["rate_limit"], unlimited["name"]) == (None, "Renamed")
        soon = datetime.now(UTC) - timedelta(seconds=1)
        assert (await office.ask("PATCH", path, {"expires_at": soon.isoformat()})).status == 200

        async def refused() -> bool:
            return await me(client) is None

        await until_async(refused, FELT)
        assert (await office.ask("PATCH", path, {"expires_at": None})).status == 200

        async def back() -> bool:
            return await me(client) is not None

        await until_async(back, FELT)


async def test_a_revoked_key_is_refused_and_stays_in_the_list(office: Workspace) -> None:
    made, client = await make(office)
    path = f"/api-keys/{made['id']}"
    async with client:
        assert await me(client) is not None
        gone = await office.ask("DELETE", path)
        assert (gone.status, gone.raw) == (204, b"")

        async def refused() -> bool:
            return await me(client) is None

        await until_async(refused, FELT)
    revoked = (await office.show(path))["revoked_at"]
    assert datetime.now(UTC) - datetime.fromisoformat(revoked) < timedelta(seconds=30)
    assert (await office.ask("DELETE", path)).status == 204
    assert (await office.show(path))["revoked_at"] == revoked
    listed = (await office.ask("GET", "/api-keys?per_page=100")).body["data"]
    assert [key["revoked_at"] for key in listed if key["id"] == made["id"]] == [revoked]


async def test_when_a_key_was_last_used_is_known(office: Workspace) -> None:
    made, client = await make(office)
    async with client:
        await me(client)

    async def noted() -> bool:
        return (await office.show(f"/api-keys/{made['id']}"))["last_used_at"] is not None

    await until_async(noted)


async def test_keys_of_another_workspace_are_invisible(service: Service, office: Workspace) -> None:
    made = await office.make("/api-keys", {"name": "Ours", "scopes": ["read:tags"]})
    async with new_workspace(service) as other:
        await assert_foreign(office, other, f"/api-keys/{made['id']}", {"name": "Mine"})
        assert (await other.ask("GET", "/api-keys")).body["meta"]["total"] == 1
    for odd in ("0", "-1", "x", "9" * 20):
        assert (await office.ask("GET", f"/api-keys/{odd}")).status == 404


async def test_only_a_key_that_may_do_everything_may_manage_keys(office: Workspace) -> None:
    made, client = await make(office, *(ALL_SCOPES - {"*"}))
    path = f"/api/v1/api-keys/{made['id']}"
    async with client:
        calls = [("GET", path), ("PUT", path), ("PATCH", path), ("DELETE", path)]
        for method, address in [*calls, ("GET", "/api/v1/api-keys"), ("POST", "/api/v1/api-keys")]:
            answer = await ask(client, method, address)
            assert (answer.status, answer.code) == (403, "FORBIDDEN")
