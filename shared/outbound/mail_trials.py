"""Mails on trial: one to somebody of the workspace, by the server that sends its mails, and what that server said.

A trial connects to whichever host is set up, and tells how that went. The pause and the number an hour keep it from
being a scanner of other people's ports.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared.outbound.deliveries import MAIL_ENDPOINT, enqueue_deliveries, mail_on_trial
from shared.outbound.mail_setup import can_send_mail
from shared.outbound.receivers import allow_attempt
from shared.outbound.staff_texts import staff_texts
from shared.outbound.trial_events import MAIL_TRIAL_EVENT
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, RateLimited
from shared.platform.settings import Settings

SHORTEST_PAUSE = timedelta(seconds=20)  # between two trials of a workspace
MOST_AN_HOUR = 10
NO_SERVER_MESSAGE = "No mail server is set up."
TOO_SOON_MESSAGE = "A test was sent a moment ago. Wait before the next one."
TOO_MANY_MESSAGE = f"{MOST_AN_HOUR} tests were sent within the hour. Wait before the next one."

# Of two that ask at once, the second counts the mail of the first.
LOCK_SQL = "SELECT name FROM workspaces WHERE id = %s FOR NO KEY UPDATE"
# A trial to several people is one. Among the newest messages, so that a workspace without a trial costs no more.
_NEWEST_SQL = "(SELECT * FROM deliveries WHERE workspace_id = %(w)s ORDER BY id DESC LIMIT 5000)"
LATE_TRIALS_SQL = f"""
SELECT count(DISTINCT created_at), extract(epoch FROM clock_timestamp() - max(created_at))::float,
       coalesce(bool_or(state = 'pending'), false)
FROM {_NEWEST_SQL} d WHERE event = %(event)s AND created_at > clock_timestamp() - interval '1 hour'
"""
TRIAL_SQL = f"""
SELECT d.id, d.state, d.error, d.created_at, d.finished_at,
       (SELECT a.body FROM delivery_attempts a WHERE a.workspace_id = d.workspace_id AND a.delivery_id = d.id
        ORDER BY a.number DESC LIMIT 1), d.due_at
FROM {_NEWEST_SQL} d WHERE d.event = %(event)s ORDER BY d.id DESC LIMIT 1
"""


POSTPONE_SQL = """
UPDATE deliveries SET due_at = clock_timestamp() + make_interval(secs => %s) WHERE workspace_id = %s AND id = %s
RETURNING due_at
"""


class MailTrial(NamedTuple):
    """The newest trial of the mails: pending, sent, failed or cancelled, and what the server said.

    A pending one is sent at `due_at`, or as soon as a worker is free.
    """

    id: int
    state: str
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    answer: str | None
    due_at: datetime | None = None


async def read_mail_trial(connection: Connection, workspace_id: int) -> MailTrial | None:
    """Return the newest trial of the workspace's mails."""
    values = {"w": workspace_id, "event": MAIL_TRIAL_EVENT}
    row = await (await connection.execute(TRIAL_SQL, values)).fetchone()
    return MailTrial(*row) if row else None


async def send_mail_trial(
    connection: Connection,
    cipher: TransactionCipher,
    settings: Settings,
    workspace_id: int,
    address: str,
    language: str | None,
    *,
    may_wait: bool = False,
) -> MailTrial:
    """Send a mail on trial, in the caller's transaction. Raises Conflict without a mail server, or RateLimited.

    With `may_wait` one that comes too soon is sent after the pause, unless another is still under way: who has just
    changed the server asks for its answer, and must not read that of the server before.
    """
    row = await (await connection.execute(LOCK_SQL, (workspace_id,))).fetchone()
    if not await can_send_mail(connection, settings, workspace_id):
        raise Conflict(NO_SERVER_MESSAGE)
    pause = await _pause_before(connection, workspace_id, may_wait=may_wait)
    subject, body = staff_texts(language).mail("mail_trial", workspace=row[0] if row else "")
    mail = mail_on_trial(cipher, workspace_id, address, subject, body)
    await allow_attempt(connection, workspace_id, MAIL_ENDPOINT)
    ids = await enqueue_deliveries(connection, [mail])
    id_, due_at = ids[mail.message_id], datetime.now(UTC)
    if pause:
        [(due_at,)] = await (await connection.execute(POSTPONE_SQL, (pause, workspace_id, id_))).fetchall()
    return MailTrial(id_, "pending", None, datetime.now(UTC), None, None, due_at)


async def _pause_before(connection: Connection, workspace_id: int, *, may_wait: bool) -> float:
    """Return the seconds until a trial may be sent. Raises RateLimited."""
    late = await _read_late_trials(connection, workspace_id, MAIL_TRIAL_EVENT)
    if may_wait and late.wait_seconds and not late.is_pending and late.number < MOST_AN_HOUR:
        return late.wait_seconds
    late.refuse()
    return 0.0


class LateTrials(NamedTuple):
    """The trials of an event within the hour, and how long the next one has to wait."""

    number: int
    wait_seconds: float
    is_pending: bool

    def refuse(self) -> None:
        """Raise RateLimited if a trial was sent a moment ago, or too many within the hour."""
        if self.wait_seconds:
            raise RateLimited(TOO_SOON_MESSAGE, retry_after=int(self.wait_seconds) + 1)
        if self.number >= MOST_AN_HOUR:
            raise RateLimited(TOO_MANY_MESSAGE, retry_after=600)


async def refuse_too_many(connection: Connection, workspace_id: int, event: str) -> None:
    """Raise RateLimited if a trial of this event was sent a moment ago, or too many within the hour."""
    (await _read_late_trials(connection, workspace_id, event)).refuse()


async def _read_late_trials(connection: Connection, workspace_id: int, event: str) -> LateTrials:
    values = {"w": workspace_id, "event": event}
    [(count, seconds_ago, is_pending)] = await (await connection.execute(LATE_TRIALS_SQL, values)).fetchall()
    pause = SHORTEST_PAUSE.total_seconds()
    return LateTrials(count, 0.0 if seconds_ago is None else max(0.0, pause - seconds_ago), is_pending)
