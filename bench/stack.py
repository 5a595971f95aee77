"""LeadHub as a user starts it, in a data dir of its own, with an unlimited key."""

import contextlib
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import orjson
import psycopg
from sqlalchemy import make_url

from bench.ledger import LoadLedger
from bench.servers import own_environment, running_command
from bench.targets import Target
from embedded.postgres import EmbeddedPostgres
from shared.platform.data_dir import DataDir, free_port
from shared.platform.installation import PROJECT_ROOT

LAUNCHER_COMMAND = str(PROJECT_ROOT / "leadhub")
BENCH_WORKSPACE = "main"
DRAIN_TIMEOUT_SECONDS = 300.0

WAITING_SUBMISSIONS_SQL = "SELECT coalesce(sum(n), 0) FROM journal"


@dataclass(frozen=True)
class RunningLeadHub:
    """A running LeadHub. The ledger checks each load on it."""

    target: Target
    ledger: LoadLedger
    database_url: str

    @property
    def root_pid(self) -> int:
        """The id of the root of its processes."""
        return self.target.pids[0]


@contextlib.contextmanager
def running_leadhub(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[RunningLeadHub]:
    """Run `./leadhub up` on the data dir `folder` with `env` added to its settings, and yield it once it is healthy."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    base = f"http://127.0.0.1:{(port := free_port('127.0.0.1'))}"
    up = [LAUNCHER_COMMAND, "up", "--port", str(port), "--data-dir", str(folder)]
    with (
        running_command(up, folder / "up.log", f"{base}/api/v1/health", env) as pid,
        psycopg.connect(database_url := EmbeddedPostgres(DataDir(folder)).database_url, autocommit=True) as database,
    ):
        ledger = LoadLedger(database, BENCH_WORKSPACE, folder / "answers")
        contestant = Target(
            url=f"{base}/api/inbound/leads?tenant={BENCH_WORKSPACE}",
            pids=(pid,),
            headers={"Authorization": f"Bearer {create_key(folder)}", "User-Agent": "leadhub-bench"},
            wait_drained=partial(wait_until_drained, database),
            answers_path=str(ledger.answers_path),
            check_outcome=ledger.check_load,
        )
        yield RunningLeadHub(contestant, ledger, database_url)


def wait_until_drained(database: psycopg.Connection) -> float:
    """Wait until no accepted lead waits and return CLOCK_MONOTONIC. TimeoutError after five minutes."""
    deadline = time.monotonic() + DRAIN_TIMEOUT_SECONDS
    while database.execute(WAITING_SUBMISSIONS_SQL).fetchone() != (0,):
        if time.monotonic() > deadline:
            raise TimeoutError("the backlog does not go away")
        time.sleep(0.02)
    return time.monotonic()


def create_workspace(folder: Path, slug: str) -> None:
    command = [LAUNCHER_COMMAND, "workspace", "create", slug, "--name", slug.title(), "--data-dir", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=PROJECT_ROOT, env=own_environment())


def create_key(folder: Path, workspace: str = BENCH_WORKSPACE) -> str:
    command = [LAUNCHER_COMMAND, "key", "create", "--workspace", workspace, "--name", "bench", "--scopes", "*"]
    command += ["--rate-limit", "1000000000", "--json", "--data-dir", str(folder)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=PROJECT_ROOT, env=own_environment())
    return str(orjson.loads(answer.stdout)["key"])


def migrate_database(database_url: str) -> None:
    env = {**own_environment(), "LEADHUB_DATABASE_URL": database_url}
    subprocess.run([LAUNCHER_COMMAND, "migrate"], check=True, stderr=subprocess.DEVNULL, cwd=PROJECT_ROOT, env=env)


def new_database(database_url: str, name: str) -> str:
    """Make an empty database on the same server and return its URL."""
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(f"CREATE DATABASE {name}")
    return make_url(database_url).set(database=name).render_as_string(hide_password=False)
