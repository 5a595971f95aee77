"""Disable subscriptions that answer 410 or have failed for about a day, and notify the workspace's admins."""

from collections.abc import Sequence
from typing import Any

from services.workers.deliveries.outcomes import DeliveryOutcome
from shared.outbound import deliveries
from shared.outbound.cancellation import cancel_disabled
from shared.outbound.mail_readers import read_alarm_readers
from shared.outbound.staff_texts import staff_texts
from shared.platform.db.connections import Connection, as_json
from shared.platform.observability import logging

log = logging.get_logger()

GONE_REASON = "The receiver answered 410: it wants no more."
LONG_FAILURE_REASON = (
    "Nothing was taken for about a day: every attempt at a delivery failed, and no other succeeded meanwhile."
)

# A delivery that was given up disables its subscription only if no other delivery succeeded since its first attempt:
# one message that the receiver cannot handle is not enough.
DISABLE_SUBSCRIPTIONS_SQL = """
WITH candidates AS (
    SELECT c.w, c.id, min(c.reason) AS reason
    FROM json_to_recordset(%s::json) AS c(w bigint, id bigint, delivery_id bigint, first smallint, reason text,
                                          gone boolean)
    WHERE gone OR NOT EXISTS (
        SELECT FROM endpoints e
        JOIN delivery_attempts a ON a.workspace_id = e.workspace_id AND a.delivery_id = c.delivery_id
                                AND a.number = c.first
        WHERE e.workspace_id = c.w AND e.endpoint = 'subscription:' || c.id AND e.succeeded_at >= a.started_at)
    GROUP BY c.w, c.id
), disabled AS (
    UPDATE webhook_subscriptions s SET is_active = false, disabled_reason = c.reason, disabled_at = now(),
                                       updated_at = now()
    FROM candidates c WHERE s.workspace_id = c.w AND s.id = c.id AND s.is_active
    RETURNING s.workspace_id, s.id, s.disabled_reason
)
SELECT workspace_id, id, disabled_reason FROM disabled
"""


async def disable_failing_subscriptions(connection: Connection, outcomes: Sequence[DeliveryOutcome]) -> None:
    """Disable the subscriptions that these outcomes give reason to disable, in the caller's transaction."""
    candidates = [
        _candidate_row(one) for one in outcomes if one.claimed.subscription_id and (one.is_gone or one.is_given_up)
    ]
    if not candidates:
        return
    disabled = await (await connection.execute(DISABLE_SUBSCRIPTIONS_SQL, (as_json(candidates),))).fetchall()
    for workspace_id, id_, _ in sorted(disabled):
        await cancel_disabled(connection, workspace_id, id_)
        log.warning("subscription.disabled", workspace_id=workspace_id, subscription_id=id_)
    await _notify_admins(connection, disabled)


async def _notify_admins(connection: Connection, disabled: Sequence[tuple[Any, ...]]) -> None:
    admins = await read_alarm_readers(connection, "webhook_disabled", [row[0] for row in disabled])
    notices = [
        deliveries.notification_to_user(workspace_id, admin.user_id, *_mail_texts(admin.language, id_, reason))
        for workspace_id, id_, reason in disabled
        for admin in admins
        if admin.workspace_id == workspace_id
    ]
    await deliveries.enqueue_deliveries(connection, notices)


def _mail_texts(language: str | None, subscription_id: int, reason: str) -> tuple[str, str]:
    texts = staff_texts(language)
    return texts.mail("subscription_disabled", id=str(subscription_id), reason=texts.sentence(reason))


def _candidate_row(outcome: DeliveryOutcome) -> dict[str, Any]:
    claimed = outcome.claimed
    return {
        "w": claimed.workspace_id,
        "id": claimed.subscription_id,
        "delivery_id": claimed.id,
        "first": claimed.attempt_number - claimed.attempts_since_resend + 1,
        "reason": GONE_REASON if outcome.is_gone else LONG_FAILURE_REASON,
        "gone": outcome.is_gone,
    }
