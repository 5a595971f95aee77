"""A PostgreSQL with pgBackRest, as `docs/operations/backup.md` sets it up, on a port of this machine.

Settings and commands are taken from the page. Only what must differ here is replaced: folders, port and password.
"""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT
from tests.support.patroni import ACCOUNT, LOCAL, find_programs
from tests.support.waiting import until

PAGE = PROJECT_ROOT / "docs/operations/backup.md"
PROGRAM = "pgbackrest"
START_SECONDS = 120


def why_no_pgbackrest() -> str:
    """Why this machine cannot recover to a time, or nothing."""
    if os.geteuid() != 0:
        return "PostgreSQL's account is taken by root"
    if shutil.which(PROGRAM) is None:
        return "pgbackrest is not installed"
    return "" if find_programs() else "no PostgreSQL of Debian's is installed"


def read_settings(name: str) -> str:
    """Return a file of settings of the page."""
    found = re.search(rf"```ini\n# \S*{re.escape(name)}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, f"the page has no {name}"
    return found[1]


def read_commands() -> list[str]:
    """Return the page's lines of pgBackRest, in their order."""
    return re.findall(rf"^ +({PROGRAM} .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


class RecoverableServer:
    """A PostgreSQL whose log goes into a repository of pgBackRest's."""

    def __init__(self, folder: Path) -> None:
        self.password = secrets.token_hex(16)
        self.port = free_port(LOCAL)
        self._folder = folder
        self._data = folder / "main"
        programs = find_programs()
        assert programs is not None
        self._programs = programs

    @property
    def url(self) -> str:
        """The URL of LeadHub's database."""
        return f"postgresql://leadhub:{self.password}@{LOCAL}:{self.port}/leadhub"

    def prepare(self) -> None:
        """Make the server and the repository, and start it."""
        config = read_settings("pgbackrest.conf").replace("/var/lib/pgbackrest", str(self._folder / "repository"))
        config, replaced = re.subn(r"pg1-path=.*", f"pg1-path={self._data}", config)
        assert replaced == 1
        (self._folder / "pgbackrest.conf").write_text(config)
        self._run(str(self._programs / "initdb"), "-D", str(self._data), "-E", "UTF8", "-A", "trust", "-U", ACCOUNT)
        place = f"listen_addresses = '{LOCAL}'\nport = {self.port}\nunix_socket_directories = '{self._folder}'\n"
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(place + read_settings("postgresql.conf"))
        self.start()
        with psycopg.connect(f"postgresql://{ACCOUNT}@{LOCAL}:{self.port}/postgres", autocommit=True) as admin:
            admin.execute(f"CREATE ROLE leadhub LOGIN PASSWORD '{self.password}'".encode())
            admin.execute("CREATE DATABASE leadhub OWNER leadhub")

    def start(self) -> None:
        """Start it, and wait until it takes writes."""
        self._run(str(self._programs / "pg_ctl"), "-D", str(self._data), "-l", str(self._folder / "log"), "start")
        until(self._takes_writes, START_SECONDS, "a PostgreSQL that takes writes")

    def stop(self) -> None:
        """End it, if it runs."""
        with suppress(subprocess.CalledProcessError):
            self._run(str(self._programs / "pg_ctl"), "-D", str(self._data), "-m", "fast", "-w", "stop")

    def run_line(self, line: str, target: str = "") -> None:
        """Run a line of the page, for another target time if one is named."""
        if target:
            line, replaced = re.subn(r'--target="[^"]+"', f'--target="{target}"', line)
            assert replaced == 1
        self._run("/bin/sh", "-c", line)

    def fetch_value(self, statement: str) -> object:
        """Return the first value of a statement."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return row and row[0]

    def _takes_writes(self) -> bool:
        with suppress(psycopg.OperationalError):
            admin = f"postgresql://{ACCOUNT}@{LOCAL}:{self.port}/postgres"
            with psycopg.connect(admin, connect_timeout=2) as connection:
                return connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
        return False

    def _run(self, *command: str) -> None:
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._folder),
            "PGBACKREST_CONFIG": str(self._folder / "pgbackrest.conf"),
            "PGBACKREST_LOG_PATH": str(self._folder),
            "PGBACKREST_LOCK_PATH": str(self._folder),
            "PGBACKREST_SPOOL_PATH": str(self._folder),
            "PGBACKREST_PG1_PORT": str(self.port),
            "PGBACKREST_PG1_SOCKET_PATH": str(self._folder),
        }
        with (self._folder / "commands.log").open("ab") as log:
            subprocess.run(
                command, cwd=self._folder, env=own, stdout=log, stderr=log, check=True,
                user=ACCOUNT, group=ACCOUNT, extra_groups=[],
            )  # fmt: skip


@contextmanager
def recoverable_server() -> Iterator[RecoverableServer]:
    """A running server, in a folder that its account can reach."""
    with tempfile.TemporaryDirectory(prefix="leadhub-pgbackrest-") as folder:
        shutil.chown(folder, ACCOUNT, ACCOUNT)
        server = RecoverableServer(Path(folder))
        try:
            server.prepare()
            yield server
        finally:
            server.stop()
