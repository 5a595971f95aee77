"""Unsubscribe links in mails to leads."""

from typing import NamedTuple

from shared.outbound.workspace_tokens import TokenContent, open_token, token_link
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings

UNSUBSCRIBE_PATH = "/u/"


class UnsubscribeTarget(NamedTuple):
    workspace_id: int
    email: str


def unsubscribe_link(settings: Settings, key: str, recipient: UnsubscribeTarget) -> str:
    """Return the link for an address. It does not reveal the address and cannot be forged for another one."""
    content = TokenContent(recipient.workspace_id, recipient.email.lower())
    return token_link(settings, UNSUBSCRIBE_PATH, key, content)


async def read_token(connection: Connection, cipher: Cipher, token: str) -> UnsubscribeTarget | None:
    """Return the recipient for whom the link was made, or None if the token is invalid."""
    content = await open_token(connection, cipher, token)
    return UnsubscribeTarget(*content) if content and "@" in content.text else None
