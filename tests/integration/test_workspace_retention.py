"""What a workspace keeps for a shorter time than the installation does: by kind, and of no other workspace."""

from datetime import UTC, datetime, timedelta

import pytest

from services.workers.retention.workspace_retention import expire_by_workspace
from shared import workspaces
from shared.accounting import ledger
from shared.platform.db.connections import Connection
from shared.platform.errors import ValidationFailed
from shared.retention import change_retention, read_retention, retention_errors
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

ADD_SUBMISSIONS = """
INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, attempts)
SELECT %(w)s, gen_random_uuid(), at, state, 'inbound', '{}', 1
FROM unnest(%(times)s::timestamptz[]) at, unnest(ARRAY['done', 'dead', 'quarantined']) state
"""
ADD_ENTRIES = """
INSERT INTO activities (workspace_id, lead_id, type, data, created_at)
SELECT %(w)s, n, 'lead.updated', '{}', at FROM unnest(%(times)s::timestamptz[]) WITH ORDINALITY t(at, n)
"""
ADD_DELIVERIES = """
WITH made AS (
    INSERT INTO deliveries (workspace_id, message_id, kind, endpoint, payload, state, created_at, finished_at)
    SELECT %(w)s, 'msg_' || n, 'webhook', 'host:x', '{}', 'sent', at, at
    FROM unnest(%(times)s::timestamptz[]) WITH ORDINALITY t(at, n) RETURNING workspace_id, id
)
INSERT INTO delivery_attempts (workspace_id, delivery_id, number, started_at)
SELECT workspace_id, id, 1, now() FROM made
"""
LEFT = """
SELECT (SELECT count(*) FROM submissions WHERE workspace_id = %(w)s AND state = 'done'),
       (SELECT count(*) FROM submissions WHERE workspace_id = %(w)s AND state = 'quarantined'),
       (SELECT count(*) FROM activities WHERE workspace_id = %(w)s),
       (SELECT count(*) FROM deliveries WHERE workspace_id = %(w)s),
       (SELECT count(*) FROM delivery_attempts WHERE workspace_id = %(w)s)
"""


async def fill(connection: Connection, workspace: int, now: datetime) -> None:
    """Things of each kind that are 5, 15, 25 and 35 days old."""
    times = [now - timedelta(days=days) for days in (35, 25, 15, 5)]
    for statement in (ADD_SUBMISSIONS, ADD_ENTRIES, ADD_DELIVERIES):
        await connection.execute(statement, {"w": workspace, "times": times})


async def left(connection: Connection, workspace: int) -> tuple[int, ...]:
    return tuple(await (await connection.execute(LEFT, {"w": workspace})).fetchone() or ())


async def test_each_kind_goes_after_its_own_days(database: Connection) -> None:
    now, ours = datetime.now(UTC), await workspace_id(database)
    other = await workspaces.create_workspace(database, "other", "Other")
    for workspace in (ours, other):
        await fill(database, workspace, now)
    days = {"submissions_days": 20, "held_days": 10, "activities_days": 30, "attempts_days": 20}
    async with database.transaction():
        await change_retention(database, ours, days, 90)
    books = await ledger.read_ledger(database, None)
    await expire_by_workspace(database, now, with_timelines=False)
    assert await left(database, ours) == (2, 1, 4, 2, 2)
    await expire_by_workspace(database, now, with_timelines=True)
    assert await left(database, ours) == (2, 1, 3, 2, 2)
    assert await left(database, other) == (4, 4, 4, 4, 4)
    assert await ledger.read_ledger(database, None) == books


async def test_days_have_limits(database: Connection) -> None:
    ours = await workspace_id(database)
    with pytest.raises(ValidationFailed) as refused:
        await change_retention(database, ours, {"submissions_days": 91, "activities_days": 30}, 90)
    assert (refused.value.errors or {}).keys() == {"submissions_days", "activities_days"}
    kept = await read_retention(database, ours)
    assert set(kept.values()) == {None}
    assert retention_errors({**kept, "submissions_days": 30, "activities_days": 30}, 90) == {}
    assert retention_errors({**kept, "activities_days": 89}, 90).keys() == {"activities_days"}
