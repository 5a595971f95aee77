"""One line for all that a process hears, and what happens when it breaks."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio

from shared.platform.db.connections import Connection
from shared.platform.db.notifications import ChannelHandler, NotificationListener

pytestmark = pytest.mark.integration

LINES = "FROM pg_stat_activity WHERE application_name = 'leadhub notices' AND datname = current_database()"


class Ear:
    """Listens, and keeps what it was told."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.begun = self.ended = 0
        self.told = asyncio.Event()

    def listener(self) -> ChannelHandler:
        return ChannelHandler(self._hear, on_connected=self._begin, on_disconnected=self._end)

    def _hear(self, payload: bytes) -> None:
        self.heard.append(payload)
        self.told.set()

    async def _begin(self) -> None:
        self.begun += 1
        self.told.set()

    def _end(self) -> None:
        self.ended += 1

    async def wait(self) -> None:
        await asyncio.wait_for(self.told.wait(), 60)
        self.told.clear()


Line = tuple[Ear, Ear]


@pytest_asyncio.fixture
async def line(database_url: str) -> AsyncIterator[Line]:
    notices, ears = NotificationListener(database_url), (Ear(), Ear())
    for channel, ear in zip(("one", "other"), ears, strict=True):
        notices.add_handler(channel, ear.listener())
    notices.start()
    for ear in ears:
        await ear.wait()
    yield ears
    await notices.stop()


async def test_listeners_share_one_connection_for_their_channels(line: Line, database: Connection) -> None:
    one, other = line
    await database.execute("SELECT pg_notify('one', 'a'), pg_notify('other', 'b'), pg_notify('nobody', 'c')")
    await one.wait()
    await other.wait()
    assert (one.heard, other.heard) == ([b"a"], [b"b"])
    assert await (await database.execute(f"SELECT count(*) {LINES}")).fetchone() == (1,)


async def test_broken_listener_connection_is_restored_and_reported(line: Line, database: Connection) -> None:
    one, other = line
    await database.execute(f"SELECT pg_terminate_backend(pid) {LINES}")
    await one.wait()
    await other.wait()
    assert [(ear.begun, ear.ended) for ear in line] == [(2, 1), (2, 1)]
    await database.execute("SELECT pg_notify('other', 'b')")
    await other.wait()
    assert other.heard == [b"b"]


async def test_failed_listener_start_is_retried(database_url: str) -> None:
    notices, tries = NotificationListener(database_url), count(1)
    up = asyncio.Event()

    async def begin() -> None:
        if next(tries) == 1:
            raise LookupError
        up.set()

    notices.add_handler("one", ChannelHandler(lambda _: None, on_connected=begin, on_disconnected=lambda: None))
    notices.start()
    await asyncio.wait_for(up.wait(), 60)
    await notices.stop()


async def test_notification_during_the_listener_start_is_heard(database_url: str, database: Connection) -> None:
    """Between the beginning, which looks for what was missed, and the listening, nothing may fall."""
    notices, ear = NotificationListener(database_url), Ear()

    async def begin() -> None:
        await database.execute("SELECT pg_notify('one', 'meanwhile')")

    notices.add_handler(
        "one", ChannelHandler(ear.listener().on_notification, on_connected=begin, on_disconnected=lambda: None)
    )
    notices.start()
    await ear.wait()
    assert ear.heard == [b"meanwhile"]
    await notices.stop()
