"""A URL with two hosts, of which the first answers nothing: only the first connection of a process notices it."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg
import pytest

from services.workers.libpq_pipeline import open_blocking_connection
from shared.platform.db.connections import connection_parameters, make_pool, open_connection
from shared.platform.db.database_engine import make_engine
from shared.platform.db.database_hosts import NEXT_HOST_SECONDS, order_hosts, ordered_parameters
from tests.support.black_hole import black_hole
from tests.support.standby import either_url, primary_and_standby

POOL_SECONDS = 2.0  # seconds that a pool waits for a connection
TRIES = 3


async def by_pool(url: str) -> None:
    async with make_pool(url, "test", size=1) as pool, pool.connection() as connection:
        await connection.execute("DELETE FROM hosts")


async def by_engine(url: str) -> None:
    engine = make_engine(url, "test", size=1)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM hosts")
    await engine.dispose()


async def by_listener(url: str) -> None:
    async with await open_connection(url, "test") as connection:
        await connection.execute("LISTEN hosts")
        await connection.execute("DELETE FROM hosts")


async def by_worker(url: str) -> None:
    async with await open_blocking_connection(url, "test") as connection:
        await connection.execute("DELETE FROM hosts")


async def by_heartbeat(url: str) -> None:
    with psycopg.connect(url, **ordered_parameters(url, connection_parameters("test"))) as connection:
        connection.execute("DELETE FROM hosts")


WAYS: tuple[Callable[[str], Awaitable[None]], ...] = (by_pool, by_engine, by_listener, by_worker, by_heartbeat)


@pytest.mark.extended
async def test_new_connections_go_to_the_promoted_host_at_once(tmp_path: Path) -> None:
    with primary_and_standby(tmp_path) as (primary, standby):
        url = either_url(primary, standby)
        primary.execute("CREATE TABLE hosts ()")
        for connect in WAYS:
            await connect(url)
        primary.kill()
        standby.execute("SELECT pg_promote()")
        with black_hole(primary.port):
            first = await seconds_of(by_pool, url)
            assert NEXT_HOST_SECONDS <= first < POOL_SECONDS, "the first connection has to find the other host"
            for connect in WAYS:
                best = min([await seconds_of(connect, url) for _ in range(TRIES)])
                assert best < NEXT_HOST_SECONDS, f"{connect.__name__} waited for a host that is gone"


@pytest.mark.parametrize("wish", ["any", "prefer-standby"])
def test_hosts_keep_their_order_where_any_of_them_will_do(wish: str) -> None:
    assert order_hosts(f"postgresql://u@/d?host=a,b&target_session_attrs={wish}", {}) == []
    assert order_hosts("postgresql://u@a/d?target_session_attrs=read-write", {}) == []


async def seconds_of(connect: Callable[[str], Awaitable[None]], url: str) -> float:
    """How long it takes."""
    started = time.monotonic()
    await connect(url)
    return time.monotonic() - started
