"""Taking deliveries in hand: what is due, fairly between receivers, in order per lead, under a lease."""

from services.workers.deliveries.backoff import JITTER, PAUSES
from services.workers.deliveries.circuits import FIRST_SLOTS
from services.workers.deliveries.messages import Claimed
from shared.db import Connection

# Seconds for which a delivery is one sender's. An attempt ends long before; after it, its sender is taken for dead.
# One whose connection is gone is taken for dead sooner: what it had in hand would keep its receivers' slots.
LEASE = 60
GRACE = 3  # seconds in which a sender that lives is connected again
# Tries in which a delivery holds back the later ones of its lead, and the longest pause between them, in seconds: it
# must not for the rest of the day, nor for the hours that a Retry-After may ask for.
HOLDS_BACK, HOLDS_BACK_FOR = 3, PAUSES[1] * (1 + JITTER)
CLAIM_LOCK = 4_712_003  # one claim at a time, a few milliseconds each: limits and order then hold over all senders

# The statements below go by indexes alone. The planner, which knows little of a table that fills and empties within
# minutes, would read it whole (100,000 waiting: seconds instead of a few milliseconds).
PLAN = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_material', 'off', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
"""
# Receivers are found by a walk over the index that skips from one to the next: a hundred thousand deliveries that wait
# for one receiver cost as little as one. Those with the fewest under way go first. While a circuit is open, its first
# tries are not looked at.
ALLOWED = f"""
WITH RECURSIVE waiting AS (
    (SELECT workspace_id, endpoint FROM deliveries WHERE state = 'pending' ORDER BY workspace_id, endpoint LIMIT 1)
    UNION ALL
    SELECT following.* FROM waiting w, LATERAL (
        SELECT workspace_id, endpoint FROM deliveries
        WHERE state = 'pending' AND (workspace_id, endpoint) > (w.workspace_id, w.endpoint)
        ORDER BY workspace_id, endpoint LIMIT 1) following
), allowed AS (
    SELECT w.workspace_id, w.endpoint, busy.n AS busy, coalesce(e.slots, {FIRST_SLOTS}) AS slots, tried.before
    FROM waiting w LEFT JOIN endpoints e USING (workspace_id, endpoint), LATERAL (
        SELECT count(*) AS n FROM deliveries s
        WHERE s.workspace_id = w.workspace_id AND s.endpoint = w.endpoint AND s.sending_since IS NOT NULL
          AND s.state = 'pending' AND s.due_at > statement_timestamp()) busy, (VALUES (true), (false)) tried(before)
    WHERE busy.n < coalesce(e.slots, {FIRST_SLOTS})
      AND (tried.before OR e.open_until IS NULL OR e.open_until <= statement_timestamp())
)
"""  # noqa: S608  # constants only
# The last condition is to be looked up by lead in `ix_deliveries_order`, one probe for each delivery.
DUE = f"""
    d.workspace_id = a.workspace_id AND d.endpoint = a.endpoint AND d.state = 'pending'
    AND (d.attempts > d.attempts_before) = a.before
    AND d.due_at <= statement_timestamp() - %(age)s * interval '1 second'
    AND NOT EXISTS (
        SELECT FROM deliveries earlier
        WHERE earlier.lead_id = d.lead_id AND earlier.id < d.id AND earlier.state = 'pending'
          AND earlier.workspace_id = d.workspace_id AND earlier.endpoint = d.endpoint
          AND (earlier.sending_since IS NOT NULL
               OR (earlier.attempts - earlier.attempts_before < {HOLDS_BACK}
                   AND earlier.due_at <= statement_timestamp() + {HOLDS_BACK_FOR} * interval '1 second')))
"""
CLAIM = f"""
{ALLOWED}, due AS (
    SELECT found.*, a.slots,
           row_number() OVER (PARTITION BY a.workspace_id, a.endpoint ORDER BY due_at, id) + a.busy AS turn
    FROM allowed a, LATERAL (
        SELECT d.workspace_id, d.id, d.due_at FROM deliveries d WHERE {DUE}
        ORDER BY d.due_at, d.id LIMIT a.slots - a.busy FOR UPDATE SKIP LOCKED) found
), chosen AS (
    SELECT workspace_id, id FROM due WHERE turn <= slots ORDER BY turn, due_at, id LIMIT %(most)s
), claimed AS (
    UPDATE deliveries d SET attempts = attempts + 1, sending_since = clock_timestamp(), sender = pg_backend_pid(),
                            due_at = clock_timestamp() + {LEASE} * interval '1 second'
    FROM chosen c WHERE d.workspace_id = c.workspace_id AND d.id = c.id
    RETURNING d.*
), lost AS (
    UPDATE delivery_attempts a SET finished_at = clock_timestamp(), error = 'The sender ended before an answer came.'
    FROM claimed c
    WHERE a.workspace_id = c.workspace_id AND a.delivery_id = c.id AND a.number = c.attempts - 1
      AND a.finished_at IS NULL
), noted AS (
    INSERT INTO delivery_attempts (workspace_id, delivery_id, number, started_at)
    SELECT workspace_id, id, attempts, sending_since FROM claimed
)
SELECT workspace_id, id, attempts, attempts - attempts_before, sending_since, kind, message_id, event, lead_id,
       subscription_id, integration_id, user_id, target, endpoint, payload
FROM claimed ORDER BY id
"""  # noqa: S608  # constants only
WAITS = f"""
{ALLOWED}
SELECT EXISTS (SELECT FROM allowed a, LATERAL (SELECT FROM deliveries d WHERE {DUE} LIMIT 1) found)
"""  # noqa: S608  # constants only

# Not right after a crash of the database: it ended everybody's connection, and those who live report back in a moment.
RELEASE = """
UPDATE deliveries d SET due_at = sending_since
WHERE d.sending_since <= clock_timestamp() - %(grace)s * interval '1 second' AND d.state = 'pending'
  AND d.due_at > clock_timestamp()
  AND pg_postmaster_start_time() <= clock_timestamp() - %(grace)s * interval '1 second'
  AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = d.sender AND a.backend_start <= d.sending_since)
"""


async def claim(connection: Connection, most: int, *, overdue: float = 0.0) -> list[Claimed]:
    """Up to so many deliveries that have been due for `overdue` seconds, each noted as an attempt. Committed."""
    async with connection.transaction():
        await connection.execute(f"{PLAN}, pg_advisory_xact_lock(%s)", (CLAIM_LOCK,))
        rows = await (await connection.execute(CLAIM, {"most": most, "age": overdue})).fetchall()
    return [Claimed(*row) for row in rows]


async def waits(connection: Connection, *, overdue: float = 0.0) -> bool:
    """Whether a claim would find anything."""
    async with connection.transaction():
        await connection.execute(PLAN)
        row = await (await connection.execute(WAITS, {"age": overdue})).fetchone()
    return bool(row and row[0])


async def release(connection: Connection, *, grace: float = GRACE) -> int:
    """Takes deliveries from senders whose connection has been gone for `grace` seconds; how many."""
    async with connection.transaction():
        await connection.execute(PLAN)
        return (await connection.execute(RELEASE, {"grace": grace})).rowcount
