"""Automations in the test's own process: saved by SQL, run by as many engines as wanted."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from pydantic import SecretStr

from services.workers.automations.engine import AutomationEngine
from shared.platform.db.connections import Connection, connect
from shared.platform.settings import Settings
from tests.support.ingesting import accept, drain, item, workspace_id

Row = dict[str, Any]

SETTINGS = Settings(secret_key=SecretStr("a key for tests that is long enough"))


def action(kind: str, **members: Any) -> Row:
    """A step that acts."""
    return {"action": {"type": kind, **members}}


def condition(field: str, operator: str, value: Any = None) -> Row:
    """A step that may end the run."""
    return {"condition": {"field": field, "operator": operator, "value": value}}


async def save(connection: Connection, trigger: Row, *steps: Row, active: bool = True) -> int:
    """A saved automation's id."""
    row = (
        await workspace_id(connection),
        f"on {trigger['type']}",
        Jsonb(trigger),
        trigger["type"],
        Jsonb(steps),
        active,
    )
    cursor = await connection.execute(
        "INSERT INTO automations (workspace_id, name, trigger, trigger_type, steps, is_active)"
        " VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
        row,
    )
    return int((await cursor.fetchall())[0][0])


async def user(connection: Connection, email: str, *, active: bool = True) -> int:
    """A user's id."""
    cursor = await connection.execute(
        "INSERT INTO users (workspace_id, name, email, is_active) VALUES (%s, %s, %s, %s) RETURNING id",
        (await workspace_id(connection), email, email, active),
    )
    return int((await cursor.fetchall())[0][0])


async def leads(url: str, connection: Connection, *bodies: Row) -> None:
    """Leads that came in and were ingested."""
    workspace = await workspace_id(connection)
    items = [item(workspace, body) for body in bodies]
    for one, body in zip(items, bodies, strict=True):
        one.source = body.get("source")
    await accept(connection, items)
    await drain(url)


def engine(deliver: Callable[[], object] = lambda: None) -> AutomationEngine:
    """A worker's engine, without a broker: `deliver` stands for the hint that something is to be sent."""
    return AutomationEngine(SETTINGS, deliver, lambda: False)


async def run(url: str, engines: int = 1) -> None:
    """Everything that waits, acted on by so many engines at once."""

    async def one() -> None:
        async with connect(url, "tests engine") as connection:
            assert await engine().run(connection)

    await asyncio.gather(*[one() for _ in range(engines)])


async def rows(connection: Connection, query: str, parameters: Sequence[Any] = ()) -> list[Row]:
    """What a query finds."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()


async def runs(connection: Connection) -> list[Row]:
    """All runs, oldest first."""
    return await rows(connection, "SELECT * FROM automation_runs ORDER BY id")
