"""The weekly digest of what forms hold: to each admin, once a week, and only while something new is held."""

import pytest
from psycopg.types.json import Jsonb

from services.workers.held_digest import send_digests
from services.workers.ingest.double_opt_in_mails import UNSENT_CODE
from shared.platform.db.connections import Connection
from tests.support.automating import SETTINGS
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

HOLD_SQL = """
INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, attempts, spam)
VALUES (%s, gen_random_uuid(), now() - %s * interval '1 hour', 'quarantined', 'form:1', '{}', 1, %s)
"""


async def _hold(database: Connection, workspace: int, hours_ago: float, *texts: str) -> None:
    spam = {"score": 60, "reasons": [{"code": text, "points": 60, "text": text} for text in texts]}
    await database.execute(HOLD_SQL, (workspace, hours_ago, Jsonb(spam)))


async def _mails(database: Connection) -> list[str]:
    rows = await (
        await database.execute(
            "SELECT payload->>'body' FROM (SELECT convert_from(payload, 'UTF8')::json"
            " AS payload FROM deliveries ORDER BY id) d"
        )
    ).fetchall()
    return [row[0] for row in rows]


async def test_admins_are_told_weekly_while_something_new_is_held(database: Connection) -> None:
    workspace = await workspace_id(database)
    for name, role in (("Ada", "admin"), ("Grace", "admin"), ("Bob", "agent")):
        await database.execute(
            "INSERT INTO users (workspace_id, name, email, role) VALUES (%s, %s, %s, %s)",
            (workspace, name, f"{name}@example.com", role),
        )
    await _hold(database, workspace, 1, "A hidden field was filled in.")
    assert await send_digests(database, SETTINGS) == 0  # somebody may look first
    await _hold(database, workspace, 30, "A hidden field was filled in.")
    await _hold(database, workspace, 30, "It has four links.")
    assert await send_digests(database, SETTINGS) == 1
    [first, second] = await _mails(database)
    assert first == second
    assert first.startswith("Held as suspected spam: 3 submissions of forms, 3 new since")
    assert "- 2 times: A hidden field was filled in.\n- once: It has four links.\n" in first
    assert "/quarantine\n" in first
    assert await send_digests(database, SETTINGS) == 0

    await database.execute("UPDATE workspaces SET spam_digest_at = spam_digest_at - interval '8 days'")
    await database.execute("UPDATE submissions SET received_at = received_at - interval '9 days'")
    assert await send_digests(database, SETTINGS) == 0  # nothing new
    await _hold(database, workspace, 2, "It has four links.")
    assert await send_digests(database, SETTINGS) == 1
    assert (await _mails(database))[-1].startswith("Held as suspected spam: 4 submissions of forms, 1 new since")


async def test_what_waits_for_a_confirmation_is_named_only_if_no_mail_asked_for_it(database: Connection) -> None:
    workspace = await workspace_id(database)
    await database.execute(
        "INSERT INTO users (workspace_id, name, email, role) VALUES (%s, 'Ada', 'ada@example.com', 'admin')",
        (workspace,),
    )
    await _hold(database, workspace, 30, "unconfirmed")
    assert await send_digests(database, SETTINGS) == 0
    await _hold(database, workspace, 30, "unconfirmed", UNSENT_CODE)
    assert await send_digests(database, SETTINGS) == 1
    [mail] = await _mails(database)
    assert mail.startswith("Held as suspected spam: 1 submission of forms, 1 new since")
