"""Tells the processes that keep forms in memory that one was changed."""

from shared.platform.db.connections import Connection

FORMS_CHANNEL = "forms"


async def notify_changed(connection: Connection) -> None:
    """Notify all caches, when the transaction commits, that a form or a spam rule was changed."""
    await connection.execute("SELECT pg_notify(%s, '')", (FORMS_CHANNEL,))
