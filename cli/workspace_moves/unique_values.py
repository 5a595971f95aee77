"""Values that are unique in the whole installation: public ids of forms, addresses of webhooks, API keys.

A free one is kept, so that websites and providers go on after the move. In place of a taken one, a form or a webhook
gets a new one, and a key is left out.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cli.common import escape_unprintable
from cli.workspace_moves.copied_rows import InvalidMove, escape_value, unescape_value
from cli.workspace_moves.move_archive import MAX_NUMBERED_ROWS, MoveArchive
from shared.auth.key_format import hash_key
from shared.forms.form_editing import PUBLIC_ID_BYTES
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection

TAKEN_SQL: Final = {
    "forms": "SELECT public_id FROM forms WHERE public_id = ANY(%s)",
    "integrations": r"SELECT '\x' || encode(token_digest, 'hex') FROM integrations"
    r" WHERE '\x' || encode(token_digest, 'hex') = ANY(%s)",
    "api_keys": r"SELECT '\x' || encode(digest, 'hex') FROM api_keys WHERE '\x' || encode(digest, 'hex') = ANY(%s)",
}
UNIQUE_COLUMNS: Final = {"forms": "public_id", "integrations": "token_digest", "api_keys": "digest"}
RENEWED_MESSAGES: Final = {
    "forms": "the form {name!r} has a new public id, since its own is taken here: change it on the website",
    "integrations": "the integration {name!r} has a new webhook URL, since its own is taken here: tell the provider",
    "api_keys": "the API key {name!r} is left out, since it is in use here: make another one",
}
_is_public_id = re.compile(r"[A-Za-z0-9_-]{8,64}").fullmatch
_is_digest = re.compile(r"\\x[0-9a-f]{64}").fullmatch


class WebhookToken(NamedTuple):
    """The token of a webhook URL as it is stored: encrypted, and the digest by which it is looked up."""

    sealed: bytes
    digest: bytes


@dataclass
class UniqueValues:
    """The values of an archive that are taken here, by table, and the names of the rows that were changed for it."""

    taken: dict[str, set[str]]
    renewed: dict[str, list[str]] = field(default_factory=dict)

    def is_kept(self, table: str, columns: list[str], values: list[bytes]) -> bool:
        """Return whether the unique value of a row is kept; note the row's name if not. Raises InvalidMove."""
        text = _value_of(table, columns, values)
        if text not in self.taken[table]:
            return True
        name = unescape_value(values[columns.index("name")]).decode(errors="replace")
        self.renewed.setdefault(table, []).append(name)
        return False

    def describe(self) -> list[str]:
        """Return a sentence for each row whose value is taken."""
        return [
            RENEWED_MESSAGES[table].format(name=escape_unprintable(name))
            for table, names in self.renewed.items()
            for name in names
        ]


async def find_taken_values(connection: Connection, archive: MoveArchive) -> UniqueValues:
    """Return which values of the archive are taken here."""
    taken_values = {}
    for table, statement in TAKEN_SQL.items():
        columns = archive.head.columns.get(table, [])
        texts = list(_read_values(table, columns, archive.lines(table)))
        if len(texts) != len(set(texts)):
            raise InvalidMove(f"two rows of {table} in it have the same {UNIQUE_COLUMNS[table]}")
        taken_values[table] = {text for (text,) in await (await connection.execute(statement, (texts,))).fetchall()}
    return UniqueValues(taken_values)


def renew_values(table: str, cipher: TransactionCipher) -> dict[str, bytes]:
    """Return new values for a form or an integration, by column, as COPY writes them."""
    if table == "forms":
        return {"public_id": secrets.token_urlsafe(PUBLIC_ID_BYTES).encode()}
    new_token = renew_token(cipher)
    return {"token": copied_bytes(new_token.sealed), "token_digest": copied_bytes(new_token.digest)}


def renew_token(cipher: TransactionCipher) -> WebhookToken:
    """Return a new token for the webhook URL of an integration."""
    token = secrets.token_urlsafe(32)
    return WebhookToken(cipher.encrypt(token), hash_key(token))


def copied_bytes(data: bytes) -> bytes:
    """Return bytes as COPY writes them."""
    return escape_value(b"\\x" + data.hex().encode())


def _read_values(table: str, columns: list[str], lines: Iterable[bytes]) -> Iterable[str]:
    for number, line in enumerate(lines, 1):
        if number > MAX_NUMBERED_ROWS:
            raise InvalidMove(f"it has more than {MAX_NUMBERED_ROWS:,} rows of {table}")
        values = line.removesuffix(b"\n").split(b"\t")
        if len(values) != len(columns):
            raise InvalidMove(f"a row of {table} in it has {len(values)} values instead of {len(columns)}")
        yield _value_of(table, columns, values)


def _value_of(table: str, columns: list[str], values: list[bytes]) -> str:
    if UNIQUE_COLUMNS[table] not in columns or "name" not in columns:
        raise InvalidMove(f"{table} in it lacks its columns")
    text = unescape_value(values[columns.index(UNIQUE_COLUMNS[table])]).decode(errors="replace")
    if not (_is_public_id if table == "forms" else _is_digest)(text):
        raise InvalidMove(f"a row of {table} in it has an unusable {UNIQUE_COLUMNS[table]}")
    return text
