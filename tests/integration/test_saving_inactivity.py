"""`no_activity` automations, saved over HTTP: for which leads they wait, and beside engines at work."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from shared.auth import installation_keys
from shared.automations.inactivity import start_chunk
from shared.platform.db.connections import Connection, connect
from tests.support.automating import leads, rows
from tests.support.serving import served, settings_of
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

COLD = {"name": "Cold", "steps": [{"action": {"type": "add_tag", "tag": "cold"}}]}
WAITS = """
SELECT s.lead_id, round(extract(epoch FROM s.due_at - a.created_at) / 60)::int AS minutes
FROM inactivity_timers s JOIN activities a ON a.id = s.activity_id ORDER BY s.lead_id
"""
AT_A_LOCK = "SELECT FROM pg_stat_activity WHERE application_name = 'leadhub api' AND wait_event_type = 'Lock'"


def silent(minutes: int) -> dict[str, Any]:
    return {"type": "no_activity", "minutes": minutes}


@pytest_asyncio.fixture
async def client(database_url: str, database: Connection, tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    key = await installation_keys.create_key(database, "main", "tests", ["*"])
    async with served(settings_of(database_url, tmp_path)) as (found, _):
        found.headers["Authorization"] = f"Bearer {key.key.secret}"
        yield found


async def ask(client: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> Any:
    async with client.request(method, f"/api/v1/automations{path}", json=body) as answer:
        assert answer.status in (200, 201, 204), await answer.text()
        return (await answer.json())["data"] if answer.status != 204 else None


async def test_inactivity_automation_watches_recently_active_leads_while_active(
    client: aiohttp.ClientSession, database_url: str, database: Connection
) -> None:
    await leads(database_url, database, {"email": "a@example.com"}, {"email": "b@example.com"})
    old, late = [one["id"] for one in await rows(database, "SELECT id FROM leads ORDER BY id")]
    for table, column, lead in (("activities", "created_at", "lead_id"), ("lead_updates", "updated_at", "id")):
        await database.execute(f"UPDATE {table} SET {column} = now() - interval '45 min' WHERE {lead} = %s", (old,))

    async def waits() -> list[tuple[int, int]]:
        return [(one["lead_id"], one["minutes"]) for one in await rows(database, WAITS)]

    path = f"/{(await ask(client, 'POST', '', {**COLD, 'trigger': silent(30)}))['id']}"
    assert await waits() == [(late, 30)]
    for change, expected in (
        ({"is_active": False}, []),
        ({"is_active": True}, [(late, 30)]),
        ({"trigger": silent(60)}, [(old, 60), (late, 60)]),
        ({"name": "Colder"}, [(old, 60), (late, 60)]),
        ({"trigger": {"type": "manual"}}, []),
        ({"trigger": silent(30)}, [(late, 30)]),
    ):
        await ask(client, "PATCH", path, change)
        assert await waits() == expected, change
    await ask(client, "DELETE", path)
    assert await waits() == []


async def test_of_many_leads_the_sweeper_begins_to_wait_unless_it_is_changed_meanwhile(
    client: aiohttp.ClientSession, database_url: str, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.automations.inactivity.TIMERS_PER_CHUNK", 2)
    for names in ("ab", "cde", "f"):  # those of a batch are updated at the same moment
        await leads(database_url, database, *[{"email": f"{name}@example.com"} for name in names])
    a, b, c, d, e, f = [one["id"] for one in await rows(database, "SELECT id FROM leads ORDER BY id")]
    path = f"/{(await ask(client, 'POST', '', {**COLD, 'trigger': silent(30)}))['id']}"
    for expected in ([a, b], [a, b, c, d, e], [a, b, c, d, e, f]):
        assert [one["lead_id"] for one in await rows(database, WAITS)] == expected
        assert await start_chunk(database) == (expected[-1] != f)
    await ask(client, "PATCH", path, {"trigger": silent(60)})
    await ask(client, "PATCH", path, {"is_active": False})
    assert not await start_chunk(database)
    assert await rows(database, WAITS) == []


async def test_a_change_beside_an_engine_that_notes_the_same_silence_is_made(
    client: aiohttp.ClientSession, database_url: str, database: Connection
) -> None:
    made = await ask(client, "POST", "", {**COLD, "trigger": silent(30)})
    await leads(database_url, database, {"email": "a@example.com"})
    async with connect(database_url, "tests") as engine:
        async with engine.transaction():
            noted = "SELECT workspace_id, %s, lead_id, id, now() + interval '30 min' FROM activities"
            await engine.execute(f"INSERT INTO inactivity_timers {noted}", (made["id"],))
            changing = asyncio.create_task(ask(client, "PATCH", f"/{made['id']}", {"trigger": silent(60)}))
            await until_async(lambda: is_waiting(database), what="the change at the engine's row")
        await changing
    assert [one["minutes"] for one in await rows(database, WAITS)] == [60]


async def is_waiting(database: Connection) -> bool:
    return (await database.execute(AT_A_LOCK)).rowcount > 0
