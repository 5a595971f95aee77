"""All that is encrypted, put under the first key, while services go on writing.

Whoever encrypted under the keys of before has stored the result once the transactions that were open then have ended.
From there on one walk over every column meets all of it.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

from psycopg import sql
from sqlalchemy import Table

from shared.db import Connection
from shared.models import Base
from shared.vault import ROTATION_LOCK, Unreadable, Vault

AT_ONCE = 500  # rows
SETTLING = 2.0  # seconds between encrypting and the first statement of the transaction, at the most
PATIENCE = 120.0  # seconds that transactions which were open are waited for
PAUSE = 0.1  # seconds

BUSY = "a backup or another rotation is at work; try again when it has ended"
STILL_OPEN = "a transaction that was open at the start still is; both keys stay in use until this is run again"
OPEN = """
SELECT EXISTS (
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'leadhub%%' AND pid <> pg_backend_pid()
      AND xact_start < %s
)
"""


class Column(NamedTuple):
    """A column that holds ciphertext, and the primary key of its table."""

    table: str
    name: str
    key: tuple[str, ...]


class Renewed(NamedTuple):
    """How many values were encrypted anew, and where those stand that none of the keys decrypts."""

    done: int
    unreadable: list[str]


def columns() -> Iterator[Column]:
    """Every column declared as `Ciphertext`."""
    for table in Base.metadata.sorted_tables:
        for column in table.columns:
            if column.info.get("encrypted"):
                yield Column(table.name, column.name, _key(table))


async def lock(connection: Connection) -> None:
    """For as long as the connection lasts, no backup is made and nobody else rotates. RuntimeError if one does."""
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", (ROTATION_LOCK,))).fetchone()
    if not row or not row[0]:
        raise RuntimeError(BUSY)


async def settle(connection: Connection) -> None:
    """Waits until nobody is left who has yet to store what was encrypted before. RuntimeError if that takes long."""
    await asyncio.sleep(SETTLING)
    row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
    for _ in range(int(PATIENCE / PAUSE)):
        if not await _is_true(connection, OPEN, row or ()):
            return
        await asyncio.sleep(PAUSE)
    raise RuntimeError(STILL_OPEN)


async def renew(connection: Connection, vault: Vault) -> Renewed:
    """Encrypts everything under the first key that is not yet. A run that was cut short is made up for by the next."""
    done, unreadable = 0, []
    for column in columns():
        last: tuple[Any, ...] | None = None
        while rows := await _rows_after(connection, column, last):
            changes, damaged = _renewed(vault, rows)
            done += await _store(connection, column, changes)
            unreadable += [f"{column.table}.{column.name} of {'/'.join(map(str, key))}" for key in damaged]
            last = rows[-1][:-1]
    return Renewed(done, unreadable)


def _renewed(vault: Vault, rows: list[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Parameters of the updates that are needed, and the keys of rows that cannot be read."""
    changes, damaged = [], []
    for *key, old in rows:
        try:
            new = vault.renew(old)
        except Unreadable:
            damaged.append(tuple(key))
            continue
        if new is not None:
            changes.append((new, *key, old))
    return changes, damaged


async def _rows_after(connection: Connection, column: Column, last: tuple[Any, ...] | None) -> list[tuple[Any, ...]]:
    key, name = _listed(column.key), sql.Identifier(column.name)
    after = sql.SQL("") if last is None else sql.SQL("AND ({}) > ({})").format(key, _placeholders(len(last)))
    query = sql.SQL("SELECT {}, {} FROM {} WHERE {} IS NOT NULL {} ORDER BY {} LIMIT {}").format(
        key, name, sql.Identifier(column.table), name, after, key, sql.Literal(AT_ONCE)
    )
    return await (await connection.execute(query, last or ())).fetchall()


async def _store(connection: Connection, column: Column, changes: list[tuple[Any, ...]]) -> int:
    """How many were stored: a value that somebody changed meanwhile is left as it is, under the first key already."""
    name = sql.Identifier(column.name)
    statement = sql.SQL("UPDATE {} SET {} = %s WHERE ({}) = ({}) AND {} = %s").format(
        sql.Identifier(column.table), name, _listed(column.key), _placeholders(len(column.key)), name
    )
    if not changes:
        return 0
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.executemany(statement, changes)
        return cursor.rowcount


async def _is_true(connection: Connection, query: str, parameters: tuple[Any, ...]) -> bool:
    row = await (await connection.execute(query, parameters)).fetchone()
    return bool(row and row[0])


def _key(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key.columns)


def _listed(names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _placeholders(count: int) -> sql.Composed:
    return sql.SQL(", ").join([sql.Placeholder()] * count)
