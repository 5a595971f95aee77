"""Tokens of links in mails, encrypted under a key of their workspace.

The key is stored encrypted in the database. Mails are read for years, so that their links must stay valid through every
rotation of the keys that encrypt credentials.
"""

import contextlib
from collections.abc import Iterable
from typing import NamedTuple

from cryptography.fernet import Fernet, InvalidToken

from shared.platform.crypto.encryption import Cipher, DecryptionError
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings

MAX_TOKEN_LENGTH = 2000  # characters of a token

MAIL_KEYS_SQL = "SELECT id, mail_key FROM workspaces WHERE id = ANY(%s)"
CREATE_MAIL_KEY_SQL = "UPDATE workspaces SET mail_key = coalesce(mail_key, %s) WHERE id = %s RETURNING id, mail_key"


class TokenContent(NamedTuple):
    workspace_id: int
    text: str


async def workspace_mail_keys(connection: Connection, cipher: Cipher, workspace_ids: Iterable[int]) -> dict[int, str]:
    """Return the mail keys of workspaces, by workspace id. A workspace without a key gets one.

    Keys that cannot be decrypted are left out.
    """
    rows = await (await connection.execute(MAIL_KEYS_SQL, (list(workspace_ids),))).fetchall()
    for id_ in [row[0] for row in rows if row[1] is None]:
        async with connection.transaction():
            new = (await cipher.in_transaction(connection)).encrypt(Fernet.generate_key().decode())
            rows += await (await connection.execute(CREATE_MAIL_KEY_SQL, (new, id_))).fetchall()
    keys: dict[int, str] = {}
    for id_, sealed in rows:
        with contextlib.suppress(DecryptionError):
            keys |= {id_: cipher.decrypt(sealed)} if sealed is not None else {}
    return keys


def token_link(settings: Settings, path: str, key: str, content: TokenContent) -> str:
    """Return a link. It does not reveal the text, and cannot be forged for another one."""
    token = Fernet(key).encrypt(content.text.encode()).decode().rstrip("=")
    base = settings.configured_base_url
    return f"{base}{path}{content.workspace_id}.{token}"


async def open_token(connection: Connection, cipher: Cipher, token: str) -> TokenContent | None:
    """Return what a token says, or None if it is invalid."""
    id_, _, sealed = token.partition(".")
    if len(token) > MAX_TOKEN_LENGTH or not (token.isascii() and id_.isdigit() and len(id_) < 19):
        return None
    row = await (await connection.execute(MAIL_KEYS_SQL, ([int(id_)],))).fetchone()
    if row is None or row[1] is None:
        return None
    try:
        text = Fernet(cipher.decrypt(row[1])).decrypt(sealed + "=" * (-len(sealed) % 4)).decode()
    except (InvalidToken, DecryptionError):
        return None
    return TokenContent(row[0], text)
