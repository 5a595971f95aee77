"""A primary PostgreSQL and its standby, of the embedded programs, each on a port of this machine."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from embedded.postgres import EmbeddedPostgres
from embedded.process import spawn_program, stop_process
from shared.platform.data_dir import DataDir, free_port
from tests.support.certificates import ServerCertificate
from tests.support.processes import descendants, kill_all
from tests.support.waiting import until

PRIMARY_SETTINGS = "wal_level = replica\nmax_wal_senders = 10\nhot_standby = on\n"
START_SECONDS = 60


class ReplicaServer:
    """A PostgreSQL with a folder and a port of its own."""

    def __init__(self, folder: Path, programs_folder: str = "") -> None:
        data_dir = DataDir(folder)
        data_dir.create_folders()
        self.postgres = EmbeddedPostgres(data_dir, programs_folder)
        self.port = free_port("127.0.0.1")
        self.program = self.postgres.child_program()
        self.password = str(urlsplit(self.postgres.database_url).password)

    @property
    def url(self) -> str:
        """The URL of this server alone."""
        return f"postgresql://leadhub:{self.password}@127.0.0.1:{self.port}/leadhub"

    def start(self, settings: str) -> None:
        """Start it with these settings, and wait until it answers."""
        place = f"listen_addresses = '127.0.0.1'\nport = {self.port}\n"
        (self.postgres.data_folder / "local.conf").write_text(place + settings, encoding="utf-8")
        self.process = spawn_program(self.program)
        until(self.does_answer, START_SECONDS, "a PostgreSQL")

    def does_answer(self) -> bool:
        """Whether it takes connections."""
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url, connect_timeout=2).close()
            return True
        return False

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Return the rows of a statement."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def wait_for(self, standby: str) -> None:
        """Have commits wait for the synchronous standby of this name, which may be absent; with `""` for none."""
        self.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
        self.execute("SELECT pg_reload_conf()")
        until(lambda: self.execute("SHOW synchronous_standby_names") == [(standby,)], what="the setting")

    def fall_behind(self) -> None:
        """Have this standby receive nothing more. It answers, and can be promoted."""
        self.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.execute("SELECT pg_reload_conf()")

    def kill(self) -> None:
        """End it as a power cut does: all its processes at once."""
        kill_all([self.process.pid, *descendants(self.process.pid)])
        self.process.wait()

    def stop(self) -> None:
        stop_process(self.process, signal.SIGINT, 30)


@contextmanager
def lone_primary(folder: Path) -> Iterator[ReplicaServer]:
    """A primary that a standby could follow."""
    primary = ReplicaServer(folder / "primary")
    primary.start(PRIMARY_SETTINGS)
    try:
        yield primary
    finally:
        primary.stop()


@contextmanager
def primary_and_standby(
    folder: Path, programs_folder: str = "", issued: ServerCertificate | None = None
) -> Iterator[tuple[ReplicaServer, ReplicaServer]]:
    """A primary, and a standby that follows it asynchronously; of a machine's programs, with TLS, if one is issued."""
    primary = ReplicaServer(folder / "primary", programs_folder)
    settings = PRIMARY_SETTINGS
    if issued:
        present_certificate(primary, issued)
        settings += "ssl = on\n"
    shutil.copytree(folder / "primary", folder / "standby", symlinks=True)
    standby = ReplicaServer(folder / "standby", programs_folder)
    (standby.postgres.data_folder / "standby.signal").touch()
    primary.start(settings)
    try:
        source = f"host=127.0.0.1 port={primary.port} user=leadhub password={primary.password}"
        standby.start(f"{settings}primary_conninfo = '{source}'\n")
        try:
            until(lambda: primary.execute("SELECT 1 FROM pg_stat_replication"), what="a standby that follows")
            yield primary, standby
        finally:
            standby.stop()
    finally:
        primary.stop()


def present_certificate(server: ReplicaServer, issued: ServerCertificate) -> None:
    """Put the certificate where the server reads it at its start, and when it is told to reload."""
    home = server.postgres.data_folder
    for source, name in ((issued.certificate, "server.crt"), (issued.key, "server.key")):
        copy = Path(shutil.copy2(source, home / name))
        os.chown(copy, home.stat().st_uid, home.stat().st_gid)  # it takes no key of another user


def either_url(primary: ReplicaServer, standby: ReplicaServer) -> str:
    """The URL that leads to the one of the two that takes writes."""
    hosts = f"host=127.0.0.1,127.0.0.1&port={primary.port},{standby.port}"
    return f"postgresql://leadhub:{primary.password}@/leadhub?{hosts}&target_session_attrs=read-write"
