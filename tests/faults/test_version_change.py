"""Two versions side by side on one PostgreSQL, under load: forwards, and back without a restore.

The next version is this one with three migrations of the kinds that occur: columns and a table, an index, a backfill.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg
import pytest

from cli.schema import TablesState, head_version, tables_state
from embedded.servers import ensure_servers
from shared.platform.data_dir import SERVICE_KIND
from shared.platform.settings import Settings
from tests.faults.conftest import FAULT, Row
from tests.support.checker import check
from tests.support.load import loaded
from tests.support.next_version import EXPANDS, make_next_version
from tests.support.rolling import KINDS, ServicePair, behind_proxy
from tests.support.stack import LAUNCHER, Stack
from tests.support.tenants import create_key
from tests.support.waiting import until_async

pytestmark = pytest.mark.faults

MIGRATIONS = {
    "columns": """
op.execute("ALTER TABLE leads ADD COLUMN grade integer DEFAULT 0 NOT NULL")
op.execute("ALTER TABLE leads ADD COLUMN rank bigint")
op.execute("CREATE TABLE grades (workspace_id bigint, id bigint, PRIMARY KEY (workspace_id, id))")
""",
    "index": 'create_index_concurrently("ix_leads_grade", "leads", ["workspace_id", "grade"])',
    "backfill": 'backfill_rows("leads", "rank = id", "rank IS NULL", rows=50)',
}
LONGEST_LOCK_WAIT_SECONDS = 2.5  # a migration waits for a second at most; the rest is for a busy machine
HELD_SECONDS = 3.0  # seconds for which a backup's lock lets no migration through
WAITING_NOTE = "the worker waits until `leadhub migrate` has run"
LOCK_WAIT_SQL = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float FROM pg_locks
WHERE NOT granted AND relation = 'leads'::regclass AND mode <> 'ShareUpdateExclusiveLock'
"""


@dataclass
class Version:
    """The services of one version: a gateway with API and console, a worker, a sweeper."""

    gateway: Stack
    others: list[Stack]

    def start(self) -> None:
        """Start all, and wait for the gateway."""
        for each in self.others:
            if each.process is None or each.process.poll() is not None:
                each.launch()
        self.gateway.launch()
        self.gateway.until_healthy()

    def stop(self) -> None:
        """Stop all by SIGTERM, the gateway first."""
        for each in (self.gateway, *self.others):
            each.stop()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Settings]:
    """PostgreSQL and Valkey that belong to no version."""
    folder = tmp_path / "data"
    settings = Settings(data_dir=folder, database_url="", broker_url="", redis_url="", spool_url="")
    with ensure_servers(settings, kind=SERVICE_KIND, want=("broker", "spool", "postgres")) as found:
        yield found


@contextmanager
def two_versions(folder: Path, launchers: tuple[str, str]) -> Iterator[tuple[Version, Version, ServicePair]]:
    """This version and the next one, neither of them started."""
    gateways = ServicePair("gateway", folder, launchers, ("--with-api",))
    versions = []
    with ExitStack() as opened:
        for name, launcher, gateway in zip(("this", "next"), launchers, gateways.members, strict=True):
            others = [
                Stack(folder, None, ("--name", f"{kind}-{name}"), command=kind, launcher=launcher)
                for kind in ("worker", "sweeper")
            ]
            versions.append(Version(gateway, others))
            for each in (gateway, *others):
                opened.callback(each.stop)
        yield versions[0], versions[1], gateways


@asynccontextmanager
async def watched_locks(url: str) -> AsyncIterator[list[float]]:
    """The lock waits on `leads` in seconds, as they were seen every few milliseconds."""
    waits = [0.0]

    async def watch() -> None:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            while True:
                row = await (await connection.execute(LOCK_WAIT_SQL)).fetchone()
                waits.append(row[0] if row else 0)
                await asyncio.sleep(0.01)

    task = asyncio.create_task(watch())
    yield waits
    assert not task.done(), task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def migrate_twice(launcher: str, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    """Two migrators of a version at the same time."""
    command = [launcher, "migrate", "--data-dir", str(folder)]

    def run(_: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(run, range(2)))


async def migrate_beside_a_backup(url: str, launcher: str, folder: Path) -> str:
    """Migrate while a transaction holds a reader's lock on `leads` for some seconds. Returns what was said."""
    with psycopg.connect(url) as backup:
        backup.execute("SELECT count(*) FROM leads")
        migrating = asyncio.create_task(asyncio.to_thread(migrate_twice, launcher, folder))
        waiting = "SELECT 1 FROM pg_locks WHERE relation = 'leads'::regclass AND mode = 'AccessExclusiveLock'"
        await until_async(lambda: bool(backup.execute(waiting).fetchone()), what="a migration that waits")
        await asyncio.sleep(HELD_SECONDS)
        assert not migrating.done()
    return "".join(each.stderr for each in await migrating)


def restored_by_this_version(folder: Path, tmp_path: Path) -> TablesState:
    """Back up and restore the next version's tables with this version. Returns which tables came of it."""
    Stack(folder).run("backup", str(tmp_path / "saved.tar"))
    other = Stack(tmp_path / "restored")
    other.run("restore", str(tmp_path / "saved.tar"))
    settings = Settings(data_dir=other.folder, database_url="", broker_url="", redis_url="", spool_url="")
    with ensure_servers(settings) as found:
        return tables_state(found.database_url)


@pytest.mark.extended
@pytest.mark.parametrize(("rounds", "rate"), [(1, 30), pytest.param(4, 120, marks=pytest.mark.long)])
async def test_the_next_version_runs_beside_this_one_and_goes_again(
    servers: Settings, tmp_path: Path, record_property: Callable[[str, object], None], rounds: int, rate: int
) -> None:
    url, folder = servers.database_url, servers.data_dir
    next_launcher = str(make_next_version(tmp_path / "next", {k: (EXPANDS, v) for k, v in MIGRATIONS.items()}))
    Stack(folder).run("workspace", "create", "main", "--name", "Main")
    key, _ = create_key(url, "*")
    with two_versions(folder, (LAUNCHER, next_launcher)) as (this, following, gateways):
        this.start()
        with behind_proxy(this.gateway, "haproxy", dict.fromkeys(KINDS, gateways), tmp_path / "proxy.log") as seen:
            seen.key = key
            async with loaded(seen, rate=rate) as told, watched_locks(url) as waits:
                await told.more(rate)
                following.others[0].launch()
                await until_async(lambda: WAITING_NOTE in seen.said(), what="its word")
                said = await migrate_beside_a_backup(url, next_launcher, folder)
                for _ in range(rounds):
                    await asyncio.to_thread(following.start)
                    await told.more(rate)
                    await asyncio.to_thread(this.stop)
                    await told.more(2 * rate)
                    await asyncio.to_thread(this.start)  # on the tables of the next version
                    await told.more(rate)
                    await asyncio.to_thread(following.stop)
                    await told.more(2 * rate)
        findings = await check(url, servers.spool_url, told)
    restored = restored_by_this_version(folder, tmp_path)
    row = Row("version change", rounds * 2, findings.accepted, findings.lost, findings.doubled, told.worst_pause)
    record_property(FAULT, asdict(row))
    print(f"longest lock wait {max(waits):.2f} s, worst pause {told.worst_pause:.2f} s")
    findings.assert_exact()
    assert (told.refused, told.broken) == (0, 0), told.statuses
    assert "a table is locked; the longest transaction: " in said
    assert 0 < max(waits) < LONGEST_LOCK_WAIT_SECONDS
    reached = TablesState(f"r{int(head_version()[1:]) + len(MIGRATIONS):04}", head_version())
    assert (tables_state(url), restored) == (reached, reached)
