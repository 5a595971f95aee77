"""How many mails with links the admins of a workspace may set off. They choose the address: it may be a stranger's."""

from typing import Final, Literal, NamedTuple

from shared.outbound.mailboxes import recipient_digest
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.errors import RateLimited

LinkLimitScope = Literal["workspace", "recipient"]


class LinkLimit(NamedTuple):
    """At most so many mails with links of one purpose in any hour."""

    scope: LinkLimitScope
    mails: int


WORKSPACE_LIMIT: Final = LinkLimit("workspace", 30)
RECIPIENT_LIMIT: Final = LinkLimit("recipient", 3)  # from all workspaces together

# The row stays locked until the transaction ends. Returned are the seconds until the limit allows the mail, not above 0
# if it does so now.
COUNT_MAIL_SQL = """
INSERT INTO recipient_limits AS l (subject, sent_at) VALUES (%(subject)s, ARRAY[clock_timestamp()])
ON CONFLICT (subject) DO UPDATE SET last_sent_at = clock_timestamp(),
    sent_at = (l.sent_at || clock_timestamp())[cardinality(l.sent_at) + 1 - %(mails)s:]
RETURNING CASE WHEN cardinality(sent_at) > %(mails)s
    THEN extract(epoch FROM sent_at[1] + interval '1 hour' - clock_timestamp()) ELSE 0 END::float8
"""


class LinkLimitReached(RateLimited):
    """A mail with a link may not go yet. The caller's transaction must not be committed."""

    def __init__(self, limit: LinkLimit, seconds: float) -> None:
        super().__init__("Too many mails with links in this hour.", retry_after=int(seconds) + 1)
        self.limit = limit
        self.minutes = int(seconds // 60) + 1


async def count_link_mail(
    connection: Connection, cipher: Cipher, workspace_id: int, purpose: str, address: str
) -> None:
    """Count a mail that is about to be written. Raises LinkLimitReached."""
    recipient = recipient_digest(cipher.signing_key(), address)
    for limit, subject in ((WORKSPACE_LIMIT, workspace_id), (RECIPIENT_LIMIT, recipient)):
        values = {"subject": f"{purpose} link:{limit.scope}:{subject}", "mails": limit.mails}
        row = await (await connection.execute(COUNT_MAIL_SQL, values)).fetchone()
        if row and row[0] > 0:
            raise LinkLimitReached(limit, row[0])
