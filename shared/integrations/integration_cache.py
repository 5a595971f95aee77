"""A cache of integrations for processes that receive webhooks, by the token of their address."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from shared.integrations.mapping_settings import IntegrationSettingsRecord, complete_integration_settings
from shared.platform.crypto.encryption import Cipher, DecryptionError
from shared.platform.db.connections import Connection, ConnectionPool
from shared.platform.db.notifications import NotificationListener
from shared.platform.db.row_cache import RowCache

INTEGRATIONS_CHANNEL = "integrations"
MAX_CACHED_INTEGRATIONS = 2_000

TokenDigest = bytes
AccountKey = tuple[str, bytes, str]  # type, digest of the app's secret, account at the provider

_COLUMNS = "i.token_digest, i.id, i.workspace_id, i.type, i.is_active, i.settings, i.credentials"
SELECT_INTEGRATIONS_SQL = f"SELECT {_COLUMNS} FROM integrations i WHERE i.token_digest = ANY(%s)"
SELECT_NEWEST_SQL = f"SELECT {_COLUMNS} FROM integrations i WHERE i.is_active ORDER BY i.last_received_at DESC NULLS LAST, i.id DESC LIMIT %s"  # noqa: E501


ACCOUNT_COLUMNS = f"a.granted_at IS NOT NULL, a.type, a.secret_digest, a.account_id, {_COLUMNS}"
_ACCOUNTS_JOIN = "JOIN integrations i ON i.workspace_id = a.workspace_id AND i.id = a.integration_id"
SELECT_ACCOUNTS_SQL = f"""
SELECT {ACCOUNT_COLUMNS}
FROM unnest(%s::text[], %s::bytea[], %s::text[]) AS wanted(type, digest, account)
JOIN source_accounts a ON a.type = wanted.type AND a.secret_digest = wanted.digest AND a.account_id = wanted.account
{_ACCOUNTS_JOIN}
"""
SELECT_SOME_ACCOUNTS_SQL = f"SELECT {ACCOUNT_COLUMNS} FROM source_accounts a {_ACCOUNTS_JOIN} LIMIT %s"


@dataclass(frozen=True, slots=True)
class ReceivingIntegration:
    """An integration as its webhooks need it. `credentials` are None if this service lacks their encryption key."""

    id: int
    workspace_id: int
    type: str
    is_active: bool
    settings: IntegrationSettingsRecord
    credentials: Mapping[str, str] | None

    @property
    def channel(self) -> str:
        """The channel of its submissions."""
        return f"integration:{self.id}"


@dataclass(frozen=True, slots=True)
class AccountOwner:
    """The integration that an account is for. Leads from another workspace's webhook need an operator's grant."""

    integration: ReceivingIntegration
    is_granted: bool

    def takes_from(self, receiver: ReceivingIntegration) -> bool:
        """Return whether leads that came to the receiver go to this integration."""
        return self.integration.is_active and (
            self.is_granted or self.integration.workspace_id == receiver.workspace_id
        )


IntegrationCache = RowCache[TokenDigest, ReceivingIntegration]
AccountCache = RowCache[AccountKey, AccountOwner]


def make_integration_cache(pool: ConnectionPool, notices: NotificationListener, cipher: Cipher) -> IntegrationCache:
    """Return a cache of recently used integrations. One per process."""

    @lru_cache(maxsize=MAX_CACHED_INTEGRATIONS)  # rows are read again every few seconds, and decrypting is slow
    def decrypted(sealed: bytes) -> Mapping[str, str]:
        found: dict[str, str] = orjson.loads(cipher.decrypt(sealed))
        return found

    def from_rows(rows: list[tuple[Any, ...]]) -> dict[TokenDigest, ReceivingIntegration]:
        return {bytes(row[0]): _integration_from_row(decrypted, row) for row in rows}

    async def read_integrations(
        connection: Connection, digests: list[TokenDigest]
    ) -> dict[TokenDigest, ReceivingIntegration]:
        return from_rows(await (await connection.execute(SELECT_INTEGRATIONS_SQL, (digests,))).fetchall())

    async def read_newest(connection: Connection, n: int) -> dict[TokenDigest, ReceivingIntegration]:
        return from_rows(await (await connection.execute(SELECT_NEWEST_SQL, (n,))).fetchall())

    return RowCache(pool, notices, INTEGRATIONS_CHANNEL, read_integrations, read_newest, MAX_CACHED_INTEGRATIONS)


def make_account_cache(pool: ConnectionPool, notices: NotificationListener) -> AccountCache:
    """Return a cache of recently used accounts. One per process."""

    def from_rows(rows: list[tuple[Any, ...]]) -> dict[AccountKey, AccountOwner]:
        return {
            (row[1], bytes(row[2]), row[3]): AccountOwner(_integration_from_row(_no_credentials, row[4:]), row[0])
            for row in rows
        }

    async def read_accounts(connection: Connection, keys: list[AccountKey]) -> dict[AccountKey, AccountOwner]:
        columns = tuple(map(list, zip(*keys, strict=True)))
        return from_rows(await (await connection.execute(SELECT_ACCOUNTS_SQL, columns)).fetchall())

    async def read_some(connection: Connection, n: int) -> dict[AccountKey, AccountOwner]:
        return from_rows(await (await connection.execute(SELECT_SOME_ACCOUNTS_SQL, (n,))).fetchall())

    return RowCache(pool, notices, INTEGRATIONS_CHANNEL, read_accounts, read_some, MAX_CACHED_INTEGRATIONS)


def _no_credentials(_: bytes) -> Mapping[str, str]:
    """Return nothing: what comes for an account was verified by the integration that received it."""
    return {}


async def notify_changed(connection: Connection) -> None:
    """Notify all caches, when the transaction commits, that an integration was changed."""
    await connection.execute("SELECT pg_notify(%s, '')", (INTEGRATIONS_CHANNEL,))


def _integration_from_row(
    decrypted: Callable[[bytes], Mapping[str, str]], row: tuple[Any, ...]
) -> ReceivingIntegration:
    _, id_, workspace_id, type_, is_active, settings, sealed = row
    credentials: Mapping[str, str] | None = None
    with contextlib.suppress(DecryptionError):
        credentials = decrypted(bytes(sealed))
    return ReceivingIntegration(
        id_, workspace_id, type_, is_active, complete_integration_settings(settings), credentials
    )
