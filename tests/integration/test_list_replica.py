"""Lists of the API with a real replica: it serves them while it can, and costs nobody an answer when it cannot."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from cli.schema import upgrade_database
from services.api.list_replica import LIST_REPLICA, LagMeter, ListReplica, page_start
from shared.auth import installation_keys
from shared.platform.data_dir import free_port
from shared.platform.db.connections import connect
from shared.platform.observability import logging
from shared.platform.observability.metrics import LISTS_READ
from shared.workspaces import create_workspace
from tests.support.captured_log import CapturedLog
from tests.support.serving import served, settings_of
from tests.support.standby import PRIMARY_SETTINGS, ReplicaServer, primary_and_standby
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

PATIENT_LAG = 3600.0
FOLLOWED_SQL = "SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"

Pair = tuple[ReplicaServer, ReplicaServer]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """A primary with LeadHub's tables, and its standby."""
    folder: Path = tmp_path_factory.mktemp("replica")
    with primary_and_standby(folder) as (primary, standby):
        upgrade_database(primary.url)
        yield primary, standby


@dataclass
class Caller:
    """One key at a running API."""

    client: aiohttp.ClientSession
    secret: str

    async def tags(self, **headers: str) -> list[str]:
        """The names of all tags, by the alphabet."""
        async with self.client.get("/api/v1/tags", headers=self._headers(headers)) as answer:
            body = await answer.json()
            assert answer.status == 200, body
        return sorted(tag["name"] for tag in body["data"])

    async def make_tag(self, name: str) -> None:
        async with self.client.post("/api/v1/tags", json={"name": name}, headers=self._headers({})) as answer:
            assert answer.status == 201, await answer.text()

    def _headers(self, others: dict[str, str]) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in others.items()}
        return {"Authorization": f"Bearer {self.secret}", **named}


@dataclass
class Callers:
    """Two keys of one workspace, and the replica as the API sees it."""

    writer: Caller
    other: Caller
    replica: ListReplica

    async def until_usable(self) -> None:
        await until_async(lambda: self.replica.is_usable, what="a replica that is used")


@asynccontextmanager
async def callers(pair: Pair, folder: Path, lag: float = PATIENT_LAG) -> AsyncIterator[Callers]:
    primary, standby = pair
    slug = f"w-{folder.name.replace('_', '-')}"[:60].rstrip("-")
    async with connect(primary.url, "tests") as database:
        await create_workspace(database, slug, "Tests")
        keys = [
            await installation_keys.create_key(database, slug, name, ["*"], rate_limit=None) for name in ("one", "two")
        ]
    await until_async(lambda: bool(primary.execute(FOLLOWED_SQL)), what="a standby that has followed")
    settings = settings_of(primary.url, folder, replica_url=standby.url, replica_lag=lag)
    async with served(settings) as (client, app):
        writer, other = (Caller(client, key.key.secret) for key in keys)
        found = Callers(writer, other, app[LIST_REPLICA])
        await found.until_usable()
        yield found


def lists_from(server: str) -> float:
    """How many lists a server has served in this process."""
    return float(LISTS_READ.labels(server)._value.get())


async def test_caller_finds_what_it_wrote_and_others_a_moment_later(pair: Pair, tmp_path: Path) -> None:
    _, standby = pair
    async with callers(pair, tmp_path) as found:
        standby.execute("SELECT pg_wal_replay_pause()")
        try:
            await found.writer.make_tag("Fresh")
            assert await found.writer.tags() == ["Fresh"]
            began = lists_from("replica")
            assert await found.other.tags() == []  # so the replica was asked, which has not replayed the tag
            assert lists_from("replica") == began + 1
            assert await found.other.tags(Cache_Control="no-cache") == ["Fresh"]
        finally:
            standby.execute("SELECT pg_wal_replay_resume()")

        async def served_by_replica() -> bool:
            began = lists_from("replica")
            assert await found.writer.tags() == ["Fresh"]
            return lists_from("replica") == began + 1

        await until_async(served_by_replica, what="a list of the writer from the replica")
        assert await found.other.tags() == ["Fresh"]


async def test_replica_that_never_answered_is_named_in_the_log(
    pair: Pair, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    primary, _ = pair
    logging.configure_logging("api")
    address = f"postgresql://nobody@127.0.0.1:{free_port('127.0.0.1')}/none"
    log = CapturedLog(capfd)
    async with served(settings_of(primary.url, tmp_path, replica_url=address)):
        await until_async(lambda: log.has("replica.not_used"), what="the warning")
    assert log.text.count("replica.not_used") == 1


async def test_replica_that_lags_too_far_serves_no_list(pair: Pair, tmp_path: Path) -> None:
    _, standby = pair
    async with callers(pair, tmp_path, lag=2) as found:
        standby.execute("SELECT pg_wal_replay_pause()")
        try:
            await found.writer.make_tag("Fresh")

            async def is_found() -> bool:
                return await found.other.tags() == ["Fresh"]

            await until_async(is_found, what="the other's list from the primary")
            assert not found.replica.is_usable
        finally:
            standby.execute("SELECT pg_wal_replay_resume()")
        await found.until_usable()


async def test_no_list_fails_when_the_replica_dies_and_it_is_used_again(pair: Pair, tmp_path: Path) -> None:
    primary, standby = pair
    async with callers(pair, tmp_path) as found:
        for name in ("a", "b"):
            await found.writer.make_tag(name)
        assert await found.writer.tags() == ["a", "b"]
        standby.kill()
        for _ in range(20):
            assert await found.writer.tags() == ["a", "b"]
            assert await found.other.tags() == ["a", "b"]
        assert not found.replica.is_usable
        source = f"host=127.0.0.1 port={primary.port} user=leadhub password={primary.password}"
        standby.start(f"{PRIMARY_SETTINGS}primary_conninfo = '{source}'\n")
        await found.until_usable()
        began = lists_from("replica")
        assert await found.other.tags() == ["a", "b"]
        assert lists_from("replica") == began + 1


async def test_session_that_ends_in_the_midst_of_a_list_costs_no_answer(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the server dies while it reads: the list is read again, from the primary."""
    _, standby = pair
    connect_before = ListReplica.connect

    async def connect_and_end(self: ListReplica, request: aiohttp.web.Request) -> object:
        connection = await connect_before(self, request)
        standby.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE '%api'"
        )
        return connection

    async with callers(pair, tmp_path) as found:
        monkeypatch.setattr(ListReplica, "connect", connect_and_end)
        began = lists_from("replica"), lists_from("primary")
        assert await found.other.tags() == []
        assert (lists_from("replica"), lists_from("primary")) == (began[0] + 1, began[1] + 1)


def test_lag_is_the_time_since_when_something_may_be_missing() -> None:
    meter = LagMeter(5)
    for second, position in ((0.0, 100), (1.0, 200), (2.0, 200), (3.0, 300)):
        meter.note_primary(second, position)
    assert meter.seconds_behind(3.0, 300) == 0
    assert meter.seconds_behind(3.5, 250) == 1.5
    assert meter.seconds_behind(3.5, 99) == float("inf")


@pytest.mark.parametrize(("position", "start"), [(8192, 8192), (8192 + 24, 8192), (8192 + 40, 8192), (8300, 8300)])
def test_position_behind_the_head_of_a_page_is_its_start(position: int, start: int) -> None:
    assert page_start(position) == start
