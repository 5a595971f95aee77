"""The copy of a drill: an `up` on a data dir of its own, its processes, and the commands that run on it."""

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, LiteralString

import orjson
import psycopg

from cli.child_programs import LAUNCHER_PATH
from cli.descendants import live_descendants
from cli.drill.made_up_posts import FORM_FIELDS, PROVIDER_TYPE, PostTargets
from embedded.postgres import EmbeddedPostgres
from embedded.process import ChildProgram, find_processes, last_lines, spawn_program, stop_process
from embedded.valkey import EmbeddedValkey
from shared.platform.data_dir import DataDir

START_TIMEOUT_SECONDS = 180.0
STOP_TIMEOUT_SECONDS = 60.0
RETURN_TIMEOUT_SECONDS = 90.0  # seconds for a part that was killed to be back
COMMAND_TIMEOUT_SECONDS = 300.0
VERSION_TIMEOUT_SECONDS = 120.0  # a new checkout prepares its environment first
LOOK_INTERVAL_SECONDS = 0.05
THIS_VERSION_COMMAND = (sys.executable, str(LAUNCHER_PATH))
UNLIMITED_RATE = "1000000000"  # requests a second


class PartAway(RuntimeError):
    """A part of the copy that was killed did not come back."""

    def __init__(self, part: str, last_words: str) -> None:
        super().__init__(f"the copy's {part} did not come back: {last_words}")
        self.part = part


class DrillCopy:
    """A whole LeadHub in `folder`, run by `command`; another version's command may take its place."""

    def __init__(self, folder: Path, environment: Mapping[str, str], embedded_postgres: str = "") -> None:
        self.folder = folder
        self.log = folder.parent / "up.log"
        self.command: tuple[str, ...] = THIS_VERSION_COMMAND
        self._environment = environment
        self._home = DataDir(folder)
        self._embedded_postgres = embedded_postgres
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._environment['LEADHUB_PORT']}"

    @property
    def database_url(self) -> str:
        return EmbeddedPostgres(self._home, self._embedded_postgres).database_url

    @property
    def spool_url(self) -> str:
        return EmbeddedValkey(self._home, "spool", durable=True).redis_url

    def start(self) -> None:
        """Start it, and wait until it is healthy. RuntimeError, with its last words, if it does not get there."""
        # Tied to this process: it stops if the drill is killed.
        program = ChildProgram(
            name="the copy",
            argv=(*self.command, "up", "--data-dir", str(self.folder)),
            log=self.log,
            env=self._environment,
            death_signal=signal.SIGTERM,
        )
        self._process = spawn_program(program)
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self.is_healthy():
            if self._process.poll() is not None:
                raise RuntimeError(f"the copy ended with status {self._process.returncode}: {last_lines(self.log)}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"the copy did not start in {START_TIMEOUT_SECONDS:g} s: {last_lines(self.log)}")
            time.sleep(LOOK_INTERVAL_SECONDS)

    def stop(self) -> None:
        """Stop it in order; by force after a minute."""
        if self._process:
            stop_process(self._process, signal.SIGTERM, STOP_TIMEOUT_SECONDS)

    def restart(self, command: tuple[str, ...]) -> None:
        """Stop it, and start it by this command. RuntimeError, with its last words, if it is not healthy then."""
        self.command = command
        self.stop()
        self.start()

    def is_healthy(self) -> bool:
        """Return whether the health endpoint answers 200."""
        try:
            with urllib.request.urlopen(f"{self.base_url}/api/v1/health", timeout=5) as answer:  # noqa: S310 - our own
                return bool(answer.status == 200)
        except OSError:
            return False

    def run_command(self, *words: str) -> str:
        """Return what a command of the copy prints. RuntimeError, with its last words, if it fails."""
        done = subprocess.run(
            [*self.command, *words, "--data-dir", str(self.folder)],
            env=dict(self._environment),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"`{words[0]}` of the copy failed: {done.stderr.strip()[-400:]}")
        return done.stdout

    def version(self) -> str:
        """Return the version of the present command. ValueError if it is no command of LeadHub."""
        try:
            done = subprocess.run(
                [*self.command, "--version"],
                env=dict(self._environment),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=VERSION_TIMEOUT_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            last_line = ""
        else:
            last_line = done.stdout.strip().rpartition("\n")[2]
        name, _, version = last_line.partition(" ")
        if not name.startswith("leadhub") or not version:
            raise ValueError(f"{self.command[-1]} is no command of LeadHub: `--version` names no version of it")
        return version

    def prepare_workspace(self) -> PostTargets:
        """Make what the load posts to: a key without a limit, a form and a source of webhooks. Return them."""
        named = ("--workspace", "main", "--name", "drill", "--scopes", "*", "--rate-limit", UNLIMITED_RATE, "--json")
        key = str(orjson.loads(self.run_command("key", "create", *named))["key"])
        form = self._make_record(key, "forms", {"name": "Drill", "fields": FORM_FIELDS})
        secret = secrets.token_urlsafe(24)
        source = {"type": PROVIDER_TYPE, "name": "Drill", "credentials": {"secret": secret}}
        integration = self._make_record(key, "integrations", source)
        path = "/" + str(integration["webhook_url"]).split("/", 3)[3]
        return PostTargets(
            int(self._fetch_value("SELECT id FROM workspaces WHERE slug = 'main'")),
            key,
            form["id"],
            integration["id"],
            path,
            secret,
        )

    def find_pids(self, part: str) -> list[int]:
        """Return the processes of a part: `worker`, `gateway`, `sweeper`, `broker`, `spool` or `database`.

        Only processes that this one started count, whatever a file says.
        """
        own = live_descendants()
        return [pid for pid in self._named_pids(part) if pid in own]

    def kill_one(self, part: str, number: signal.Signals = signal.SIGKILL) -> float:
        """End one process of a part, wait for another, and return the seconds. PartAway if none comes."""
        before = self._wait_for(lambda: self.find_pids(part), part)
        started = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(before[0], number)
        self._wait_for(lambda: self._is_back(part, before), part)
        return time.monotonic() - started

    def _is_back(self, part: str, before: list[int]) -> bool:
        pids = self.find_pids(part)
        return len(pids) >= len(before) and before[0] not in pids

    def _wait_for(self, look: Callable[[], Any], part: str) -> Any:
        deadline = time.monotonic() + RETURN_TIMEOUT_SECONDS
        while not (answer := look()):
            if time.monotonic() > deadline:
                raise PartAway(part, last_lines(self.log))
            time.sleep(LOOK_INTERVAL_SECONDS)
        return answer

    def _named_pids(self, part: str) -> list[int]:
        if part in ("broker", "spool"):
            return find_processes("valkey-server", str(self._home.run_dir / f"{part}.conf"))
        pattern, folder = (
            ("postgres-*/postmaster.pid", self.folder) if part == "database" else (f"{part}*.pid", self._home.run_dir)
        )
        pids = []
        for file in sorted(folder.glob(pattern)):
            with suppress(OSError, ValueError, IndexError):  # it is being written or removed
                pids.append(int(file.read_text().split()[0]))
        return pids

    def _make_record(self, key: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.base_url}/api/v1/{path}", orjson.dumps(body), headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own address
                record: dict[str, Any] = orjson.loads(answer.read())["data"]
                return record
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"the copy refused to make one of its {path}: {error.read()[:400]!r}") from None

    def tables_version(self) -> str:
        """Return the number of the last migration of the copy's tables."""
        return str(self._fetch_value("SELECT version_num FROM alembic_version"))

    def server_version(self) -> str:
        """Return the version of the copy's PostgreSQL."""
        return str(self._fetch_value("SHOW server_version")).split()[0]

    def _fetch_value(self, statement: LiteralString) -> Any:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(statement).fetchone()
        if row is None:
            raise RuntimeError("the copy's database is empty")
        return row[0]
