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

from bench.contest import Contestant
from bench.ledger import Ledger
from bench.servers import own_environment, running
from shared.embedded.datadir import DataDir, free_port
from shared.embedded.postgres import Postgres
from shared.settings import PROJECT_ROOT

LAUNCHER = str(PROJECT_ROOT / "leadhub")
WORKSPACE = "main"
DRAIN_SECONDS = 300.0

WAITING = "SELECT coalesce(sum(n), 0) FROM journal"


@dataclass(frozen=True)
class LeadHub:
    """A running LeadHub. The ledger checks each load on it."""

    contestant: Contestant
    ledger: Ledger
    database_url: str

    @property
    def pid(self) -> int:
        """The id of the root of its processes."""
        return self.contestant.pids[0]


@contextlib.contextmanager
def leadhub(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[LeadHub]:
    """Run `./leadhub up` on the data dir `folder` with `env` added to its settings, and yield it once it is healthy."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    base = f"http://127.0.0.1:{(port := free_port('127.0.0.1'))}"
    up = [LAUNCHER, "up", "--port", str(port), "--data-dir", str(folder)]
    with (
        running(up, folder / "up.log", f"{base}/api/v1/health", env) as pid,
        psycopg.connect(database_url := Postgres(DataDir(folder)).url, autocommit=True) as database,
    ):
        ledger = Ledger(database, WORKSPACE, folder / "answers")
        contestant = Contestant(
            url=f"{base}/api/inbound/leads?tenant={WORKSPACE}",
            pids=(pid,),
            headers={"Authorization": f"Bearer {create_key(folder)}", "User-Agent": "leadhub-bench"},
            drained=partial(wait_until_drained, database),
            answers=str(ledger.answers),
            check=ledger.check,
        )
        yield LeadHub(contestant, ledger, database_url)


def wait_until_drained(database: psycopg.Connection) -> float:
    """Wait until no accepted lead waits and return CLOCK_MONOTONIC. TimeoutError after five minutes."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while database.execute(WAITING).fetchone() != (0,):
        if time.monotonic() > deadline:
            raise TimeoutError("the backlog does not go away")
        time.sleep(0.02)
    return time.monotonic()


def create_key(folder: Path, workspace: str = WORKSPACE) -> str:
    command = [LAUNCHER, "key", "create", "--workspace", workspace, "--name", "bench", "--scopes", "*"]
    command += ["--rate-limit", "1000000000", "--json", "--data-dir", str(folder)]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=PROJECT_ROOT, env=own_environment())
    return str(orjson.loads(answer.stdout)["key"])


def new_database(database_url: str, name: str) -> str:
    """Make an empty database on the same server and return its URL."""
    with psycopg.connect(database_url, autocommit=True) as database:
        database.execute(f"CREATE DATABASE {name}")
    return make_url(database_url).set(database=name).render_as_string(hide_password=False)
