"""A workspace has no more of a kind than it may, and a key with a limit makes none that may do more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from shared.auth import installation_keys
from shared.outbound.subscriptions import MAX_EXPRESSION_FILTERS
from shared.platform.db.connections import Connection
from tests.support.serving import served, settings_of

pytestmark = pytest.mark.integration

KINDS: dict[str, dict[str, Any]] = {
    "webhooks": {"url": "https://example.com/hook", "events": ["lead.created"]},
    "automations": {
        "name": "A",
        "trigger": {"type": "manual"},
        "steps": [{"action": {"type": "add_tag", "tag": "a"}}],
    },
}
KEY = {"name": "made", "scopes": ["*"]}
Ask = Callable[..., Awaitable[tuple[int, Any]]]


@asynccontextmanager
async def asking(url: str, database: Connection, folder: Path, limit: int | None, **bounds: int) -> AsyncIterator[Ask]:
    """Asks the API, with a key of that limit."""
    key = await installation_keys.create_key(database, "main", "asking", ["*"], limit)
    headers = {"Authorization": f"Bearer {key.key.secret}"}
    async with served(settings_of(url, folder, **bounds)) as (client, _):

        async def ask(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            async with client.request(method, f"/api/v1/{path}", json=body, headers=headers) as answer:
                return answer.status, await answer.json() if answer.status != 204 else None

        yield ask


@pytest.mark.parametrize(("kind", "setting"), [("webhooks", "max_subscriptions"), ("automations", "max_automations")])
async def test_a_workspace_has_no_more_of_a_kind_than_it_may(
    database_url: str, database: Connection, tmp_path: Path, kind: str, setting: str
) -> None:
    async with asking(database_url, database, tmp_path, None, **{setting: 2}) as ask:
        answers = await asyncio.gather(*[ask("POST", kind, KINDS[kind]) for _ in range(5)])
        assert sorted(status for status, _ in answers) == [201, 201, 409, 409, 409]
        refused = next(body for status, body in answers if status == 409)
        assert (refused["code"], f"LEADHUB_{setting.upper()}" in refused["message"]) == ("CONFLICT", True)
        made = next(body["data"]["id"] for status, body in answers if status == 201)
        assert (await ask("PATCH", f"{kind}/{made}", KINDS[kind]))[0] == 200
        assert (await ask("DELETE", f"{kind}/{made}"))[0] == 204
        assert (await ask("POST", kind, KINDS[kind]))[0] == 201


async def test_a_workspace_has_twenty_subscriptions_with_a_filter_expression(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    narrowed = {**KINDS["webhooks"], "filter_expression": "lead.id > 0"}
    async with asking(database_url, database, tmp_path, None) as ask:
        made = [(await ask("POST", "webhooks", narrowed))[1]["data"]["id"] for _ in range(MAX_EXPRESSION_FILTERS)]
        status, refused = await ask("POST", "webhooks", narrowed)
        assert (status, list(refused["errors"])) == (422, ["filter_expression"])
        assert "may have no more" in refused["errors"]["filter_expression"][0]
        plain = (await ask("POST", "webhooks", KINDS["webhooks"]))[1]["data"]["id"]
        assert (await ask("PATCH", f"webhooks/{plain}", narrowed))[0] == 422
        assert (await ask("PATCH", f"webhooks/{made[0]}", {"filter_expression": "lead.id > 1"}))[0] == 200
        assert (await ask("PATCH", f"webhooks/{made[0]}", {"filter_expression": None}))[0] == 200
        assert (await ask("PATCH", f"webhooks/{plain}", narrowed))[0] == 200


@pytest.mark.parametrize("limit", [None, 501, 2**31 - 1])
async def test_a_limited_key_makes_none_that_may_do_more(
    database_url: str, database: Connection, tmp_path: Path, limit: int | None
) -> None:
    other = await installation_keys.create_key(database, "main", "other", ["*"], None)
    async with asking(database_url, database, tmp_path, 500) as ask:
        status, refused = await ask("POST", "api-keys", {**KEY, "rate_limit": limit})
        assert (status, list(refused["errors"])) == (422, ["rate_limit"])
        assert "500" in refused["errors"]["rate_limit"][0]
        status, made = await ask("POST", "api-keys", KEY)
        assert (status, made["data"]["rate_limit"]) == (201, 500)  # not the 1,000 of others
        status, refused = await ask("PATCH", f"api-keys/{made['data']['id']}", {"rate_limit": limit})
        assert (status, list(refused["errors"])) == (422, ["rate_limit"])
        assert (await ask("PATCH", f"api-keys/{made['data']['id']}", {"rate_limit": 499}))[0] == 200
        own = next(key["id"] for key in (await ask("GET", "api-keys"))[1]["data"] if key["name"] == "asking")
        assert (await ask("PATCH", f"api-keys/{own}", {"rate_limit": limit}))[0] == 422
        unchanged = {"name": "renamed", "rate_limit": None}  # as one sends what one has read
        assert (await ask("PUT", f"api-keys/{other.id}", unchanged))[0] == 200


async def test_a_limited_key_does_not_multiply_its_limit_by_many_keys(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    async with asking(database_url, database, tmp_path, 500, max_keys=3) as ask:
        answers = await asyncio.gather(*[ask("POST", "api-keys", KEY) for _ in range(4)])
        assert sorted(status for status, _ in answers) == [201, 201, 409, 409]  # its own is the third
        refused = next(body for status, body in answers if status == 409)
        assert (refused["code"], "LEADHUB_MAX_KEYS" in refused["message"]) == ("CONFLICT", True)
        first = next(body["data"]["id"] for status, body in answers if status == 201)
        await ask("DELETE", f"api-keys/{first}")
        assert (await ask("POST", "api-keys", KEY))[0] == 409  # its requests were made
        await database.execute("UPDATE api_keys SET created_at = now() - interval '61 min'")
        assert (await ask("POST", "api-keys", KEY))[0] == 201


async def test_a_limited_key_revives_none_beyond_the_bound(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    over = await installation_keys.create_key(database, "main", "over", ["*"], 5)
    await database.execute("UPDATE api_keys SET created_at = now() - interval '2 h', expires_at = now()")
    async with asking(database_url, database, tmp_path, 500, max_keys=1) as ask:
        assert (await ask("PATCH", f"api-keys/{over.id}", {"expires_at": None}))[0] == 409
        assert (await ask("PATCH", f"api-keys/{over.id}", {"name": "renamed"}))[0] == 200


async def test_an_unlimited_key_makes_whatever_it_is_asked_for(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    async with asking(database_url, database, tmp_path, None, max_keys=1) as ask:
        for limit in (None, 2**31 - 1):
            status, made = await ask("POST", "api-keys", {**KEY, "rate_limit": limit})
            assert (status, made["data"]["rate_limit"]) == (201, limit)
        assert (await ask("POST", "api-keys", KEY))[1]["data"]["rate_limit"] == installation_keys.DEFAULT_RATE_LIMIT
