"""The document is made once, when it is first asked for."""

import asyncio
from collections.abc import Iterator

import pytest

from shared.platform.web.static_responses import LazyResponse, StaticResponse


async def test_lazy_response_is_made_once_and_retried_after_a_failure() -> None:
    makes: Iterator[StaticResponse | None] = iter([None, StaticResponse(b"{}", "application/json")])

    def make() -> StaticResponse:
        if made := next(makes):
            return made
        raise OSError("too many open files")

    late = LazyResponse(make)
    with pytest.raises(OSError, match="too many"):
        await late.get()
    assert len(set(await asyncio.gather(*[late.get() for _ in range(20)]))) == 1
    await late.get()
