"""The fast path looks at the installed aiohttp first, and stays off where that has changed."""

from typing import Any

import pytest
from aiohttp import helpers, web

from services.gateway import fast_path
from shared.platform.web.fast_path import self_check
from shared.platform.web.fast_path.connection import FastPathConnection
from shared.platform.web.fast_path.self_check import find_fast_path_problem
from shared.platform.web.http_connection import MAKE_CONNECTION

pytestmark = pytest.mark.unit


async def test_installed_aiohttp_fits() -> None:
    assert await find_fast_path_problem() is None


async def test_a_missing_name_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_check, "PRIVATE_NAMES", (*self_check.PRIVATE_NAMES, "_renamed"))
    assert await find_fast_path_problem() == "aiohttp has no _renamed"


async def test_a_missing_function_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(helpers, "rfc822_formatted_time")
    assert "rfc822_formatted_time" in (await find_fast_path_problem() or "")


async def test_requests_that_are_read_in_another_way_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FastPathConnection, "_find_handler", lambda *_: None)
    assert await find_fast_path_problem() == "a request by hand was answered with [b'aiohttp']"


async def test_requests_that_get_no_answer_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_check, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(FastPathConnection, "_send_response", lambda *_: None)
    assert await find_fast_path_problem() == "requests by hand were not answered"


async def test_gateway_serves_plainly_where_there_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(self_check, "PRIVATE_NAMES", ("_renamed",))
    monkeypatch.setattr(fast_path.log, "warning", lambda event, **values: warned.append((event, values)))
    app = web.Application()
    await fast_path.enable_fast_path(app)
    assert app.get(MAKE_CONNECTION) is None
    assert warned == [("fast_path.off", {"reason": "aiohttp has no _renamed"})]
