"""The alarms of workspaces: raised from figures, told to whom the workspace chose, once, and cleared."""

from typing import Any

import pytest
from psycopg.types.json import Jsonb

from services.workers.alarms.silent_sources import watch_silences
from services.workers.alarms.workspace_watch import watch_workspaces
from shared.outbound.alarm_trials import send_alarm_trial
from shared.outbound.mail_readers import read_alarm_readers
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, RateLimited
from shared.workspaces import create_workspace
from tests.support.automating import SETTINGS
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

MAILING = SETTINGS.model_copy(update={"smtp_url": "smtp://127.0.0.1:1", "mail_from": "hub@example.com"})
MINUTE = """
INSERT INTO minute_statistics (workspace_id, step, at, done, dead)
VALUES (%s, 60, date_trunc('minute', clock_timestamp()) - interval '5 minutes', %s, %s)
ON CONFLICT (workspace_id, step, at) DO UPDATE SET done = excluded.done, dead = excluded.dead
"""
LANE = """
INSERT INTO lane_statistics (workspace_id, step, at, lane, depth, oldest_s, sampled_at)
VALUES (%s, 60, date_trunc('minute', clock_timestamp()), 'deliveries', 1, %s, clock_timestamp())
"""
PAUSE = (
    "INSERT INTO lane_pauses (workspace_id, lane, version, reason, paused_by) VALUES (%s, 'deliveries', 1, 'x', '{}')"
)
SOURCES = """
INSERT INTO integrations (workspace_id, type, name, credentials, token, token_digest, last_received_at, settings)
SELECT %s, 'webhook', name, '', '', decode(md5(name), 'hex'), now() - last, settings::jsonb
FROM (VALUES ('heir', interval '2 hours', '{}'), ('new', NULL, '{}'), ('fresh', interval '1 minute', '{}'),
             ('own', interval '2 hours', '{"silence_after_minutes": 600}')) v (name, last, settings)
"""
USER = "INSERT INTO users (workspace_id, name, email, role) VALUES (%s, %s, %s, %s) RETURNING id"
MAILS = (
    "SELECT workspace_id, user_id, event, convert_from(payload, 'UTF8')::json->>'subject' FROM deliveries ORDER BY id"
)


async def add_user(database: Connection, workspace: int, name: str, role: str) -> int:
    row = await (await database.execute(USER, (workspace, name, f"{name}@example.com", role))).fetchone()
    assert row
    return int(row[0])


async def choose(database: Connection, workspace: int, **alarms: Any) -> None:
    await database.execute("UPDATE workspaces SET alarms = %s WHERE id = %s", (Jsonb(alarms), workspace))


async def mails(database: Connection) -> list[tuple[Any, ...]]:
    return await (await database.execute(MAILS)).fetchall()


async def readers(database: Connection, code: str, *workspaces: int) -> list[int]:
    return [reader.user_id for reader in await read_alarm_readers(database, code, workspaces)]


async def test_the_chosen_are_told_and_all_admins_where_none_is_left(database: Connection) -> None:
    workspace, other = await workspace_id(database), await create_workspace(database, "other", "Other")
    ada, grace = [await add_user(database, workspace, name, "admin") for name in ("ada", "grace")]
    bob, theirs = await add_user(database, workspace, "bob", "agent"), await add_user(database, other, "eve", "admin")
    assert await readers(database, "waiting", workspace, other) == [ada, grace, theirs]
    await choose(database, workspace, waiting={"user_ids": [bob, theirs]}, held_digest={"user_ids": []})
    assert await readers(database, "waiting", workspace) == [bob]
    assert await readers(database, "held_digest", workspace) == []
    assert await readers(database, "dead_letters", workspace) == [ada, grace]
    await database.execute("UPDATE users SET is_active = false WHERE id = %s", (bob,))
    assert await readers(database, "waiting", workspace) == [ada, grace]


async def test_dead_letters_are_told_once_until_it_is_well(database: Connection) -> None:
    workspace, other = await workspace_id(database), await create_workspace(database, "other", "Other")
    ada = await add_user(database, workspace, "ada", "admin")
    await database.execute(MINUTE, (workspace, 96, 4))  # too few
    await database.execute(MINUTE, (other, 91, 9))  # too small a share
    assert await watch_workspaces(database, MAILING) == 0
    await database.execute(MINUTE, (workspace, 40, 10))
    assert [await watch_workspaces(database, MAILING) for _ in range(2)] == [1, 0]
    assert await mails(database) == [(workspace, ada, None, "20% of the submissions of Main fail")]
    await choose(database, other, dead_letters={"percent": 9})
    assert await watch_workspaces(database, MAILING) == 1  # nobody there is told
    assert len(await mails(database)) == 1
    await database.execute(MINUTE, (workspace, 100, 0))
    assert await watch_workspaces(database, MAILING) == 0
    await database.execute(MINUTE, (workspace, 0, 10))
    assert await watch_workspaces(database, MAILING) == 0  # it came again within the hour
    await database.execute("UPDATE workspace_alarms SET raised_at = raised_at - interval '61 minutes'")
    assert await watch_workspaces(database, MAILING) == 1


async def test_waiting_work_is_told_unless_its_lane_is_paused(database: Connection) -> None:
    workspace, other = await workspace_id(database), await create_workspace(database, "other", "Other")
    ada, eve = await add_user(database, workspace, "ada", "admin"), await add_user(database, other, "eve", "admin")
    for one in (workspace, other):
        await database.execute(LANE, (one, 1200.0))
    await database.execute(PAUSE, (other,))
    assert await watch_workspaces(database, MAILING) == 1
    assert [mail[1] for mail in await mails(database)] == [ada]
    await database.execute("UPDATE lane_pauses SET resumed_at = now()")
    await choose(database, other, waiting={"minutes": 30})
    assert await watch_workspaces(database, MAILING) == 0
    await choose(database, other, waiting={"minutes": 20})
    assert await watch_workspaces(database, MAILING) == 1
    assert [mail[1] for mail in await mails(database)] == [ada, eve]


async def test_a_workspace_watches_sources_without_a_number_of_their_own(database: Connection) -> None:
    workspace = await workspace_id(database)
    await add_user(database, workspace, "ada", "admin")
    await database.execute(SOURCES, (workspace,))
    assert await watch_silences(database, MAILING) == 0
    await choose(database, workspace, source_silent={"minutes": 60})
    assert [await watch_silences(database, MAILING) for _ in range(2)] == [1, 0]
    assert [mail[3] for mail in await mails(database)] == ["heir has sent no lead for 60 minutes"]
    await choose(database, workspace)
    await watch_silences(database, MAILING)
    silent = await database.execute("SELECT count(*) FROM integrations WHERE silent_since IS NOT NULL")
    assert await silent.fetchone() == (0,)


async def test_a_test_goes_to_the_chosen_and_not_often(database: Connection) -> None:
    workspace = await workspace_id(database)
    with pytest.raises(Conflict):
        await send_alarm_trial(database, MAILING, workspace, "waiting")  # nobody is there
    ada, bob = [await add_user(database, workspace, *who) for who in (("ada", "admin"), ("bob", "agent"))]
    with pytest.raises(Conflict):
        await send_alarm_trial(database, SETTINGS, workspace, "waiting")  # no mail server
    await choose(database, workspace, waiting={"user_ids": [ada, bob]})
    assert await send_alarm_trial(database, MAILING, workspace, "waiting") == 2
    assert [(mail[1], mail[2]) for mail in await mails(database)] == [(ada, "alarm.trial"), (bob, "alarm.trial")]
    assert all(mail[3].startswith("[Test] ") for mail in await mails(database))
    with pytest.raises(RateLimited):
        await send_alarm_trial(database, MAILING, workspace, "dead_letters")
