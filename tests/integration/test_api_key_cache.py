"""Keys that open nothing: each is told why, and one that comes again is told from memory."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.auth.api_keys import ApiKeyCache
from shared.auth.key_format import generate_key
from shared.platform.db.connections import Connection, ConnectionPool, make_pool
from shared.platform.db.notifications import NotificationListener
from shared.platform.errors import Unauthorized

pytestmark = pytest.mark.integration

INSERT = """
INSERT INTO api_keys (workspace_id, name, prefix, digest, scopes, expires_at, revoked_at)
SELECT id, 'test', %s, %s, '{*}', %s, %s FROM workspaces
"""
PAST = "2020-01-01T00:00:00+00:00"


@pytest_asyncio.fixture
async def pool(database_url: str) -> AsyncIterator[ConnectionPool]:
    async with make_pool(database_url, "tests", size=2) as pool:
        yield pool


async def make_key(database: Connection, expires_at: str | None = None, revoked_at: str | None = None) -> str:
    key = generate_key()
    await database.execute(INSERT, (key.prefix, key.digest, expires_at, revoked_at))
    return key.secret


async def fault(ring: ApiKeyCache, secret: str) -> str:
    with pytest.raises(Unauthorized) as refusal:
        await ring.authenticate(secret)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("dates", "told"),
    [
        ({"revoked_at": PAST}, "revoked"),
        ({"expires_at": PAST}, "expired at 2020-01-01T00:00:00+00:00"),
        ({"expires_at": PAST, "revoked_at": PAST}, "revoked"),
        (None, "unknown"),
    ],
    ids=range(4),
)
async def test_refused_key_gets_its_reason_and_is_cached(
    database: Connection, database_url: str, pool: ConnectionPool, dates: dict[str, str] | None, told: str
) -> None:
    secret = generate_key().secret if dates is None else await make_key(database, **dates)
    ring = ApiKeyCache(pool, NotificationListener(database_url))
    before = pool.get_stats().get("requests_num", 0)
    for _ in range(50):
        assert told in await fault(ring, secret)
    assert pool.get_stats()["requests_num"] == before + 1


async def test_malformed_keys_cost_no_query(database_url: str, pool: ConnectionPool) -> None:
    ring = ApiKeyCache(pool, NotificationListener(database_url))
    before = pool.get_stats().get("requests_num", 0)
    for secret in ("lh_your_api_key_here", generate_key().secret[:-1], "x" * 4_000, "\udcff"):
        assert "malformed" in await fault(ring, secret)
    assert pool.get_stats().get("requests_num", 0) == before


async def test_key_revoked_later_is_reported_as_revoked(
    database: Connection, database_url: str, pool: ConnectionPool
) -> None:
    secret = await make_key(database)
    ring = ApiKeyCache(pool, NotificationListener(database_url))
    assert (await ring.authenticate(secret)).name == "test"
    await database.execute("UPDATE api_keys SET revoked_at = now()")
    await ring._keys.refresh_all()
    assert ring.get_cached(secret) is None
    assert "revoked" in await fault(ring, secret)
