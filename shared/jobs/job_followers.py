"""Users who get a mail when a job ends. The mail is written in the transaction that ends the job, once."""

from collections.abc import Sequence
from typing import Any

from shared.jobs.job_kinds import told_kind
from shared.jobs.job_outcomes import RETURNING_KINDS
from shared.outbound.deliveries import enqueue_deliveries, notification_to_user
from shared.outbound.mail_readers import read_user_languages
from shared.outbound.staff_texts import staff_texts
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict

# The job's row is locked: either the transaction that ends it sees the follower, or this one sees the end.
FOLLOW_JOB_SQL = """
INSERT INTO job_followers (workspace_id, job_id, user_id, url)
SELECT workspace_id, id, %(user)s, %(url)s FROM (
    SELECT workspace_id, id FROM jobs WHERE workspace_id = %(workspace)s AND id = %(job)s AND finished_at IS NULL
    FOR UPDATE) job
ON CONFLICT (workspace_id, job_id, user_id) DO UPDATE SET url = excluded.url
"""
UNFOLLOW_JOB_SQL = "DELETE FROM job_followers WHERE workspace_id = %s AND job_id = %s AND user_id = %s"
IS_FOLLOWING_SQL = "SELECT EXISTS (SELECT FROM job_followers WHERE workspace_id = %s AND job_id = %s AND user_id = %s)"
TAKE_FOLLOWERS_SQL = "DELETE FROM job_followers WHERE workspace_id = %s AND job_id = %s RETURNING user_id, url"
READ_END_SQL = """
SELECT kind, filter, state, total, done, failed, skipped, total - position FROM jobs WHERE workspace_id = %s AND id = %s
"""


async def follow_job(connection: Connection, workspace_id: int, job_id: int, user_id: int, url: str) -> None:
    """Send the user a mail when the job ends, with the address of its page. Raises Conflict if it has ended."""
    values = {"workspace": workspace_id, "job": job_id, "user": user_id, "url": url}
    if not (await connection.execute(FOLLOW_JOB_SQL, values)).rowcount:
        raise Conflict("The job has ended.")


async def unfollow_job(connection: Connection, workspace_id: int, job_id: int, user_id: int) -> None:
    """Send the user no mail."""
    await connection.execute(UNFOLLOW_JOB_SQL, (workspace_id, job_id, user_id))


async def is_following_job(connection: Connection, workspace_id: int, job_id: int, user_id: int) -> bool:
    """Return whether the user gets a mail when the job ends."""
    row = await (await connection.execute(IS_FOLLOWING_SQL, (workspace_id, job_id, user_id))).fetchone()
    return bool(row and row[0])


async def notify_followers(connection: Connection, workspace_id: int, job_id: int) -> None:
    """Write the mails about a job that has just ended in this transaction."""
    key = (workspace_id, job_id)
    followers = await (await connection.execute(TAKE_FOLLOWERS_SQL, key)).fetchall()
    ended = await (await connection.execute(READ_END_SQL, key)).fetchone() if followers else None
    if ended is None:
        return
    languages = await read_user_languages(connection, workspace_id, [user_id for user_id, _ in followers])
    await enqueue_deliveries(
        connection,
        [
            notification_to_user(workspace_id, user_id, *_mail_texts(languages.get(user_id), ended, url))
            for user_id, url in followers
        ],
    )


def _mail_texts(language: str | None, ended: Sequence[Any], url: str) -> tuple[str, str]:
    texts = staff_texts(language)
    kind, filters, state, *numbers = ended
    counts: dict[str, int] = dict(zip(("total", "done", "failed", "skipped", "left"), numbers, strict=True))
    name = "job_handed_over" if kind in RETURNING_KINDS else "job_ended"  # verdicts come after the end of a replay
    titles, states = texts.texts["job_ended"]["titles"], texts.texts[name]["states"]
    title = titles.get(told_kind(kind, filters), f"{kind}: {{total}}").format(total=f"{counts['total']:,}")
    return texts.mail(name, title=title, state=states.get(state, state), url=url, **counts)
