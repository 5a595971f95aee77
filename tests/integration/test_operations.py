"""How a workspace's work stands: what waits, what was given up, and who is at work."""

from pathlib import Path

import pytest

from shared import workspaces
from shared.auth import installation_keys
from tests.support.sending import Outbox, tell
from tests.support.serving import served, settings_of

pytestmark = pytest.mark.integration

ENDED = "UPDATE deliveries SET state = %s, finished_at = now() WHERE id = %s"
DELIVERY = """
INSERT INTO deliveries (workspace_id, message_id, kind, endpoint, payload, state)
VALUES (%s, 'msg_theirs', 'webhook', 'subscription:0', '{}', %s)
"""
EVENT = "INSERT INTO events (workspace_id, type, lead_id, activity_id) VALUES (%s, 'lead.created', 1, 1)"
PROCESS = """
INSERT INTO processes (name, kind, host, pid, started_at, seen_at)
VALUES (%s, 'worker', 'here', 1, now() - interval '1 h', now() - make_interval(secs => %s))
"""
COUNTED = "INSERT INTO ledger_deltas (workspace_id, state, n) VALUES (%s, 'accepted', %s), (%s, %s, %s)"


async def test_operation_counts_cover_one_workspace(outbox: Outbox, tmp_path: Path) -> None:
    ours, theirs = outbox.workspace_id, await workspaces.create_workspace(outbox.connection, "other", "Other")
    await tell(outbox, await outbox.subscribe("https://example.com"), *[await outbox.lead()] * 8)
    states = ["pending", "pending", "pending", "failed", "failed", "cancelled", "sent", "suppressed"]
    for delivery, state in zip(await outbox.deliveries(), states, strict=True):
        await outbox.connection.execute(ENDED, (state, delivery["id"]))
    for state in ("pending", "failed"):
        await outbox.connection.execute(DELIVERY, (theirs, state))
    for workspace, state, n in ((ours, "dead", 3), (ours, "quarantined", 2), (theirs, "dead", 7)):
        await outbox.connection.execute(COUNTED, (workspace, n + 1, workspace, state, n))
    for workspace in (ours, theirs, theirs):
        await outbox.connection.execute(EVENT, (workspace,))
    for name, age in (("fresh", 1), ("stale", 11)):
        await outbox.connection.execute(PROCESS, (name, age))
    key = await installation_keys.create_key(outbox.connection, "main", "tests", ["read:operations"])
    headers = {"Authorization": f"Bearer {key.key.secret}"}
    settings = settings_of(outbox.url, tmp_path)
    async with served(settings) as (client, _), client.get("/api/v1/operations", headers=headers) as answer:
        data = (await answer.json())["data"]
    assert data["ledger"] == {"accepted": 7, "pending": 2, "done": 0, "dead": 3, "quarantined": 2, "spooled": None}
    assert {queue["name"]: queue["waiting"] for queue in data["queues"]} == {"ingest": 2, "events": 1, "deliveries": 3}
    assert data["dead_letters"] == {"submissions": 3, "quarantined": 2, "deliveries": 2}
    assert {one["name"]: one["is_alive"] for one in data["workers"]} == {"worker 1": True, "worker 2": False}
