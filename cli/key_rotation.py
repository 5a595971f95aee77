"""Key rotation: re-encrypt every stored secret under the first key, while services continue to write.

A service reads the keys in the transaction that stores what it encrypts (shared/crypto/encryption.py). So once the keys
have changed, only the transactions that are open can still store a value under the old key. When these have ended, all
stored values are gone over.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg import sql
from sqlalchemy import Table

from shared.models import Base
from shared.platform.crypto.encryption import Cipher, DecryptionError
from shared.platform.db.advisory_locks import KEY_ROTATION_LOCK
from shared.platform.db.connections import Connection

ROTATION_CHUNK_SIZE = 500  # rows
OPEN_TRANSACTIONS_TIMEOUT_SECONDS = 120.0  # seconds to wait for the transactions that were open
OPEN_TRANSACTIONS_POLL_SECONDS = 0.1  # seconds between two checks

ROTATION_BUSY_MESSAGE = "a backup or another rotation is at work; try again when it has ended"
STILL_OPEN_MESSAGE = "a transaction that was open at the start still is; both keys stay in use until this is run again"
# By the lock that each transaction holds on itself: the times of transactions are not shown to every role, and a server
# may be told not to keep them.
OPEN_TRANSACTIONS_SQL = """
SELECT l.virtualtransaction FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock'
  AND a.datname = current_database() AND a.application_name LIKE 'leadhub%' AND a.pid <> pg_backend_pid()
"""


class EncryptedColumn(NamedTuple):
    """A column with ciphertext, and the primary key of its table."""

    table: str
    name: str
    key: tuple[str, ...]


class RotationResult(NamedTuple):
    """The number of re-encrypted values, and the places of values that none of the keys decrypts."""

    re_encrypted_count: int
    unreadable: list[str]


def encrypted_columns() -> Iterator[EncryptedColumn]:
    """Yield every column that is declared as ciphertext."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.info.get("encrypted"):
                yield EncryptedColumn(table.name, column.name, _primary_key(table))


async def lock_rotation(connection: Connection) -> None:
    """Exclude backups and other rotations until the connection ends. Raises RuntimeError if one is running."""
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (KEY_ROTATION_LOCK,))).fetchone()
    if not row or not row[0]:
        raise RuntimeError(ROTATION_BUSY_MESSAGE)


async def wait_for_open_transactions(connection: Connection) -> None:
    """Wait until all values encrypted before are stored. Raises RuntimeError if that takes too long."""
    before = await _open_transactions(connection)
    deadline = asyncio.get_running_loop().time() + OPEN_TRANSACTIONS_TIMEOUT_SECONDS
    while before & await _open_transactions(connection):
        if asyncio.get_running_loop().time() > deadline:
            raise RuntimeError(STILL_OPEN_MESSAGE)
        await asyncio.sleep(OPEN_TRANSACTIONS_POLL_SECONDS)


async def re_encrypt_all(connection: Connection, cipher: Cipher) -> RotationResult:
    """Re-encrypt every value that is not yet under the first key. The next run completes an interrupted one.

    There is a second pass, since the confirmation of a second factor copies its secret to another column: from where
    the first pass has not been yet to where it has been. From there it is copied no further.
    """
    first = await _pass_over_all(connection, cipher)
    second = await _pass_over_all(connection, cipher)
    return RotationResult(first.re_encrypted_count + second.re_encrypted_count, second.unreadable)


async def _pass_over_all(connection: Connection, cipher: Cipher) -> RotationResult:
    done, unreadable = 0, []
    for column in encrypted_columns():
        last: tuple[Any, ...] | None = None
        while rows := await _rows_after(connection, column, last):
            changes, damaged = _re_encrypted_rows(cipher, rows)
            done += await _store_changes(connection, column, changes)
            unreadable += [f"{column.table}.{column.name} of {'/'.join(map(str, key))}" for key in damaged]
            last = rows[-1][:-1]
    return RotationResult(done, unreadable)


def _re_encrypted_rows(
    cipher: Cipher, rows: list[tuple[Any, ...]]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the parameters of the needed updates, and the primary keys of rows that cannot be decrypted."""
    changes, damaged = [], []
    for *key, old in rows:
        try:
            new = cipher.re_encrypt(old)
        except DecryptionError:
            damaged.append(tuple(key))
            continue
        if new is not None:
            changes.append((new, *key, old))
    return changes, damaged


async def _rows_after(
    connection: Connection, column: EncryptedColumn, last: tuple[Any, ...] | None
) -> list[tuple[Any, ...]]:
    key, name = _identifier_list(column.key), sql.Identifier(column.name)
    after = sql.SQL("") if last is None else sql.SQL("AND ({}) > ({})").format(key, _placeholder_list(len(last)))
    query = sql.SQL("SELECT {}, {} FROM {} WHERE {} IS NOT NULL {} ORDER BY {} LIMIT {}").format(
        key, name, sql.Identifier(column.table), name, after, key, sql.Literal(ROTATION_CHUNK_SIZE)
    )
    return await (await connection.execute(query, last or ())).fetchall()


async def _store_changes(connection: Connection, column: EncryptedColumn, changes: list[tuple[Any, ...]]) -> int:
    """Store changes and return how many. A value that changed meanwhile is left as it is: see `re_encrypt_all`."""
    name = sql.Identifier(column.name)
    statement = sql.SQL("UPDATE {} SET {} = %s WHERE ({}) = ({}) AND {} = %s").format(
        sql.Identifier(column.table), name, _identifier_list(column.key), _placeholder_list(len(column.key)), name
    )
    if not changes:
        return 0
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.executemany(statement, changes)
        return cursor.rowcount


async def _open_transactions(connection: Connection) -> set[str]:
    """Return the ids of the services' open transactions. No transaction ever gets the id of another one."""
    return {row[0] for row in await (await connection.execute(OPEN_TRANSACTIONS_SQL)).fetchall()}


def _primary_key(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key.columns)


def _identifier_list(names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _placeholder_list(count: int) -> sql.Composed:
    return sql.SQL(", ").join([sql.Placeholder()] * count)
