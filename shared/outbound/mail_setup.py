"""Whether mail can be sent: by a workspace's own integration, or by the mail server of the installation."""

from shared.platform.db.connections import Connection
from shared.platform.settings import Settings

SENDS_MAIL_CONDITION = "i.is_active AND i.type IN ('smtp', 'mailgun')"  # of an integration `i`
HAS_MAIL_INTEGRATION_SQL = f"""
SELECT EXISTS (SELECT FROM integrations i WHERE i.workspace_id = %s AND {SENDS_MAIL_CONDITION})
"""


def has_installation_mail(settings: Settings) -> bool:
    """Return whether the installation has a mail server of its own."""
    return bool(settings.smtp_url and settings.mail_from)


async def can_send_mail(connection: Connection, settings: Settings, workspace_id: int) -> bool:
    """Return whether mails of the workspace can be sent."""
    if has_installation_mail(settings):
        return True
    row = await (await connection.execute(HAS_MAIL_INTEGRATION_SQL, (workspace_id,))).fetchone()
    return bool(row and row[0])
