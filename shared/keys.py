"""The cache of API keys: refreshed in one query and usable while the database is away."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.cached import Cached
from shared.db import UNAVAILABLE, Connection, Pool, within
from shared.errors import Unauthorized
from shared.notices import Notices
from shared.security import LENGTH, PREFIX, digest, well_formed

CACHED = 20_000  # keys
NOTE = 4.0  # seconds between updates of `last_used_at`

UNKNOWN = "The API key is unknown. Check that it is a key of this LeadHub."
MALFORMED = f"The API key is malformed. Send all of it: {PREFIX} and {LENGTH - len(PREFIX)} letters and digits."
REVOKED = "The API key is revoked. Send another one."
EXPIRED = "The API key expired at {}. Send another one."

_SELECT = """
SELECT k.digest, k.id, k.name, k.scopes, k.rate_limit, k.expires_at, k.workspace_id, w.slug, w.name, k.revoked_at
FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
"""
# Includes revoked keys, so that the error message can say so without a query.
SELECT = f"{_SELECT} WHERE k.digest = ANY(%s)"
SELECT_FIRST = f"{_SELECT} WHERE k.revoked_at IS NULL ORDER BY k.last_used_at DESC NULLS LAST, k.id DESC LIMIT %s"
# Precise to the minute: the row of a key is written once a minute at most, by however many processes use it.
NOTE_USE = """
UPDATE api_keys k SET last_used_at = to_timestamp(u.at) FROM unnest(%s::bigint[], %s::float8[]) AS u(id, at)
WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < to_timestamp(u.at) - interval '1 minute')
"""


@dataclass(frozen=True, slots=True)
class Key:
    """A key and its workspace. `limit` is in requests per clock hour, None for no limit."""

    id: int
    name: str
    scopes: frozenset[str]
    limit: int | None
    expires_at: datetime | None
    workspace_id: int
    workspace_slug: str
    workspace_name: str

    def may(self, scope: str) -> bool:
        """Return whether the key has the scope. No scope implies another, except `*`, which implies all."""
        return scope in self.scopes or "*" in self.scopes


Entry = tuple[Key, float, str]  # a key, the Unix time of its end, and the error message from then on


class KeyRing:
    """The API keys that were used recently. There is one per process; its background loops keep it fresh."""

    def __init__(self, pool: Pool, notices: Notices) -> None:
        self._pool = pool
        self._keys = Cached(pool, notices, "api_keys", _read, _read_first, CACHED)
        self._used: dict[int, float] = {}

    async def find(self, secret: str) -> Key:
        """Return the valid key of that secret. Raises Unauthorized, with the reason, if there is none.

        Raises ServiceUnavailable if the key is not in memory and the database is away: the key may be valid.
        """
        key = self.known(secret)
        if key is not None:
            return key
        if not well_formed(secret):
            raise Unauthorized(MALFORMED)
        entry = await self._keys.find(digest(secret))
        key = self._valid(entry)
        if key is None:
            raise Unauthorized(entry[2] if entry else UNKNOWN)
        return key

    def known(self, secret: str) -> Key | None:
        """Return the key of that secret if it is valid and in memory."""
        return self.known_by(digest(secret))

    def known_by(self, secret_digest: bytes) -> Key | None:
        """Return the key whose secret has that digest if it is valid and in memory."""
        return self._valid(self._keys.known(secret_digest))

    def _valid(self, entry: Entry | None) -> Key | None:
        now = time.time()
        if entry is None or now >= entry[1]:
            return None
        self._used[entry[0].id] = now
        return entry[0]

    @property
    def loops(self) -> tuple[Callable[[], Awaitable[None]], ...]:
        """The loops that refresh the keys and write when they were used. Each runs until cancelled."""
        return self._keys.run, self._note_uses

    async def _note_uses(self) -> None:
        while True:
            await asyncio.sleep(NOTE)
            with contextlib.suppress(*UNAVAILABLE):
                await within(NOTE, self._note_use())

    async def _note_use(self) -> None:
        used, self._used = self._used, {}
        if not used:
            return
        async with self._pool.connection() as connection:
            await connection.execute(NOTE_USE, (list(used), list(used.values())))


async def _read(connection: Connection, digests: list[bytes]) -> dict[bytes, Entry]:
    return await _entries(connection, SELECT, digests)


async def _read_first(connection: Connection, n: int) -> dict[bytes, Entry]:
    return await _entries(connection, SELECT_FIRST, n)


async def _entries(connection: Connection, statement: str, asked: list[bytes] | int) -> dict[bytes, Entry]:
    rows = await (await connection.execute(statement, (asked,))).fetchall()
    return {bytes(row[0]): _entry(row) for row in rows}


def _entry(row: tuple[Any, ...]) -> Entry:
    _, id_, name, scopes, limit, expires_at, workspace_id, slug, workspace, revoked_at = row
    key = Key(id_, name, frozenset(scopes), limit, expires_at, workspace_id, slug, workspace)
    if revoked_at is not None:
        return key, float("-inf"), REVOKED
    if expires_at is None:
        return key, float("inf"), ""
    return key, expires_at.timestamp(), EXPIRED.format(expires_at.isoformat())
