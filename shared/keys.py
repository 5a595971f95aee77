"""API keys as the services see them: cached, refreshed in one query, and usable while the database is away."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import logging
from shared.db import UNAVAILABLE, Pool, connect, within
from shared.errors import ServiceUnavailable
from shared.security import digest, well_formed

log = logging.get()

REFRESH = 4.0  # seconds; with LISTEN beside it a revocation is felt within 5 s even if the notice is lost
CACHED = 20_000  # keys; the least recently found go first
UNKNOWN = 5_000  # digests remembered as unknown until the next refresh, so that guessing costs one query each

SELECT = """
SELECT k.digest, k.id, k.name, k.scopes, k.rate_limit, k.expires_at, k.workspace_id, w.slug, w.name
FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
WHERE k.digest = ANY(%s) AND k.revoked_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Key:
    """A valid key and the workspace it opens. `limit` is in requests per clock hour, None for no limit."""

    id: int
    name: str
    scopes: frozenset[str]
    limit: int | None
    expires_at: datetime | None
    workspace_id: int
    workspace_slug: str
    workspace_name: str

    def may(self, scope: str) -> bool:
        """Whether the key has the scope; a scope implies no other."""
        return scope in self.scopes or "*" in self.scopes


class KeyRing:
    """The keys that were used lately. One per process; `run` keeps it fresh."""

    def __init__(self, pool: Pool, url: str) -> None:
        self._pool = pool
        self._url = url
        self._keys: dict[bytes, tuple[Key, float]] = {}
        self._unknown: set[bytes] = set()
        self._used: dict[int, float] = {}

    async def find(self, secret: str) -> Key | None:
        """The key of that secret, or None if there is no such key now.

        Raises ServiceUnavailable for a key not seen before while the database is away: it may well be valid.
        """
        hashed = digest(secret)
        entry = self._keys.get(hashed)
        if entry is None:
            if hashed in self._unknown or not well_formed(secret):
                return None
            entry = await self._load(hashed)
        now = time.time()
        if entry is None or now >= entry[1]:
            return None
        self._used[entry[0].id] = now
        return entry[0]

    async def _load(self, hashed: bytes) -> tuple[Key, float] | None:
        try:
            found = await within(2, self._query([hashed]))
        except UNAVAILABLE as error:
            raise ServiceUnavailable("The key cannot be checked just now. Send the request again.") from error
        if not found and len(self._unknown) < UNKNOWN:
            self._unknown.add(hashed)
        self._keys.update(found)
        while len(self._keys) > CACHED:
            del self._keys[next(iter(self._keys))]
        return found.get(hashed)

    async def _query(self, digests: list[bytes]) -> dict[bytes, tuple[Key, float]]:
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(SELECT, (digests,))).fetchall()
        return {bytes(row[0]): _entry(row) for row in rows}

    async def refresh(self) -> None:
        """Reads every cached key again; those revoked or gone are forgotten. Keeps what it has if it cannot."""
        digests = list(self._keys)
        found = await self._query(digests) if digests else {}
        for hashed in digests:
            if hashed not in found:
                self._keys.pop(hashed, None)
        self._keys.update(found)
        self._unknown.clear()

    async def _note_use(self) -> None:
        used, self._used = self._used, {}
        if not used:
            return
        async with self._pool.connection() as connection:
            await connection.execute(
                "UPDATE api_keys k SET last_used_at = to_timestamp(u.at) "
                "FROM unnest(%s::bigint[], %s::float8[]) AS u(id, at) WHERE k.id = u.id",
                (list(used), list(used.values())),
            )

    async def run(self) -> None:
        """Refreshes until cancelled: every few seconds, and at once when a key changed."""
        changed = asyncio.Event()
        listener = asyncio.create_task(self._listen(changed))
        try:
            while True:
                try:
                    async with asyncio.timeout(REFRESH):
                        await changed.wait()
                except TimeoutError:
                    pass
                changed.clear()
                await self._keep_fresh()
        finally:
            listener.cancel()

    async def _keep_fresh(self) -> None:
        try:
            await within(REFRESH, self.refresh())
            await within(REFRESH, self._note_use())
        except UNAVAILABLE:
            log.warning("keys.stale")

    async def _listen(self, changed: asyncio.Event) -> None:
        while True:
            try:
                async with connect(self._url, "leadhub keys") as connection:
                    await connection.execute("LISTEN api_keys")
                    changed.set()
                    async for _ in connection.notifies():
                        changed.set()
            except UNAVAILABLE:
                await asyncio.sleep(1)


def _entry(row: tuple[Any, ...]) -> tuple[Key, float]:
    _, id_, name, scopes, limit, expires_at, workspace_id, slug, workspace = row
    key = Key(id_, name, frozenset(scopes), limit, expires_at, workspace_id, slug, workspace)
    return key, key.expires_at.timestamp() if key.expires_at else float("inf")
