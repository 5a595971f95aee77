"""What a LeadHub that nobody uses costs its machine. `./leadhub bench idle` measures it; here it is counted."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.processes import command_line, descendants
from tests.support.stack import Stack, running_stack
from tests.support.waiting import until

pytestmark = pytest.mark.e2e
MAX_STATEMENTS_PER_MINUTE = 900  # some 700: four a second of the sweeper, and what a minute brings along; 7,700 once
MAX_CONNECTIONS = 18  # a dozen; 30 when each duty of the sweeper had one of its own
MIN_SHARED_PART = 0.4  # of a fork's memory: some 0.6, and 0.1 in a process of its own
COUNTED_SECONDS = 15.0
STATEMENTS_SQL = "SELECT sum(calls)::bigint FROM pg_stat_statements"
CONNECTIONS_SQL = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'leadhub %'"


@pytest.fixture(scope="module")
def idle_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A LeadHub whose PostgreSQL counts statements."""
    folder = tmp_path_factory.mktemp("idle")
    with running_stack(folder) as stack:
        stack.stop()
        (folder / "postgres-18" / "local.conf").write_text("shared_preload_libraries = 'pg_stat_statements'\n")
        stack.start()
        yield stack


def test_idle_installation_asks_its_database_little(idle_stack: Stack) -> None:
    with psycopg.connect(idle_stack.database_url, autocommit=True) as database:
        database.execute("CREATE EXTENSION pg_stat_statements")

        def statements_per_minute() -> float:
            before, began = _number(database, STATEMENTS_SQL), time.monotonic()
            time.sleep(COUNTED_SECONDS)
            return (_number(database, STATEMENTS_SQL) - before) * 60 / (time.monotonic() - began)

        # The first turns of all duties, and what they find, are over some time after the start.
        until(lambda: statements_per_minute() < MAX_STATEMENTS_PER_MINUTE, 120, "few statements")
        until(lambda: _number(database, CONNECTIONS_SQL) <= MAX_CONNECTIONS, 120, "few connections")


def test_services_share_the_memory_of_their_code(idle_stack: Stack) -> None:
    (server,) = [pid for pid in descendants(idle_stack.pid) if "leadhub fork-server" in command_line(pid)]
    for role in ("gateway", "worker", "sweeper"):
        (pid,) = idle_stack.pids(role)
        assert Path(f"/proc/{pid}/exe").samefile(f"/proc/{server}/exe")
        shared, private = _dirty_kib(pid)
        assert shared / (shared + private) > MIN_SHARED_PART, role


def _number(database: "psycopg.Connection", query: str) -> int:
    row = database.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _dirty_kib(pid: int) -> tuple[int, int]:
    """The KiB of memory that a process shares with others, and those of its own, without files that nobody changed."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines[1:])}
    return kib["Shared_Dirty"], kib["Private_Dirty"]
