"""Whether mail can be sent: by a workspace's own integration, or by the mail server of the installation."""

from typing import NamedTuple

from shared.platform.db.connections import Connection
from shared.platform.settings import Settings

SENDS_MAIL_CONDITION = "i.is_active AND i.type IN ('smtp', 'mailgun')"  # of an integration `i`
HAS_MAIL_INTEGRATION_SQL = f"""
SELECT EXISTS (SELECT FROM integrations i WHERE i.workspace_id = %s AND {SENDS_MAIL_CONDITION})
"""
# In the order in which they send: the oldest mail server, otherwise the oldest Mailgun integration.
MAIL_SENDERS_SQL = f"""
SELECT i.id, i.name, i.type FROM integrations i WHERE i.workspace_id = %s AND {SENDS_MAIL_CONDITION}
ORDER BY i.type <> 'smtp', i.id LIMIT 2
"""


class MailSender(NamedTuple):
    """An integration that sends a workspace's mails."""

    id: int
    name: str
    type: str


async def read_mail_senders(connection: Connection, workspace_id: int) -> list[MailSender]:
    """Return the integration that sends the workspace's mails, and the one that would without it."""
    rows = await (await connection.execute(MAIL_SENDERS_SQL, (workspace_id,))).fetchall()
    return [MailSender(*row) for row in rows]


def has_installation_mail(settings: Settings) -> bool:
    """Return whether the installation has a mail server of its own."""
    return bool(settings.smtp_url and settings.mail_from)


async def can_send_mail(connection: Connection, settings: Settings, workspace_id: int) -> bool:
    """Return whether mails of the workspace can be sent."""
    if has_installation_mail(settings):
        return True
    row = await (await connection.execute(HAS_MAIL_INTEGRATION_SQL, (workspace_id,))).fetchone()
    return bool(row and row[0])
