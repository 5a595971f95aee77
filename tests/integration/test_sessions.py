"""Sessions: how long they last, how they end, and that they stay usable while the database is away."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from cli.schema import upgrade_database
from embedded.servers import ensure_servers
from shared import workspaces
from shared.auth import sessions
from shared.auth.accounts import change_preferences
from shared.auth.sessions import SessionCache
from shared.auth.user_access import AccessChange
from shared.auth.user_management import change_user
from shared.platform.db.connections import connect
from shared.platform.db.notifications import NotificationListener
from shared.platform.errors import ServiceUnavailable
from shared.platform.settings import Settings
from shared.platform.supervised_loop import run_forever
from tests.support.accounts import SETTINGS, Door, opened_door
from tests.support.timing import best_within_async
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration
DAY = 86_400


@pytest_asyncio.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    async with opened_door(database_url) as found:
        await found.make_person("ada@example.com")
        yield found


@asynccontextmanager
async def running_cache(door: Door, settings: Settings = SETTINGS) -> AsyncIterator[SessionCache]:
    """The cache of another process, with its loops."""
    listener = NotificationListener(door.url)
    cache = SessionCache(settings, door.pool, listener)
    listener.start()
    loops = [asyncio.create_task(run_forever(each)) for each in cache.background_loops]
    try:
        yield cache
    finally:
        for each in loops:
            each.cancel()
        await listener.stop()


async def test_a_revoked_session_ends_in_other_processes_within_5_seconds(door: Door) -> None:
    first, second = await door.sign_in("ada@example.com"), await door.sign_in("ada@example.com")
    async with running_cache(door) as cache:
        session = await cache.authenticate(first.token)
        assert session is not None
        assert await cache.authenticate(second.token)
        listed = await sessions.list_sessions(door.connection, session.account_id)
        assert [each.agent for each in listed] == ["Browser 1.0"] * 2
        assert not await sessions.revoke_session(door.connection, 10**9, session.id)
        assert await sessions.revoke_session(door.connection, session.account_id, session.id)

        async def ended() -> bool:
            return await cache.authenticate(first.token) is None

        await until_async(ended)
        assert await cache.authenticate(second.token)
        await best_within_async(5, lambda: _seconds_until_ended(door, cache))


async def _seconds_until_ended(door: Door, cache: SessionCache) -> float:
    """From a revocation that nobody tells of."""
    signed_in = await door.sign_in("ada@example.com")
    assert await cache.authenticate(signed_in.token)
    await door.connection.execute("UPDATE sessions SET revoked_at = now()")
    revoked = time.perf_counter()

    async def is_ended() -> bool:
        return await cache.authenticate(signed_in.token) is None

    await until_async(is_ended)
    return time.perf_counter() - revoked


async def test_a_new_role_is_felt_and_asks_for_a_new_token(door: Door) -> None:
    signed_in = await door.sign_in("ada@example.com")
    await door.make_person("bob@example.com")
    user = await door.value("SELECT id FROM users WHERE email = 'ada@example.com'")
    workspace = await door.value("SELECT id FROM workspaces")
    async with running_cache(door) as cache:
        assert await cache.authenticate(signed_in.token)
        await change_user(door.connection, workspace, user, AccessChange(role="agent"))

        async def is_agent() -> bool:
            found = await cache.authenticate(signed_in.token)
            return found is not None and found.memberships["main"].role == "agent" and found.needs_renewal

        await until_async(is_agent)
        session = await cache.authenticate(signed_in.token)
        assert session is not None
        async with door.connection.transaction():
            token = await sessions.renew_session(door.connection, session.id)
        async with door.connection.transaction():
            assert await sessions.renew_session(door.connection, session.id) is None  # another request was faster
        assert token is not None
        renewed = await cache.authenticate(token)
        assert renewed is not None
        assert not renewed.needs_renewal
        grace = await door.value("SELECT ends_at - now() FROM sessions WHERE id = %s", session.id)
        assert 0 < grace.total_seconds() <= 30
        await change_user(door.connection, workspace, user, AccessChange(is_active=False))

        async def is_out() -> bool:
            return await cache.authenticate(token) is None

        await until_async(is_out)


async def test_an_unused_session_ends_after_12_hours_and_a_kept_one_after_14_days(door: Door) -> None:
    ordinary = await door.sign_in("ada@example.com")
    kept = await door.sign_in("ada@example.com", is_kept=True)
    ends = "SELECT array_agg(round(extract(epoch FROM expires_at - created_at)) ORDER BY id)::int[] FROM sessions"
    assert await door.value(ends) == [DAY // 2, 14 * DAY]
    async with running_cache(door) as cache:
        assert await cache.authenticate(ordinary.token)
        # Its last use was 11 hours ago: this one moves the end on.
        await door.connection.execute(
            "UPDATE sessions SET seen_at = now() - interval '11 h', expires_at = now() + '1 h'"
        )
        await cache.authenticate(ordinary.token)
        await cache.write_seen()
        assert (
            round(await door.value("SELECT extract(epoch FROM expires_at - now()) FROM sessions ORDER BY id") / 60)
            == 720
        )
        await door.connection.execute("UPDATE sessions SET ends_at = now(), expires_at = now() WHERE is_kept")
    async with running_cache(door) as cache:
        assert await cache.authenticate(kept.token) is None
        assert await cache.authenticate(ordinary.token)
    brief = SETTINGS.model_copy(update={"session_idle_hours": 1 / 3600})
    await door.connection.execute("UPDATE sessions SET expires_at = now() - interval '1 s'")
    async with running_cache(door, brief) as cache:
        assert await cache.authenticate(ordinary.token) is None


async def test_uses_are_written_once_a_minute(door: Door) -> None:
    signed_in = await door.sign_in("ada@example.com")
    cache = SessionCache(SETTINGS, door.pool, NotificationListener(door.url))
    await cache.authenticate(signed_in.token)
    before = await door.value("SELECT xmin::text FROM sessions")
    await cache.write_seen()
    assert await door.value("SELECT xmin::text FROM sessions") == before
    await door.connection.execute("UPDATE sessions SET seen_at = now() - interval '2 minutes'")
    assert await cache.authenticate(signed_in.token, is_use=False)
    await cache.write_seen()
    assert await door.value("SELECT seen_at < now() - interval '1 minute' FROM sessions")
    await cache.authenticate(signed_in.token)
    await cache.write_seen()
    assert await door.value("SELECT seen_at > now() - interval '10 s' FROM sessions")


async def test_preferences_come_with_the_session(door: Door) -> None:
    signed_in = await door.sign_in("ada@example.com")
    with pytest.raises(ValueError, match="colour, theme"):
        await change_preferences(door.connection, signed_in.account_id, {"theme": "pink", "colour": "red"})
    await change_preferences(door.connection, signed_in.account_id, {"theme": "dark", "single_keys": False})
    session = await SessionCache(SETTINGS, door.pool, NotificationListener(door.url)).authenticate(signed_in.token)
    assert session is not None
    assert session.preferences == {"theme": "dark", "single_keys": False}


@pytest.mark.extended
async def test_sessions_stay_usable_while_the_database_is_away_and_nobody_signs_in(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, database_url="", broker_url="", redis_url="", spool_url="")
    with ensure_servers(settings) as found:
        upgrade_database(found.database_url)
        async with connect(found.database_url, "tests") as connection:
            await workspaces.create_workspace(connection, "main", "Main")
        async with opened_door(found.database_url) as door:
            await door.make_person("ada@example.com")
            used, preloaded = await door.sign_in("ada@example.com"), await door.sign_in("ada@example.com")
            async with running_cache(door) as cache:
                assert await cache.authenticate(used.token)
                await until_async(lambda: _is_loaded(cache, preloaded.token))
                await _stop_postgres(tmp_path, found.database_url)
                assert await cache.authenticate(used.token)
                assert await cache.authenticate(preloaded.token)
                with pytest.raises(ServiceUnavailable):
                    await cache.authenticate(sessions.new_token())
                started = time.perf_counter()
                with pytest.raises(ServiceUnavailable, match="nobody can sign in"):
                    await door.try_sign_in("ada@example.com")
                assert time.perf_counter() - started < 30
                await asyncio.sleep(5)  # longer than a refresh
                assert await cache.authenticate(used.token)


async def _is_loaded(cache: SessionCache, token: str) -> bool:
    return cache._sessions.get_cached(sessions.hash_token(token)) is not None


def _kill_postgres(data_dir: Path) -> None:
    (pid_file,) = data_dir.rglob("postmaster.pid")
    os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGQUIT)


async def _stop_postgres(data_dir: Path, url: str) -> None:
    """End the server as a crash does, which its starter does not repair here."""
    _kill_postgres(data_dir)

    async def is_away() -> bool:
        try:
            async with connect(url, "tests"):
                return False
        except psycopg.OperationalError:
            return True

    await until_async(is_away)
