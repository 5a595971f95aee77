"""The limits of mails to addresses that somebody left, counted in the transaction that writes the mails.

The counters are locked until it ends, in the order of their names and after all other locks, so that the limits are
exact however many workers there are. Transactions without such mails ask nothing.
"""

from collections.abc import Sequence

from services.workers.mail_limits.mail_allowance import LONGEST_SPAN, MailRefusal, VisitorMail, decide_mails
from shared.platform.db.connections import Connection, StatementExecutor, as_json

# An update that changes nothing returns the row as it is once its lock is there. The clock is read after each lock.
LOCK_COUNTERS_SQL = """
INSERT INTO recipient_limits (subject)
SELECT subject FROM json_array_elements_text(%s::json) AS subject ORDER BY subject
ON CONFLICT (subject) DO UPDATE SET sent_at = recipient_limits.sent_at
RETURNING subject, sent_at, clock_timestamp()
"""
COUNT_MAILS_SQL = """
UPDATE recipient_limits l SET sent_at = counted.sent_at, last_sent_at = clock_timestamp()
FROM json_to_recordset(%s::json) AS counted(subject text, sent_at timestamptz[]) WHERE l.subject = counted.subject
"""
DELETE_OLD_COUNTERS_SQL = """
DELETE FROM recipient_limits WHERE subject IN (
    SELECT subject FROM recipient_limits WHERE last_sent_at < clock_timestamp() - %s::interval
    LIMIT 5000 FOR UPDATE SKIP LOCKED)
"""


async def count_mails(connection: StatementExecutor, mails: Sequence[VisitorMail]) -> list[MailRefusal | None]:
    """Count mails that are about to be written. Return for each why it must not be, or None.

    A refused one counts nowhere. Takes two statements, however many mails there are.
    """
    if not mails:
        return []
    subjects = sorted({subject for mail in mails for subject in mail.limits()})
    rows = await (await connection.execute(LOCK_COUNTERS_SQL, (as_json(subjects),))).fetchall()
    sent = {subject: times for subject, times, _ in rows}
    refusals, changed = decide_mails(mails, sent, max(row[2] for row in rows))
    if changed:
        counted = [{"subject": subject, "sent_at": times} for subject, times in sorted(changed.items())]
        await connection.execute(COUNT_MAILS_SQL, (as_json(counted),))
    return refusals


async def delete_old_counters(connection: Connection) -> None:
    """Delete the counters that no limit looks at any more, in chunks."""
    while (await connection.execute(DELETE_OLD_COUNTERS_SQL, (LONGEST_SPAN,))).rowcount:
        pass
