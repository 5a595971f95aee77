"""What the page of a workspace reads beside its settings."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shared.outbound.deliveries import MAIL_TRIAL_EVENT
from shared.outbound.mail_setup import SENDS_MAIL_CONDITION
from shared.platform.db.connections import Connection
from shared.workspace_changes.effect_counts import count_leads_with

COUNTING_SECONDS = 0.7  # for all entries of a list; those behind have no number
MAX_COUNTED_ENTRIES = 50

SENDER_SQL = f"""
SELECT i.id, i.name, i.type FROM integrations i WHERE i.workspace_id = %s AND {SENDS_MAIL_CONDITION}
ORDER BY i.id LIMIT 1
"""
# Among the newest messages, so that a workspace without a trial costs no more.
TRIAL_SQL = """
SELECT d.id, d.state, d.error, d.created_at, d.finished_at,
       (SELECT a.body FROM delivery_attempts a WHERE a.workspace_id = d.workspace_id AND a.delivery_id = d.id
        ORDER BY a.number DESC LIMIT 1)
FROM (SELECT * FROM deliveries WHERE workspace_id = %s ORDER BY id DESC LIMIT 5000) d
WHERE d.event = %s ORDER BY d.id DESC LIMIT 1
"""
FORMS_SQL = "SELECT count(*) FROM forms WHERE workspace_id = %s AND is_active"


class MailSender(NamedTuple):
    """The integration that sends a workspace's mails."""

    id: int
    name: str
    type: str


class MailTrial(NamedTuple):
    """The newest trial of the mails: pending, sent, failed or cancelled, and what the server said."""

    id: int
    state: str
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    answer: str | None


async def read_sender(connection: Connection, workspace_id: int) -> MailSender | None:
    """Return the integration that sends the workspace's mails."""
    row = await (await connection.execute(SENDER_SQL, (workspace_id,))).fetchone()
    return MailSender(*row) if row else None


async def read_trial(connection: Connection, workspace_id: int) -> MailTrial | None:
    """Return the newest trial of the workspace's mails."""
    row = await (await connection.execute(TRIAL_SQL, (workspace_id, MAIL_TRIAL_EVENT))).fetchone()
    return MailTrial(*row) if row else None


async def count_forms(connection: Connection, workspace_id: int) -> int:
    """Return how many forms are open."""
    row = await (await connection.execute(FORMS_SQL, (workspace_id,))).fetchone()
    return int(row[0]) if row else 0


async def count_listed(connection: Connection, workspace_id: int, entries: Sequence[str]) -> dict[str, int]:
    """Return how many leads have a contact of each entry, as far as there is time."""
    end, counts = time.monotonic() + COUNTING_SECONDS, dict[str, int]()
    for entry in entries[:MAX_COUNTED_ENTRIES]:
        count = await count_leads_with(connection, workspace_id, entry)
        if count is not None:
            counts[entry] = count
        if time.monotonic() > end:
            break
    return counts
