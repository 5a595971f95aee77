"""Rows kept in memory: what is read again and when, what is forgotten, and what is known while the database is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from shared.platform.db import row_cache
from shared.platform.db.connections import Connection, ConnectionPool, make_pool
from shared.platform.db.notifications import NotificationListener
from shared.platform.db.row_cache import RowCache
from shared.platform.errors import ServiceUnavailable
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

MOST = 3
NEVER = 600.0  # seconds
AWAY, BACK = "ALTER TABLE things RENAME TO gone", "ALTER TABLE gone RENAME TO things"


class Things(RowCache[int, str]):
    """The names of a table's rows. `asked`: of the database; an answer for several may be held back."""

    def __init__(self, pool: ConnectionPool, url: str) -> None:
        self.asked: list[list[int]] = []
        self.let_go = asyncio.Event()
        self.let_go.set()
        self.notices = NotificationListener(url)
        super().__init__(pool, self.notices, "things", self._named, self._first, MOST)

    async def _named(self, connection: Connection, keys: list[int]) -> dict[int, str]:
        self.asked.append(keys)
        rows = await connection.execute("SELECT id, name FROM things WHERE id = ANY(%s)", (keys,))
        found: dict[int, str] = dict(await rows.fetchall())
        if len(keys) > 1:
            await self.let_go.wait()
        return found

    async def _first(self, connection: Connection, n: int) -> dict[int, str]:
        rows = await connection.execute("SELECT id, name FROM things ORDER BY id LIMIT %s", (n,))
        return dict(await rows.fetchall())


@pytest_asyncio.fixture
async def things(database: Connection, database_url: str) -> AsyncIterator[Things]:
    await database.execute("CREATE TABLE things (id int PRIMARY KEY, name text)")
    await database.execute("INSERT INTO things SELECT n, 'old' FROM generate_series(1, 5) AS n")
    async with make_pool(database_url, "tests", size=2) as pool:
        yield Things(pool, database_url)


@asynccontextmanager
async def running(things: Things) -> AsyncIterator[None]:
    things.notices.start()
    task = asyncio.create_task(things.run())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await things.notices.stop()


async def test_a_row_is_read_once_until_it_is_refreshed(things: Things, database: Connection) -> None:
    assert [await things.get(1), await things.get(1), things.get_cached(2)] == ["old", "old", None]
    await database.execute("UPDATE things SET name = 'new'")
    assert (await things.get(1), things.asked) == ("old", [[1]])
    await things.refresh_all()
    assert (things.get_cached(1), things.asked) == ("new", [[1], [1]])


async def test_a_row_that_is_gone_is_forgotten_and_the_others_stay(things: Things, database: Connection) -> None:
    assert [await things.get(key) for key in (1, 2)] == ["old", "old"]
    await database.execute("DELETE FROM things WHERE id = 1")
    await things.refresh_all()
    assert [things.get_cached(key) for key in (1, 2)] == [None, "old"]


async def test_unknown_key_costs_one_query_and_is_found_after_a_refresh(things: Things, database: Connection) -> None:
    assert [await things.get(9), await things.get(9), things.asked] == [None, None, [[9]]]
    await database.execute("INSERT INTO things VALUES (9, 'made')")
    await things.refresh_all()
    assert await things.get(9) == "made"


async def test_of_guesses_no_more_are_remembered_than_may_be(things: Things, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_cache, "MAX_UNKNOWN_KEYS", 2)
    for key in (7, 8, 9, 7, 8, 9):
        assert await things.get(key) is None
    assert things.asked == [[7], [8], [9], [9]]


def held(things: Things) -> list[int]:
    return [*things._rows]


async def test_rows_beyond_the_limit_drop_the_least_recently_used(things: Things) -> None:
    for key in (1, 2, 3):
        assert await things.get(key) == "old"
    assert (await things.get(1), things.get_cached(2)) == ("old", "old")
    assert await things.get(4) == "old"
    assert held(things) == [1, 2, 4]
    assert await things.get(5) == "old"
    assert held(things) == [2, 4, 5]


async def test_a_refresh_is_no_use_of_a_row(things: Things) -> None:
    for key in (1, 2, 3):
        await things.get(key)
    things.get_cached(1)
    await things.refresh_all()
    assert held(things) == [2, 3, 1]


async def test_a_preload_stays_within_the_limit_and_displaces_no_used_row(things: Things) -> None:
    assert [await things.get(key) for key in (4, 5)] == ["old", "old"]
    assert await things._try_preload()
    assert held(things) == [1, 4, 5]  # of 1, 2 and 3 the likeliest


async def test_connections_that_broke_in_the_pool_are_not_noticed(things: Things, database: Connection) -> None:
    await asyncio.gather(things.get(1), things.get(2))  # opens both connections
    await database.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'tests' AND pid <> pg_backend_pid()"
    )
    assert await things.get(3) == "old"


async def test_forgotten_keys_are_read_again(things: Things, database: Connection) -> None:
    assert [await things.get(1), await things.get(9)] == ["old", None]
    await database.execute("UPDATE things SET name = 'new'")
    await database.execute("INSERT INTO things VALUES (9, 'made')")
    for key in (1, 9):
        things.invalidate(key)
    assert [await things.get(1), await things.get(9)] == ["new", "made"]


async def test_key_forgotten_during_a_refresh_stays_forgotten(things: Things, database: Connection) -> None:
    assert [await things.get(key) for key in (1, 2)] == ["old", "old"]
    things.let_go.clear()
    refreshing = asyncio.create_task(things.refresh_all())
    await until_async(lambda: len(things.asked) == 3)
    await database.execute("UPDATE things SET name = 'new'")
    things.invalidate(1)
    things.let_go.set()
    await refreshing
    assert [things.get_cached(1), await things.get(1), things.get_cached(2)] == [None, "new", "old"]


async def test_key_read_during_a_refresh_keeps_the_newer_row(things: Things, database: Connection) -> None:
    assert [await things.get(key) for key in (1, 2)] == ["old", "old"]
    things.let_go.clear()
    refreshing = asyncio.create_task(things.refresh_all())
    await until_async(lambda: len(things.asked) == 3)
    await database.execute("UPDATE things SET name = 'new'")
    things.invalidate(1)
    assert await things.get(1) == "new"
    things.let_go.set()
    await refreshing
    assert things.get_cached(1) == "new"


async def test_while_the_database_is_away_what_was_found_stays_and_the_rest_may_be_there(
    things: Things, database: Connection
) -> None:
    assert await things.get(1) == "old"
    await database.execute(AWAY)
    await things._keep_fresh()
    assert await things.get(1) == "old"
    with pytest.raises(ServiceUnavailable):
        await things.get(2)
    await database.execute(BACK)
    assert await things.get(2) == "old"


async def test_a_change_is_felt_at_once_when_it_is_told(
    things: Things, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_cache, "CACHE_REFRESH_SECONDS", NEVER)
    async with running(things):
        await until_async(lambda: things.get_cached(3) == "old", what="a look ahead")
        for name in ("new", "newer"):
            await database.execute("UPDATE things SET name = %s", (name,))
            await database.execute("NOTIFY things")
            await until_async(lambda name=name: things.get_cached(1) == things.get_cached(3) == name, what=name)  # type: ignore[misc]


async def test_a_change_is_felt_soon_though_nobody_tells(
    things: Things, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_cache, "CACHE_REFRESH_SECONDS", 0.1)
    async with running(things):
        await until_async(lambda: things.get_cached(1) == "old", what="a look ahead")
        await database.execute("UPDATE things SET name = 'new'")
        await until_async(lambda: things.get_cached(1) == "new", what="a refresh")


async def test_a_look_ahead_that_failed_is_made_up_for(
    things: Things, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_cache, "CACHE_REFRESH_SECONDS", 0.1)
    await database.execute(AWAY)
    tried: list[bool] = []
    look_ahead = things._try_preload

    async def look() -> bool:
        tried.append(await look_ahead())
        return tried[-1]

    monkeypatch.setattr(things, "_try_preload", look)
    async with running(things):
        await until_async(lambda: tried[:1] == [False], what="a look in vain")
        await database.execute(BACK)
        await until_async(lambda: things.get_cached(3) == "old", what="a look ahead")
        assert tried.count(True) == 1
