"""Whether mail can be sent: by a workspace's own integration, or by the mail server of the installation."""

from shared.db.connections import Connection
from shared.outbound.deliveries import MAIL_INTEGRATION_TYPES
from shared.settings import Settings

HAS_MAIL_INTEGRATION_SQL = """
SELECT EXISTS (SELECT FROM integrations WHERE workspace_id = %s AND is_active AND type = ANY(%s))
"""


def has_installation_mail(settings: Settings) -> bool:
    """Return whether the installation has a mail server of its own."""
    return bool(settings.smtp_url and settings.mail_from)


async def can_send_mail(connection: Connection, settings: Settings, workspace_id: int) -> bool:
    """Return whether mails of the workspace can be sent."""
    if has_installation_mail(settings):
        return True
    values = (workspace_id, list(MAIL_INTEGRATION_TYPES))
    row = await (await connection.execute(HAS_MAIL_INTEGRATION_SQL, values)).fetchone()
    return bool(row and row[0])
