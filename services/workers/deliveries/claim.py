"""Claim due deliveries under a lease, fairly between receivers and in order for each lead."""

import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from services.workers.deliveries.backoff import JITTER_FRACTION, RETRY_DELAYS_SECONDS
from services.workers.deliveries.circuits import INITIAL_SLOTS, MAX_SLOTS
from services.workers.deliveries.types import ClaimedDelivery
from services.workers.processes.reconnect_grace import IS_LONG_WRITABLE_SQL, RECONNECT_GRACE_SECONDS
from shared.platform.db.advisory_locks import DELIVERY_CLAIM_LOCK
from shared.platform.db.connections import Connection, as_json

# Seconds for which a delivery belongs to one sender. An attempt ends long before; afterwards the sender counts as dead.
# A sender whose connection is gone counts as dead sooner, since its deliveries occupy their receivers' slots.
LEASE_SECONDS = 60
# The number of attempts for which a delivery holds back later deliveries of its lead, and the longest delay in seconds
# for which it does: it must not hold them back all day, or for the hours that a Retry-After may ask for.
BLOCKING_ATTEMPTS, MAX_BLOCKING_SECONDS = 3, RETRY_DELAYS_SECONDS[1] * (1 + JITTER_FRACTION)
NOTHING_IN_FLIGHT: Mapping[int, int] = MappingProxyType({})

# The statements below must use indexes. The table fills and empties within minutes, so the planner's statistics are
# wrong, and it would read the whole table: seconds instead of milliseconds with 100,000 waiting deliveries.
INDEX_SCANS_ONLY_SQL = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_material', 'off', true),
       set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)
"""
# Receivers are found by a scan of the index that skips from one receiver to the next, so 100,000 deliveries for one
# receiver cost as little as one. Receivers with the fewest deliveries in flight go first. First attempts are ignored
# while a receiver's circuit is open.
# A receiver whose rate is bounded gets attempts at an even pace, and after a rest as many at once as two seconds have.
# Both together keep within the rate in any minute: there is a little less than a part for each attempt. The pace is
# only touched under the lock of claims.
RATES_SQL = """
SELECT s.workspace_id, s.id, pace.burst, 60.6::float8 / (s.max_per_minute - pace.burst + 1) AS seconds, t.next_send_at
FROM webhook_subscriptions s
LEFT JOIN subscription_states t ON t.workspace_id = s.workspace_id AND t.subscription_id = s.id,
LATERAL (SELECT greatest(s.max_per_minute / 30, 1) AS burst) pace
WHERE s.max_per_minute IS NOT NULL
"""
ROOM_SQL = f"""
SELECT coalesce((
    SELECT floor(r.burst - greatest(extract(epoch FROM r.next_send_at - statement_timestamp()), 0) / r.seconds)
    FROM ({RATES_SQL} AND s.workspace_id = w.workspace_id
          AND s.id = CASE WHEN w.endpoint LIKE 'subscription:%%' THEN substr(w.endpoint, 14)::bigint END) r
), {MAX_SLOTS})::int AS n
"""
ALLOWED_ENDPOINTS_CTE = f"""
WITH RECURSIVE waiting AS (
    (SELECT workspace_id, endpoint FROM deliveries WHERE state = 'pending' ORDER BY workspace_id, endpoint LIMIT 1)
    UNION ALL
    SELECT following.* FROM waiting w, LATERAL (
        SELECT workspace_id, endpoint FROM deliveries
        WHERE state = 'pending' AND (workspace_id, endpoint) > (w.workspace_id, w.endpoint)
        ORDER BY workspace_id, endpoint LIMIT 1) following
), allowed AS (
    SELECT w.workspace_id, w.endpoint, busy.n AS busy,
           least(coalesce(e.slots, {INITIAL_SLOTS}), busy.n + room.n) AS slots, tried.before
    FROM waiting w LEFT JOIN endpoints e USING (workspace_id, endpoint), LATERAL (
        SELECT count(*) AS n FROM deliveries s
        WHERE s.workspace_id = w.workspace_id AND s.endpoint = w.endpoint AND s.sending_since IS NOT NULL
          AND s.state = 'pending' AND s.due_at > statement_timestamp()) busy, LATERAL ({ROOM_SQL}) room,
        (VALUES (true), (false)) tried(before)
    WHERE busy.n < coalesce(e.slots, {INITIAL_SLOTS}) AND room.n > 0 AND w.workspace_id <> ALL (%(paused)s::bigint[])
      AND (tried.before OR e.open_until IS NULL OR e.open_until <= statement_timestamp())
)
"""
IS_PENDING_THERE_SQL = "workspace_id = a.workspace_id AND endpoint = a.endpoint AND state = 'pending'"
IS_DUE_SQL = (
    "due_at <= statement_timestamp() - %(age)s * interval '1 second' AND (attempts > attempts_before) = a.before"
)
# The longest due first attempts, or retries; and those that became due last.
OLDEST_DUE_SQL, LATEST_DUE_SQL = (
    f"SELECT id, due_at, lead_id FROM deliveries WHERE {IS_PENDING_THERE_SQL} AND {IS_DUE_SQL} ORDER BY {order}"
    for order in ("due_at, id", "due_at DESC, id DESC")
)
# The first delivery of a lead that holds back later ones, found in `ix_deliveries_order`.
FIRST_OF_LEAD_SQL = f"""
SELECT id, due_at, lead_id, attempts, attempts_before FROM deliveries WHERE {IS_PENDING_THERE_SQL} AND lead_id = %s
    AND (sending_since IS NOT NULL
         OR (attempts - attempts_before < {BLOCKING_ATTEMPTS}
             AND due_at <= statement_timestamp() + {MAX_BLOCKING_SECONDS} * interval '1 second'))
ORDER BY id LIMIT 1
"""
LEAD_IDS_SQL = f"SELECT lead_id FROM deliveries WHERE {IS_PENDING_THERE_SQL}"
WITHOUT_LEAD_SQL = f"""
SELECT id, due_at, lead_id, attempts, attempts_before FROM deliveries WHERE {IS_PENDING_THERE_SQL} AND lead_id IS NULL
ORDER BY lead_id, id
"""
# The deliveries that may be sent to a receiver. The longest due ones come first, unless an earlier delivery of the same
# lead holds them back. If too many of these are held back, two more sources follow: the deliveries that became due
# last, since new ones are rarely held back, and a scan from lead to lead, which finds the first delivery of each. The
# scan starts at a random lead; otherwise leads with nothing due at the low end of the index would come first each
# time. A delivery without a lead is never held back. (Joins and conditions outside subqueries with a LIMIT would make
# the planner use other indexes, and so would a plain `state = 'pending'` where deliveries are selected.)
MAX_DUE_SCANNED, MAX_LEADS_SCANNED = 32, 100
IS_NOT_HELD_BACK_SQL = (
    f"n.lead_id IS NULL OR n.id <= coalesce((SELECT id FROM ({FIRST_OF_LEAD_SQL % 'n.lead_id'}) first), n.id)"
)
SENDABLE_SQL = f"""
    SELECT n.* FROM ({OLDEST_DUE_SQL} LIMIT {MAX_DUE_SCANNED}) n WHERE {IS_NOT_HELD_BACK_SQL}
    UNION ALL
    SELECT far.* FROM ({OLDEST_DUE_SQL} OFFSET {MAX_DUE_SCANNED - 1} LIMIT 1) last, LATERAL (
        SELECT n.* FROM ({LATEST_DUE_SQL} LIMIT {MAX_DUE_SCANNED}) n WHERE {IS_NOT_HELD_BACK_SQL}
        UNION
        SELECT w.id, w.due_at, w.lead_id FROM (
            ({WITHOUT_LEAD_SQL} LIMIT {MAX_LEADS_SCANNED})
            UNION ALL
            SELECT first.* FROM (
                SELECT lead_id
                    + (((SELECT max(lead_id) FROM ({LEAD_IDS_SQL}) every) - lead_id) * %(place)s)::bigint AS middle
                FROM ({LEAD_IDS_SQL} ORDER BY lead_id LIMIT 1) least) begin,
            LATERAL (VALUES (begin.middle, NULL::bigint), (0, begin.middle)) AS part(low, high),
            LATERAL (
                WITH RECURSIVE leads AS (
                    SELECT lead_id, 1 AS n FROM ({LEAD_IDS_SQL} AND lead_id >= part.low ORDER BY lead_id LIMIT 1) begun
                    UNION ALL
                    SELECT following.lead_id, w.n + 1 FROM leads w,
                        LATERAL ({LEAD_IDS_SQL} AND lead_id > w.lead_id ORDER BY lead_id LIMIT 1) following
                    WHERE w.n < {MAX_LEADS_SCANNED} AND (part.high IS NULL OR following.lead_id < part.high)
                )
                SELECT lead_id FROM leads WHERE part.high IS NULL OR lead_id < part.high) l,
            LATERAL ({FIRST_OF_LEAD_SQL % "l.lead_id"}) first) w
        WHERE {IS_DUE_SQL.replace("due_at", "w.due_at")}) far
    WHERE (far.due_at, far.id) > (last.due_at, last.id)
"""
CLAIM_DELIVERIES_SQL = f"""
{ALLOWED_ENDPOINTS_CTE}, due AS (
    SELECT a.workspace_id, found.id, found.due_at, a.slots,
           row_number() OVER (PARTITION BY a.workspace_id, a.endpoint ORDER BY due_at, id) + a.busy AS turn
    FROM allowed a, LATERAL (SELECT * FROM ({SENDABLE_SQL}) free LIMIT a.slots - a.busy) found
), mine AS (
    SELECT w, n FROM json_to_recordset(%(mine)s::json) AS m(w bigint, n bigint)
), shared AS (
    SELECT d.*, row_number() OVER (PARTITION BY d.workspace_id ORDER BY turn, due_at, id) + coalesce(m.n, 0) AS share
    FROM due d LEFT JOIN mine m ON m.w = d.workspace_id WHERE turn <= slots
), turns AS (
    SELECT workspace_id, id FROM shared
    WHERE share <= greatest(%(most)s / (1 + (
        SELECT count(*) FROM (SELECT workspace_id FROM due UNION SELECT w FROM mine) workspaces)), 1)
    ORDER BY share, turn, due_at, id LIMIT greatest(%(most)s - (SELECT coalesce(sum(n), 0) FROM mine), 0)
), chosen AS (
    SELECT d.workspace_id, d.id FROM turns t JOIN deliveries d USING (workspace_id, id)
    WHERE d.state || '' = 'pending' FOR UPDATE OF d SKIP LOCKED
), claimed AS (
    UPDATE deliveries d SET attempts = attempts + 1, sending_since = clock_timestamp(), sender = pg_backend_pid(),
                            due_at = clock_timestamp() + {LEASE_SECONDS} * interval '1 second'
    FROM chosen c WHERE d.workspace_id = c.workspace_id AND d.id = c.id
    RETURNING d.*
), paced AS (
    INSERT INTO subscription_states (workspace_id, subscription_id, next_send_at)
    SELECT r.workspace_id, r.id,
           greatest(r.next_send_at, statement_timestamp()) + count(*) * r.seconds * interval '1 second'
    FROM claimed c JOIN LATERAL ({RATES_SQL} AND s.workspace_id = c.workspace_id AND s.id = c.subscription_id) r ON true
    GROUP BY r.workspace_id, r.id, r.next_send_at, r.seconds ORDER BY 1, 2
    ON CONFLICT (workspace_id, subscription_id) DO UPDATE SET next_send_at = excluded.next_send_at
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
       subscription_id, integration_id, user_id, target, endpoint, payload,
       (SELECT extract(epoch FROM c.sending_since - d.due_at)::float8 FROM due d
        WHERE d.workspace_id = c.workspace_id AND d.id = c.id LIMIT 1)
FROM claimed c ORDER BY id
"""
HAS_DUE_SQL = f"""
{ALLOWED_ENDPOINTS_CTE}
SELECT EXISTS (SELECT FROM allowed a, LATERAL (SELECT FROM ({SENDABLE_SQL}) free LIMIT 1) found)
"""

# Not right after a crash of the database, or the promotion of another: all connections were closed, and living senders
# reconnect within moments.
RELEASE_DELIVERIES_SQL = f"""
UPDATE deliveries d SET due_at = sending_since
WHERE d.sending_since <= clock_timestamp() - %(grace)s * interval '1 second' AND d.state = 'pending'
  AND d.due_at > clock_timestamp()
  AND {IS_LONG_WRITABLE_SQL}
  AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = d.sender AND a.backend_start <= d.sending_since)
"""


async def claim_due(
    connection: Connection,
    limit: int,
    *,
    overdue: float = 0.0,
    in_flight: Mapping[int, int] = NOTHING_IN_FLIGHT,
    paused: Sequence[int] = (),
) -> list[ClaimedDelivery]:
    """Claim deliveries that have been due for `overdue` seconds, and note an attempt for each. Committed.

    Together with the sender's deliveries `in_flight`, by workspace, they are at most `limit`. Each workspace gets an
    equal share, and one share stays free for a further workspace, so a single workspace gets half. Deliveries of
    `paused` workspaces stay where they are.
    """
    async with connection.transaction():
        await connection.execute(f"{INDEX_SCANS_ONLY_SQL}, pg_advisory_xact_lock(%s)", (DELIVERY_CLAIM_LOCK,))
        under_way = as_json([{"w": workspace_id, "n": n} for workspace_id, n in in_flight.items()])
        how = {"most": limit, "age": overdue, "place": _random_position(), "mine": under_way, "paused": list(paused)}
        rows = await (await connection.execute(CLAIM_DELIVERIES_SQL, how)).fetchall()
    return [ClaimedDelivery(*row) for row in rows]


async def has_due(connection: Connection, *, overdue: float = 0.0, paused: Sequence[int] = ()) -> bool:
    """Return whether a claim would find a delivery."""
    how = {"age": overdue, "place": _random_position(), "paused": list(paused)}
    async with connection.transaction():
        await connection.execute(INDEX_SCANS_ONLY_SQL)
        row = await (await connection.execute(HAS_DUE_SQL, how)).fetchone()
    return bool(row and row[0])


async def release_orphaned(connection: Connection, *, grace: float = RECONNECT_GRACE_SECONDS) -> int:
    """Release deliveries of senders whose connection has been gone for `grace` seconds. Return their number."""
    async with connection.transaction():
        await connection.execute(INDEX_SCANS_ONLY_SQL)
        return (await connection.execute(RELEASE_DELIVERIES_SQL, {"grace": grace})).rowcount


def _random_position() -> float:
    """Return the position among the leads, from 0 to 1, at which a scan starts."""
    return random.random()  # noqa: S311
