"""The pulse of a web process."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from cli import liveness
from embedded.process import LIVENESS_FD_VARIABLE
from tests.support.waiting import until_async

pytestmark = pytest.mark.unit


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """Its ends, as a supervisor makes them."""
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    monkeypatch.setenv(LIVENESS_FD_VARIABLE, str(writer))
    monkeypatch.setattr(liveness, "BEAT_INTERVAL_SECONDS", 0.001)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def beats(reader: int) -> int:
    try:
        return len(os.read(reader, 65_536))
    except BlockingIOError:
        return 0


@asynccontextmanager
async def beating() -> AsyncIterator[None]:
    async for _ in liveness.liveness_context(web.Application()):
        yield


async def test_liveness_beats_while_the_event_loop_runs(pipe: tuple[int, int]) -> None:
    reader, _ = pipe
    async with beating():
        for _ in range(3):
            await until_async(lambda: beats(reader) > 0, what="a beat")


async def test_liveness_goes_on_after_a_full_pipe(pipe: tuple[int, int]) -> None:
    """As where the supervisor slept."""
    reader, writer = pipe
    while True:
        try:
            os.write(writer, b"x" * 4096)
        except BlockingIOError:
            break
    async with beating():
        await asyncio.sleep(0)  # its first beat, in vain
        while beats(reader):
            pass
        await until_async(lambda: beats(reader) > 0, what="a beat")


async def test_where_nobody_listens_nothing_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIVENESS_FD_VARIABLE, raising=False)
    async with beating():
        pass
