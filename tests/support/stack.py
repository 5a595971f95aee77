"""A whole LeadHub as a user starts it, `./leadhub up`, in a data dir of its own and on a free port."""

import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import orjson
import psycopg
from psycopg.rows import TupleRow

from embedded.postgres import EmbeddedPostgres
from embedded.valkey import EmbeddedValkey
from shared.platform.data_dir import DataDir, free_port
from shared.platform.installation import PROJECT_ROOT
from tests.support.processes import ROLES, descendants, is_alive, pids_of, start_time
from tests.support.tenants import create_key
from tests.support.waiting import until

LAUNCHER = str(PROJECT_ROOT / "leadhub")
PORTLESS_COMMANDS = ("worker", "sweeper")  # they serve nobody
START_SECONDS = 120.0
STOP_SECONDS = 60.0
WITHOUT_FAST_PATH = "TESTS_WITHOUT_FAST_PATH"  # in the environment: the shared LeadHub runs without it

Database = psycopg.Connection[TupleRow]


class Stack:
    """A running `up`, or a `command` that runs as long. `launcher` is that of another checkout.

    `base` is the URL in front, `key` an unlimited key with every scope of the workspace `main`.
    """

    def __init__(
        self,
        folder: Path,
        env: Mapping[str, str] | None = None,
        options: tuple[str, ...] = (),
        command: str = "up",
        launcher: str = LAUNCHER,
        prefix: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self._command = command
        self._launcher = launcher
        self._prefix = prefix  # words in front of the command, that run it elsewhere
        self.port = free_port("127.0.0.1")
        self.base = f"http://127.0.0.1:{self.port}"
        self.key = ""
        own = {name: value for name, value in os.environ.items() if not name.startswith("LEADHUB_")}
        metrics_port = str(free_port("127.0.0.1"))
        fixed = {"LEADHUB_ENV_FILE": os.devnull, "LEADHUB_METRICS_PORT": metrics_port}
        self._env = {**own, **fixed, **(env or {})}
        self._options = options
        self._known: dict[int, float] = {}  # by id, when it started: another process may have the id later
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def inbound(self) -> str:
        """The inbound endpoint."""
        return f"{self.base}/api/inbound/leads?tenant=main"

    @property
    def metrics(self) -> str:
        """The URL of its metrics."""
        return f"http://127.0.0.1:{self._env['LEADHUB_METRICS_PORT']}/metrics"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def database_url(self) -> str:
        return EmbeddedPostgres(DataDir(self.folder)).database_url

    @property
    def spool_url(self) -> str:
        return EmbeddedValkey(DataDir(self.folder), "spool", durable=True).redis_url

    @property
    def pid(self) -> int:
        """Of `up` itself."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start `up` and wait until it is healthy; a new data dir gets its key."""
        self.launch()
        self.until_healthy(START_SECONDS)
        if not self.key:
            self.key, _ = create_key(self._env.get("LEADHUB_DATABASE_URL") or self.database_url, "*")

    def launch(self) -> None:
        """Start `up`, and wait for nothing."""
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            place = () if self._command in PORTLESS_COMMANDS else ("--port", str(self.port))
            own = [self._command, *place, "--data-dir", str(self.folder), *self._options]
            command = [*self._prefix, self._launcher, *own]
            self.process = subprocess.Popen(
                command, cwd=PROJECT_ROOT, env=self._env, stdout=log, stderr=log, start_new_session=True
            )

    def said(self) -> str:
        """What `up` printed, over all its lives."""
        return (self.folder.parent / f"{self.folder.name}.log").read_text()

    def stop(self) -> None:
        """End it by SIGTERM; by force, and with an error, if anything of it is left then."""
        if self.process is None:
            return
        self._remember()
        for pid in self.leftovers():  # a test may have left something frozen
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
            until(lambda: not self.leftovers(), what="the end of all that `up` started")
        finally:
            for pid in self.leftovers():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Another `./leadhub` command on the same data dir."""
        command = [self._launcher, *words, "--data-dir", str(self.folder)]
        return subprocess.run(
            command, cwd=PROJECT_ROOT, env=self._env, capture_output=True, text=True, check=check, timeout=120
        )

    def status(self) -> dict[str, Any]:
        """`leadhub status --json`, once PostgreSQL answers: on a slow machine it may take over a second."""

        def told() -> dict[str, Any]:
            found = cast("dict[str, Any]", orjson.loads(self.run("status", "--json").stdout))
            return {} if "postgresql" in found["unavailable"] else found

        return until(told, 60, "a status with PostgreSQL")

    def pids(self, role: str) -> list[int]:
        """The processes of a role: gateway, worker, sweeper, postgres (the postmaster), broker, spool."""
        self._remember()
        return pids_of(self.pid, role)

    def kill(self, role: str, number: signal.Signals = signal.SIGKILL) -> list[int]:
        """Send a signal to all processes of a role, once there is one; which these were."""
        pids = until(lambda: self.pids(role), what=f"a process {role}")
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return pids

    def kill_and_await(self, role: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal that ends a role, and wait for what the supervisor starts in its place."""
        gone = self.kill(role, number)
        until(lambda: not any(map(is_alive, gone)) and self.pids(role), what=f"another {role}")

    @contextmanager
    def frozen(self, role: str) -> Iterator[None]:
        """SIGSTOP for as long as the block lasts; of PostgreSQL with all its backends."""
        pids = self.kill(role, signal.SIGSTOP)
        for pid in [each for one in pids for each in descendants(one)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                pids.append(pid)
        try:
            yield
        finally:
            for pid in reversed(pids):  # children first: the postmaster would find them late
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @contextmanager
    def away(self, *roles: str) -> Iterator[None]:
        """Killed, and not started again before the block ends: the supervisor is frozen meanwhile."""
        for role in roles:  # a frozen supervisor would never start what it still owes from the last time
            until(lambda role=role: self.pids(role), what=f"a process {role}")  # type: ignore[misc]
        os.kill(self.pid, signal.SIGSTOP)
        try:
            gone = [pid for role in roles for pid in self.kill(role)]
            until(lambda: not any(map(is_alive, gone)), what=f"the end of {roles}")
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A connection of the test's own, autocommit."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            yield connection

    def until_healthy(self, seconds: float = 60) -> None:
        """Wait until the health endpoint answers 200."""
        until(self._alive_and_healthy, seconds, "a healthy LeadHub")

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base}/api/v1/health", timeout=10) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def until_settled(self) -> None:
        """Wait until it is healthy, every role runs and PostgreSQL takes leads again: where a fault test begins."""
        self.until_healthy()
        until(lambda: all(self.pids(role) for role in ROLES), what="every role")
        until(self.answers_201, 60, "a 201")

    def answers_201(self) -> bool:
        """Whether a lead posted now is answered by the workers' verdict within 2 s."""
        request = urllib.request.Request(self.inbound, b'{"email":"settled@example.com"}', self.headers)
        request.add_header("Content-Type", "application/json")
        request.add_header("Prefer", "wait=2")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return bool(answer.status == 201)
        except OSError:
            return False

    def leftovers(self) -> list[int]:
        """Processes that `up` started, as far as they were seen, and that live although it may not."""
        return [pid for pid, began in self._known.items() if is_alive(pid) and start_time(pid) == began]

    def _alive_and_healthy(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"`up` ended; see {self.folder}.log"
        return self.is_healthy()

    def _remember(self) -> None:
        if self.process is not None:
            self._known |= {pid: start_time(pid) for pid in descendants(self.process.pid)}


@contextmanager
def running_stack(folder: Path, env: Mapping[str, str] | None = None, options: tuple[str, ...] = ()) -> Iterator[Stack]:
    """`up` on the data dir `folder`, healthy, and gone at the end whatever happened."""
    stack = Stack(folder, env, options)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()
