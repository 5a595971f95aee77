"""The cache of API keys: refreshed in one query and usable while the database is away."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.auth.key_format import KEY_LENGTH, KEY_PREFIX, hash_key, is_well_formed
from shared.platform.db.connections import LOCAL_COMMIT, Connection, ConnectionPool, with_deadline
from shared.platform.db.database_errors import UNAVAILABLE_ERRORS
from shared.platform.db.notifications import NotificationListener
from shared.platform.db.row_cache import RowCache
from shared.platform.errors import Unauthorized

MAX_CACHED_KEYS = 20_000  # keys
LAST_USED_INTERVAL_SECONDS = 4.0  # seconds between updates of `last_used_at`

UNKNOWN_KEY_MESSAGE = "The API key is unknown. Check that it is a key of this LeadHub."
MALFORMED_KEY_MESSAGE = (
    f"The API key is malformed. Send all of it: {KEY_PREFIX} and {KEY_LENGTH - len(KEY_PREFIX)} letters and digits."
)
REVOKED_KEY_MESSAGE = "The API key is revoked. Send another one."
EXPIRED_KEY_MESSAGE = "The API key expired at {}. Send another one."

_SELECT_KEYS_SQL = """
SELECT k.digest, k.id, k.name, k.scopes, k.rate_limit, k.expires_at, k.workspace_id, w.slug, w.name, k.revoked_at
FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
"""
# Includes revoked keys, so that the error message can say so without a query.
KEYS_BY_DIGEST_SQL = f"{_SELECT_KEYS_SQL} WHERE k.digest = ANY(%s)"
RECENT_KEYS_SQL = (
    f"{_SELECT_KEYS_SQL} WHERE k.revoked_at IS NULL ORDER BY k.last_used_at DESC NULLS LAST, k.id DESC LIMIT %s"
)
# Precise to the minute: the row of a key is written once a minute at most, by however many processes use it.
UPDATE_LAST_USED_SQL = f"""
UPDATE api_keys k SET last_used_at = to_timestamp(u.at) FROM unnest(%s::bigint[], %s::float8[]) AS u(id, at)
WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < to_timestamp(u.at) - interval '1 minute')
RETURNING {LOCAL_COMMIT}
"""


@dataclass(frozen=True, slots=True)
class AuthenticatedKey:
    """A key and its workspace. `limit` is in requests per clock hour, None for no limit."""

    id: int
    name: str
    scopes: frozenset[str]
    limit: int | None
    expires_at: datetime | None
    workspace_id: int
    workspace_slug: str
    workspace_name: str

    def has_scope(self, scope: str) -> bool:
        """Return whether the key has the scope. No scope implies another, except `*`, which implies all."""
        return scope in self.scopes or "*" in self.scopes


# A key, the Unix time of its end, and the error message from then on.
KeyCacheEntry = tuple[AuthenticatedKey, float, str]


class ApiKeyCache:
    """The API keys that were used recently. There is one per process; its background loops keep it fresh."""

    def __init__(self, pool: ConnectionPool, listener: NotificationListener) -> None:
        self._pool = pool
        self._keys = RowCache(pool, listener, "api_keys", _read_keys, _read_recent_keys, MAX_CACHED_KEYS)
        self._last_used_at: dict[int, float] = {}

    async def authenticate(self, secret: str) -> AuthenticatedKey:
        """Return the valid key of that secret. Raises Unauthorized, with the reason, if there is none.

        Raises ServiceUnavailable if the key is not in memory and the database is away: the key may be valid.
        """
        key = self.get_cached(secret)
        if key is not None:
            return key
        if not is_well_formed(secret):
            raise Unauthorized(MALFORMED_KEY_MESSAGE)
        entry = await self._keys.get(hash_key(secret))
        key = self._valid_key(entry)
        if key is None:
            raise Unauthorized(entry[2] if entry else UNKNOWN_KEY_MESSAGE)
        return key

    def get_cached(self, secret: str) -> AuthenticatedKey | None:
        """Return the key of that secret if it is valid and in memory."""
        return self.get_cached_by_digest(hash_key(secret))

    def get_cached_by_digest(self, secret_digest: bytes) -> AuthenticatedKey | None:
        """Return the key whose secret has that digest if it is valid and in memory."""
        return self._valid_key(self._keys.get_cached(secret_digest))

    def _valid_key(self, entry: KeyCacheEntry | None) -> AuthenticatedKey | None:
        now = time.time()
        if entry is None or now >= entry[1]:
            return None
        self._last_used_at[entry[0].id] = now
        return entry[0]

    @property
    def background_loops(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """The loops that refresh the keys and write when they were used. Each runs until cancelled."""
        return self._keys.run, self._keep_last_used

    async def _keep_last_used(self) -> None:
        while True:
            await asyncio.sleep(LAST_USED_INTERVAL_SECONDS)
            with contextlib.suppress(*UNAVAILABLE_ERRORS):
                await with_deadline(LAST_USED_INTERVAL_SECONDS, self._write_last_used())

    async def _write_last_used(self) -> None:
        used, self._last_used_at = self._last_used_at, {}
        if not used:
            return
        async with self._pool.connection() as connection:
            await connection.execute(UPDATE_LAST_USED_SQL, (list(used), list(used.values())))


async def _read_keys(connection: Connection, digests: list[bytes]) -> dict[bytes, KeyCacheEntry]:
    return await _select_entries(connection, KEYS_BY_DIGEST_SQL, digests)


async def _read_recent_keys(connection: Connection, n: int) -> dict[bytes, KeyCacheEntry]:
    return await _select_entries(connection, RECENT_KEYS_SQL, n)


async def _select_entries(
    connection: Connection, statement: str, asked: list[bytes] | int
) -> dict[bytes, KeyCacheEntry]:
    rows = await (await connection.execute(statement, (asked,))).fetchall()
    return {bytes(row[0]): _entry_from_row(row) for row in rows}


def _entry_from_row(row: tuple[Any, ...]) -> KeyCacheEntry:
    _, id_, name, scopes, limit, expires_at, workspace_id, slug, workspace, revoked_at = row
    key = AuthenticatedKey(id_, name, frozenset(scopes), limit, expires_at, workspace_id, slug, workspace)
    if revoked_at is not None:
        return key, float("-inf"), REVOKED_KEY_MESSAGE
    if expires_at is None:
        return key, float("inf"), ""
    return key, expires_at.timestamp(), EXPIRED_KEY_MESSAGE.format(expires_at.isoformat())
