"""Texts of automations take time: nobody who wants a lead waits for it, and no workspace for another's."""

from collections.abc import Callable, Iterator
from time import thread_time
from typing import Any

import jinja2
import psycopg
import pytest

from services.workers.automations import prerendering
from services.workers.automations.engine import AutomationEngine
from shared.automations import rendering_budget, templates
from shared.platform.db.connections import Connection, connect
from tests.support.automating import action, engine, leads, rows, run, runs, save, user
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

LARGE = {f"k{n}": "word " * 240 for n in range(200)}
COSTLY = "{%if custom_fields|title|title%}{%endif%}" * 20 + "{{ first_name }}"
HEAVY = [action("create_task", title=COSTLY)] * 100
TITLE = "Call {{ first_name }} of {{ company }}"
OTHER = """
WITH made AS (INSERT INTO workspaces (slug, name) VALUES ('other', 'Other') RETURNING id), person AS (
    INSERT INTO leads (workspace_id, id, first_name, email) SELECT id, 1000000, 'Ada', 'ada@example.com' FROM made
    RETURNING workspace_id, id)
INSERT INTO automations (workspace_id, name, trigger, trigger_type, steps)
SELECT workspace_id, 'any', '{"type": "manual"}', 'manual',
       '[{"action": {"type": "create_task", "title": "Call {{ first_name }}"}}]' FROM person
RETURNING workspace_id, id AS automation_id, (SELECT id FROM person) AS lead_id
"""
BEGIN = """
INSERT INTO automation_runs (workspace_id, automation_id, trigger_key, lead_id, state, due_at)
VALUES (%(workspace_id)s, %(automation_id)s, 'manual:1', %(lead_id)s, 'waiting', now())
"""

Look = Callable[[], object]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> list[Look]:
    """What is done each time that a text is about to be made."""
    looks: list[Look] = []
    generate = jinja2.Template.generate

    def looking(self: jinja2.Template, *values: Any, **named: Any) -> Iterator[str]:
        for look in looks:
            look()
        return generate(self, *values, **named)

    monkeypatch.setattr(jinja2.Template, "generate", looking)
    # What is done counts as the time of the text itself.
    monkeypatch.setattr(templates, "MAX_TEMPLATE_SECONDS", 60.0)
    monkeypatch.setattr(rendering_budget, "MAX_RUN_RENDER_SECONDS", 60.0)
    return looks


async def test_while_a_text_is_made_its_lead_is_free(
    database_url: str, database: Connection, meanwhile: list[Look]
) -> None:
    await save(database, {"type": "lead_created"}, action("create_task", title=TITLE), action("add_tag", tag="x"))
    await leads(database_url, database, {"first_name": "Ada", "email": "a@example.com"})
    locked: list[bool] = []

    def look() -> None:
        with psycopg.connect(database_url) as other:
            locked.append(other.execute("SELECT id FROM leads FOR UPDATE SKIP LOCKED").fetchone() is None)

    meanwhile.append(look)
    await run(database_url)
    assert locked == [False]
    assert [one["state"] for one in await runs(database)] == ["done"]


async def test_a_lead_that_changes_after_its_text_was_made_has_another(
    database_url: str, database: Connection, meanwhile: list[Look]
) -> None:
    """The steps before it count as ever, and conditions see what the text says."""
    steps = (
        action("set_field", field="company", value="Acme"),
        {"condition": {"field": "first_name", "operator": "is_not_empty"}},
        action("create_task", title=TITLE),
        action("adjust_score", points=1),
    )
    await save(database, {"type": "lead_created"}, *steps)
    await leads(database_url, database, {"first_name": "Ada", "email": "a@example.com"})

    def rename() -> None:
        meanwhile.clear()
        with psycopg.connect(database_url) as other:
            other.execute("UPDATE leads SET first_name = 'Grace'")

    meanwhile.append(rename)
    await run(database_url)
    assert await rows(database, "SELECT title FROM tasks") == [{"title": "Call Grace of Acme"}]
    assert await rows(database, "SELECT first_name, company, lead_score AS n FROM leads") == [
        {"first_name": "Grace", "company": "Acme", "n": 1}
    ]


async def test_a_turn_that_somebody_took_meanwhile_is_not_taken_twice(
    database_url: str, database: Connection, meanwhile: list[Look]
) -> None:
    users = [await user(database, f"{n}@example.com") for n in range(3)]
    steps = (action("assign_user", round_robin=users), action("create_task", title="{{ assigned_user_id }}"))
    await save(database, {"type": "lead_created"}, *steps)
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)

    def take() -> None:
        meanwhile.clear()
        with psycopg.connect(database_url) as other:
            other.execute("UPDATE round_robin_counters SET n = n + 1")

    meanwhile.append(take)
    await leads(database_url, database, {"email": "b@example.com"})
    await run(database_url)
    assert await rows(database, "SELECT title, user_id FROM tasks ORDER BY id") == [
        {"title": str(users[0]), "user_id": users[0]},
        {"title": str(users[2]), "user_id": users[2]},
    ]


async def test_a_run_for_which_there_is_no_time_under_the_lock_is_done_in_the_next_round(
    database_url: str, database: Connection, meanwhile: list[Look], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, and with the turn that it would have had, and so are those of its lead that come after it."""
    users = [await user(database, f"{n}@example.com") for n in range(3)]
    steps = (action("assign_user", round_robin=users), action("create_task", title=TITLE), action("add_tag", tag="x"))
    await save(database, {"type": "lead_created"}, *steps)
    then = {"condition": {"field": "tags", "operator": "contains", "value": "x"}}
    await save(database, {"type": "lead_created"}, then, action("adjust_score", points=1))
    await leads(database_url, database, {"first_name": "Ada", "email": "a@example.com"})
    monkeypatch.setattr(prerendering, "LOCKED_RENDER_SECONDS", 0.0)

    def rename() -> None:
        meanwhile.clear()
        with psycopg.connect(database_url) as other:
            other.execute("UPDATE leads SET first_name = 'Grace', company = 'Acme'")

    meanwhile.append(rename)
    async with connect(database_url, "tests engine") as connection:
        worker = engine()
        assert await worker._handle_events(connection) == 1
        assert [(one["state"], one["step"]) for one in await runs(database)] == [("waiting", 0)] * 2
        assert await worker._resume_due_runs(connection) == 2
    assert await rows(database, "SELECT title, user_id FROM tasks") == [
        {"title": "Call Grace of Acme", "user_id": users[0]}
    ]
    assert [(one["state"], one["attempts"]) for one in await runs(database)] == [("done", 0)] * 2
    assert await rows(database, "SELECT lead_score AS n FROM leads") == [{"n": 1}]


async def test_rendering_budget_is_shared_fairly_between_workspaces(database_url: str, database: Connection) -> None:
    await save(database, {"type": "lead_created"}, *HEAVY)
    several = [{"email": f"{n}@example.com", "custom_fields": LARGE} for n in range(12)]
    await leads(database_url, database, *several)
    (other,) = await rows(database, OTHER)
    await database.execute(BEGIN, other)
    async with connect(database_url, "tests engine") as connection:
        worker, started = engine(), thread_time()
        assert not await worker.run(connection, seconds=-1)
        assert thread_time() - started < 2
        assert await rows(database, "SELECT title FROM tasks WHERE title = 'Call Ada'") == [{"title": "Call Ada"}]
        waiting = [one for one in await runs(database) if one["state"] == "waiting"]
        assert len(waiting) >= 9
        assert {one["attempts"] for one in waiting} == {0}
        await until_async(lambda: _is_through(worker, connection), 60, "the end of all runs")
    found = await runs(database)
    assert [len(one["steps"]) for one in found if one["workspace_id"] != other["workspace_id"]] == [100] * 12
    (reason,) = {one["error"] for one in found if one["error"]}
    assert reason.startswith("the template takes too long with this lead's values")


async def _is_through(worker: AutomationEngine, connection: Connection) -> bool:
    await worker.run(connection)
    return await rows(connection, "SELECT 1 FROM automation_runs WHERE due_at IS NOT NULL") == []


async def test_template_shows_the_score_set_by_rules(database_url: str, database: Connection) -> None:
    await database.execute(
        "INSERT INTO scoring_rules (workspace_id, field, operator, points)"
        " SELECT id, 'email', 'is_not_empty', 7 FROM workspaces"
    )
    await save(database, {"type": "lead_created"}, action("create_task", title="{{ lead_score }}"))
    await leads(database_url, database, {"email": "a@example.com"})
    await run(database_url)
    assert await rows(database, "SELECT title FROM tasks") == [{"title": "7"}]
