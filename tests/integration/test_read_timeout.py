"""A read that PostgreSQL does not answer ends all the same."""

import time

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from services.api import read_timeout
from services.api.app import ROUTES, with_read_timeout
from shared.platform.db.connections import Connection
from shared.platform.db.database_errors import is_unavailable

pytestmark = pytest.mark.integration


async def test_a_read_that_takes_too_long_is_told_that_the_database_is_away(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_timeout, "READ_TIMEOUT_SECONDS", 0.3)

    async def read(_: web.Request) -> web.StreamResponse:
        await database.execute("SELECT pg_sleep(600)")
        return web.Response()

    started = time.monotonic()
    with pytest.raises(TimeoutError) as late:
        await read_timeout.with_timeout(read)(make_mocked_request("GET", "/"))
    assert is_unavailable(late.value)
    assert time.monotonic() - started < 60


def test_every_read_ends_in_time_and_no_write_is_given_up() -> None:
    for route in ROUTES:
        assert (with_read_timeout(route).handler is route.handler) is (route.method != "GET"), route
