"""Spread the times of the first leads over the last days, in the database: nobody can post into the past.

Nothing but times changes, and the history that is made of them, so the ledger adds up as before. The times tell of an
outage: for some minutes nothing was decided, and then the backlog drained.
"""

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from demo.demo_state import WORKSPACE_SLUG
from demo.past_statistics import rewrite_history
from shared.platform.db.connections import Connection, as_json, connect

HISTORY_DAYS = 6  # within the partitions of this week and the last one
HOURLY_WEIGHTS = (1, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 12, 10, 11, 13, 12, 10, 8, 6, 5, 4, 3, 2, 1)  # by hour, UTC
WEEKEND_WEIGHT = 0.3
# The last hours bring more and more, so that the past joins what the sources post live.
RISE_WEIGHT, RISE_HOURS = 300, 2.0
OUTAGE_BEGAN, OUTAGE_LASTED = timedelta(minutes=42), timedelta(minutes=8)  # before now; within the chart of an hour
DRAIN_SECONDS = 150.0  # from the end of the outage until its backlog is decided
VERDICT_MS, VERDICT_SPREAD = 45.0, 0.5  # the median time to a verdict, and its spread as a log-normal distribution
SETTLE_POLL_SECONDS = 0.2
LEAD_PARTS = 16  # statements for all leads: the triggers compare the rows of a statement with each other

UNSETTLED_SQL = """
SELECT (SELECT count(*) FROM journal) + (SELECT count(*) FROM events WHERE workspace_id = %(workspace)s)
     + (SELECT count(*) FROM cause_deltas WHERE workspace_id = %(workspace)s)
"""
FIRST_SUBMISSIONS_SQL = "SELECT id::text FROM submissions WHERE workspace_id = %(workspace)s ORDER BY received_at, id"
# Entries of the timeline that are no submission, such as changes of the score, move to the submission before them.
SPREAD_STATEMENTS = (
    "SET LOCAL statement_timeout = '120s'",
    "CREATE TEMPORARY TABLE demo_times (id uuid PRIMARY KEY, at timestamptz, decided_at timestamptz) ON COMMIT DROP",
    """
    INSERT INTO demo_times
    SELECT id, to_timestamp(at / 1000.0), to_timestamp(decided / 1000.0)
    FROM json_to_recordset(%(times)s::json) AS g(id uuid, at bigint, decided bigint)
    """,
    "ANALYZE demo_times",
    """
    UPDATE submissions s SET received_at = t.at, processed_at = t.decided_at
    FROM demo_times t WHERE s.workspace_id = %(workspace)s AND s.id = t.id
    """,
    """
    UPDATE submission_keys k SET received_at = t.at
    FROM demo_times t WHERE k.workspace_id = %(workspace)s AND k.id = t.id
    """,
    """
    CREATE TEMPORARY TABLE demo_lead_times ON COMMIT DROP AS
    SELECT lead_id, min(received_at) AS first_at, max(received_at) AS last_at FROM submissions
    WHERE workspace_id = %(workspace)s AND lead_id IS NOT NULL GROUP BY lead_id
    """,
    "ANALYZE demo_lead_times",
    """
    UPDATE activities a SET created_at = n.at
    FROM (
        SELECT b.lead_id, b.id, coalesce(max(t.at) OVER (PARTITION BY b.lead_id ORDER BY b.id), l.first_at) AS at
        FROM activities b JOIN demo_lead_times l ON l.lead_id = b.lead_id
        LEFT JOIN demo_times t ON t.id = (b.data->>'submission_id')::uuid
        WHERE b.workspace_id = %(workspace)s
    ) n WHERE a.workspace_id = %(workspace)s AND a.lead_id = n.lead_id AND a.id = n.id
    """,
)
MOVE_LEADS_SQL = """
UPDATE leads l SET created_at = t.first_at, updated_at = t.last_at, submitted_at = t.last_at
FROM demo_lead_times t WHERE l.workspace_id = %(workspace)s AND l.id = t.lead_id AND l.id %% %(parts)s = %(part)s
"""


async def spread_over_days(database_url: str, seed: int) -> None:
    """Wait until all leads are ingested, then spread their times over the last days."""
    async with connect(database_url, "leadhub demo") as connection:
        workspace = await _workspace_id(connection)
        while await _count_unsettled(connection, workspace):  # noqa: ASYNC110 - another process settles them
            await asyncio.sleep(SETTLE_POLL_SECONDS)
        async with connection.transaction():
            await spread_times(connection, workspace, Random(f"{seed}/times"))
            await rewrite_history(connection, workspace)


async def spread_times(connection: Connection, workspace: int, random: Random) -> None:
    """Spread the times of a workspace over the last days, in the caller's transaction."""
    rows = await (await connection.execute(FIRST_SUBMISSIONS_SQL, {"workspace": workspace})).fetchall()
    now = datetime.now(UTC)
    times = history_times(random, len(rows), now)
    decided = decision_times(random, times, now)
    times_json = as_json(
        [{"id": id_, "at": at, "decided": done} for (id_,), at, done in zip(rows, times, decided, strict=True)]
    )
    for statement in SPREAD_STATEMENTS:
        await connection.execute(statement, {"workspace": workspace, "times": times_json})
    for part in range(LEAD_PARTS):
        await connection.execute(MOVE_LEADS_SQL, {"workspace": workspace, "parts": LEAD_PARTS, "part": part})


async def _workspace_id(connection: Connection) -> int:
    found = await connection.execute("SELECT id FROM workspaces WHERE slug = %s", (WORKSPACE_SLUG,))
    return int((await found.fetchall())[0][0])


async def _count_unsettled(connection: Connection, workspace: int) -> int:
    return int((await (await connection.execute(UNSETTLED_SQL, {"workspace": workspace})).fetchall())[0][0])


def history_times(random: Random, count: int, now: datetime) -> list[int]:
    """Return times in order: many by day, few by night and at weekends, and more and more in the last hours.

    In milliseconds since the epoch, as gateways note them: the journal, into which a replay goes, holds no finer ones.
    """
    hours = [(back, now - timedelta(hours=back)) for back in range(1, HISTORY_DAYS * 24)]
    weights = [
        HOURLY_WEIGHTS[at.hour] * (WEEKEND_WEIGHT if at.weekday() >= 5 else 1)
        + RISE_WEIGHT * math.exp(-back / RISE_HOURS)
        for back, at in hours
    ]
    chosen = random.choices([at for _, at in hours], weights, k=count)
    return sorted(int((at.timestamp() + random.random() * 3600) * 1000) for at in chosen)


def decision_times(random: Random, received: Sequence[int], now: datetime) -> list[int]:
    """Return when each was decided: soon, or, received during the outage or its backlog, while this drained.

    In milliseconds since the epoch, in the order of `received`.
    """
    began = (now - OUTAGE_BEGAN).timestamp() * 1000
    ended = began + OUTAGE_LASTED.total_seconds() * 1000
    drained = ended + DRAIN_SECONDS * 1000
    decided = []
    for at in received:
        due = at + VERDICT_MS * math.exp(random.gauss(0, VERDICT_SPREAD))
        if began <= at < drained:
            # The backlog is decided in its order: what came first waits until the end, what came last hardly waits.
            due = max(due, ended + (at - began) / (drained - began) * DRAIN_SECONDS * 1000)
        decided.append(int(due))
    return decided
