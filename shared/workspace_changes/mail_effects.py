"""What a change of a workspace's mail server would do."""

from shared.platform.db.connections import Connection
from shared.workspace_changes import effect_counts
from shared.workspace_changes.mail_server import MailJson
from shared.workspace_changes.setting_effect import SettingEffect

FIELD = "mail"
# Domains that let nobody else's server send, by the end of the name of a host that may.
MAILBOX_PROVIDERS = {
    "gmail.com": "gmail.com",
    "googlemail.com": "gmail.com",
    "outlook.com": "office365.com",
    "hotmail.com": "office365.com",
    "live.com": "office365.com",
    "yahoo.com": "yahoo.com",
    "aol.com": "aol.com",
    "icloud.com": "me.com",
    "gmx.com": "gmx.com",
    "gmx.net": "gmx.net",
    "web.de": "web.de",
}


async def mail_effects(
    connection: Connection, workspace_id: int, before: MailJson, after: MailJson
) -> list[SettingEffect]:
    """Return the effects. The connection is in autocommit mode."""
    server = after["server"]
    waiting = await effect_counts.count_one(connection, effect_counts.WAITING_MAILS_SQL, {"w": workspace_id})
    waits = SettingEffect(FIELD, "mail_waits", waiting)
    if server is None:
        return [SettingEffect(FIELD, f"mail_by_{after['sent_by'] or 'nobody'}"), waits]
    effects = [
        SettingEffect(FIELD, "mail_by_server", entry=f"{server['host']}:{server['port']}"),
        SettingEffect(FIELD, "mail_from", entry=server["from"]),
        waits,
    ]
    domain = server["from"].rpartition("@")[2].lower()
    is_foreign = domain in MAILBOX_PROVIDERS and not server["host"].lower().endswith(MAILBOX_PROVIDERS[domain])
    return [*effects, SettingEffect(FIELD, "mail_refused_sender" if is_foreign else "mail_alignment", entry=domain)]
