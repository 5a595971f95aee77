"""Send deliveries again, one or many at once. A resent delivery keeps its id and restarts its schedule."""

from collections.abc import Sequence

from shared.outbound import cancellation
from shared.outbound.receivers import allow_attempt
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound

MAX_DELIVERY_ATTEMPTS = 32_000  # the number has 15 bits, and one beyond them would make every claim fail

# In the order of locks of the senders: deliveries, then receivers. After failures the receiver is tried at once.
RESEND_SQL = """
WITH locked AS (
    SELECT workspace_id, id FROM deliveries WHERE workspace_id = %(workspace)s AND id = ANY(%(ids)s)
    ORDER BY workspace_id, endpoint, lead_id, id FOR UPDATE
), again AS (
    UPDATE deliveries d SET state = 'pending', attempts_before = d.attempts, due_at = now(), error = NULL,
                            finished_at = NULL
    FROM locked l
    WHERE d.workspace_id = l.workspace_id AND d.id = l.id AND d.state <> 'pending' AND d.sending_since IS NULL
      AND d.attempts < %(limit)s
      AND NOT EXISTS (SELECT FROM webhook_subscriptions s WHERE s.workspace_id = d.workspace_id
                      AND s.id = d.subscription_id AND NOT s.is_active)
      AND NOT EXISTS (SELECT FROM background_cleanups c WHERE c.workspace_id = d.workspace_id
                      AND c.kind IN ('disabled', 'waiting') AND c.ref_id = d.subscription_id)
    RETURNING d.id, d.endpoint
), allowed AS (
    UPDATE endpoints e SET open_until = NULL FROM (SELECT DISTINCT endpoint FROM again) a
    WHERE e.workspace_id = %(workspace)s AND e.endpoint = a.endpoint
)
SELECT id FROM again
"""
UNSENT_REASONS_SQL = """
SELECT d.id, CASE
    WHEN d.sending_since IS NOT NULL THEN 'It is being sent.'
    WHEN d.state = 'pending' THEN 'It waits to be sent already.'
    WHEN d.attempts >= %(limit)s THEN 'It was tried too often.'
    ELSE 'Its subscription is disabled, or what waited for it is still being cancelled.' END
FROM deliveries d WHERE d.workspace_id = %(workspace)s AND d.id = ANY(%(ids)s)
"""
GONE_DELIVERY_REASON = "It is gone."
CANCELLATION_PENDING_MESSAGE = (
    "What waited when the subscription was disabled is still being cancelled. Send the request again in a moment."
)

FIND_SUBSCRIPTION_OF_SQL = "SELECT subscription_id FROM deliveries WHERE workspace_id = %s AND id = %s"
# The sweeper finds it within a fraction of a second.
RESEND_ONE_SQL = """
UPDATE deliveries SET state = 'pending', attempts_before = attempts, due_at = now(), error = NULL, finished_at = NULL,
                      cause_id = NULL
WHERE workspace_id = %s AND id = %s AND sending_since IS NULL AND attempts < %s RETURNING endpoint
"""


async def resend_one(connection: Connection, workspace_id: int, delivery_id: int) -> bool:
    """Send a delivery again, whatever its state, in the caller's transaction. Return whether it was.

    One that is being sent is left alone, and so is one that was tried 32,000 times. The receiver is tried at once, even
    after failures. Raises NotFound, and Conflict while deliveries of its subscription are still being cancelled: it
    would be cancelled as well.
    """
    row = await (await connection.execute(FIND_SUBSCRIPTION_OF_SQL, (workspace_id, delivery_id))).fetchone()
    if row is None:
        raise NotFound
    await expect_no_cancellation(connection, workspace_id, row[0])
    limits = (workspace_id, delivery_id, MAX_DELIVERY_ATTEMPTS)
    again = await (await connection.execute(RESEND_ONE_SQL, limits)).fetchone()
    if again is not None:
        await allow_attempt(connection, workspace_id, again[0])
    return again is not None


async def expect_no_cancellation(connection: Connection, workspace_id: int, subscription_id: int | None) -> None:
    """Raise Conflict while a cancellation is pending: messages that are sent again now would be cancelled too."""
    if subscription_id and await cancellation.is_cancelling(connection, workspace_id, subscription_id):
        raise Conflict(CANCELLATION_PENDING_MESSAGE)


async def resend_deliveries(connection: Connection, workspace_id: int, delivery_ids: Sequence[int]) -> set[int]:
    """Send deliveries again, in the caller's transaction. Return the ids of those that it took.

    It leaves alone what waits or is being sent, and what belongs to a disabled subscription.
    """
    rows = await (await connection.execute(RESEND_SQL, _chosen(workspace_id, delivery_ids))).fetchall()
    return {row[0] for row in rows}


async def reasons_not_resent(connection: Connection, workspace_id: int, delivery_ids: Sequence[int]) -> dict[int, str]:
    """Return for each delivery why it was not sent again."""
    if not delivery_ids:
        return {}
    rows = await (await connection.execute(UNSENT_REASONS_SQL, _chosen(workspace_id, delivery_ids))).fetchall()
    return dict.fromkeys(delivery_ids, GONE_DELIVERY_REASON) | {row[0]: row[1] for row in rows}


def _chosen(workspace_id: int, delivery_ids: Sequence[int]) -> dict[str, object]:
    return {"workspace": workspace_id, "ids": list(delivery_ids), "limit": MAX_DELIVERY_ATTEMPTS}
