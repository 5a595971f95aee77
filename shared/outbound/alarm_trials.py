"""Alarms on trial: sent to whoever is told of it, and marked as a test."""

from typing import Any

from shared.outbound.deliveries import enqueue_deliveries, notification_to_user
from shared.outbound.mail_readers import read_alarm_readers
from shared.outbound.mail_setup import can_send_mail
from shared.outbound.mail_trials import LOCK_SQL, NO_SERVER_MESSAGE, refuse_too_many
from shared.outbound.staff_texts import StaffTexts, staff_texts
from shared.outbound.trial_events import ALARM_TRIAL_EVENT
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict
from shared.platform.settings import Settings

NOBODY_MESSAGE = "Nobody is told of this alarm."
SAMPLE_DEAD, SAMPLE_DECIDED = 12, 80


async def send_alarm_trial(connection: Connection, settings: Settings, workspace_id: int, code: str) -> int:
    """Send an alarm on trial, in the caller's transaction. Return how many are told. Raises Conflict or RateLimited."""
    row = await (await connection.execute(LOCK_SQL, (workspace_id,))).fetchone()
    if not await can_send_mail(connection, settings, workspace_id):
        raise Conflict(NO_SERVER_MESSAGE)
    readers = await read_alarm_readers(connection, code, [workspace_id])
    if not readers:
        raise Conflict(NOBODY_MESSAGE)
    await refuse_too_many(connection, workspace_id, ALARM_TRIAL_EVENT)
    name = row[0] if row else ""
    messages = [
        notification_to_user(
            workspace_id, reader.user_id, *trial_texts(code, name, reader.language), event=ALARM_TRIAL_EVENT
        )
        for reader in readers
    ]
    await enqueue_deliveries(connection, messages)
    return len(readers)


def trial_texts(code: str, workspace: str, language: str | None) -> tuple[str, str]:
    """Return the subject and the body of an alarm on trial, with made-up figures."""
    texts = staff_texts(language)
    subject, body = texts.mail(code if code in texts.texts else TEXTS_BY_CODE[code], **_sample(texts, workspace))
    return texts.fill("alarm_trial", "subject", subject=subject), texts.fill("alarm_trial", "body", body=body)


TEXTS_BY_CODE = {"webhook_disabled": "subscription_disabled"}


def _sample(texts: StaffTexts, workspace: str) -> dict[str, Any]:
    """Return values for the texts of all alarms."""
    return {
        "workspace": workspace,
        "name": texts.fill("alarm_trial", "name"),
        "type": "webhook",
        "since": texts.fill("source_silent", "made"),
        "minutes": texts.counted("minutes", 60),
        "dead": texts.counted("submissions", SAMPLE_DEAD),
        "decided": SAMPLE_DECIDED,
        "percent": 100 * SAMPLE_DEAD // SAMPLE_DECIDED,
        "held": texts.counted("submissions", SAMPLE_DEAD),
        "new": SAMPLE_DEAD,
        "reasons": "-",
        "id": "1",
        "reason": "-",
        "link": "",
    }
