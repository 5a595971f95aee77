"""What another spam threshold would have done: of the newest submissions of forms that inherit it."""

from typing import Any

import orjson
import pytest

from shared.platform.db.connections import Connection
from shared.workspace_changes.effect_counts import JUDGED_FORMS_SQL, count_row
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

FORM = "INSERT INTO forms (workspace_id, name, public_id, settings) VALUES (%s, 'Visit', %s, %s) RETURNING id"
SUBMISSION = """
INSERT INTO submissions (workspace_id, id, received_at, channel, state, payload, attempts, spam)
VALUES (%s, gen_random_uuid(), now() - make_interval(days => %s), %s, 'done', '{}', 1, %s)
"""


async def form(database: Connection, workspace: int, name: str, settings: dict[str, Any]) -> str:
    values = (workspace, name, orjson.dumps(settings).decode())
    row = await (await database.execute(FORM, values)).fetchone()
    assert row
    return f"form:{row[0]}"


async def submit(
    database: Connection, workspace: int, channel: str, score: int, *codes: tuple[str, int], days: int = 1
) -> None:
    reasons = [{"code": code, "points": points, "text": "x"} for code, points in codes]
    spam = orjson.dumps({"score": score, "reasons": reasons}).decode() if score or codes else None
    await database.execute(SUBMISSION, (workspace, days, channel, spam))


async def test_rules_traps_other_forms_and_old_ones_count_as_they_are_judged(database: Connection) -> None:
    workspace = await workspace_id(database)
    heir = await form(database, workspace, "heir", {"spam": {"proof_of_work": "auto"}})
    own = await form(database, workspace, "own", {"spam": {"threshold": 50}})
    await submit(database, workspace, heir, 0)
    await submit(database, workspace, heir, 45, ("links", 45))
    await submit(database, workspace, heir, 60, ("links", 45), ("time_trap", 15))
    await submit(database, workspace, heir, 100, ("honeypot", 100))
    await submit(database, workspace, heir, 120, ("held_word", 100), ("disposable_domain", 20))
    await submit(database, workspace, heir, 0, ("honeypot", 100), ("allowed_email", -100))
    await submit(database, workspace, heir, 45, ("links", 45), days=29)
    await submit(database, workspace, heir, 45, ("links", 45), days=31)
    await submit(database, workspace, own, 45, ("links", 45))
    await submit(database, workspace, "api", 45, ("links", 45))

    async def counted(was: int, now: int) -> object:
        return await count_row(database, JUDGED_FORMS_SQL, {"w": workspace, "was": was, "now": now})

    assert await counted(50, 45) == (7, 2, 0)
    assert await counted(50, 61) == (7, 0, 1)
    assert await counted(50, 1000) == (7, 0, 1)  # the trap goes on to hold
    assert await counted(50, 0) == (7, 0, 2)
    assert await counted(0, 50) == (7, 2, 0)
