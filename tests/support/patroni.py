"""Two PostgreSQL servers under Patroni and an etcd, as `docs/operations/standby.md` has them, on ports of this machine.

The file of settings is taken from the page. Only what must differ on one machine is replaced: addresses, ports,
folders, passwords, and the time after which a primary's lock ends.
"""

import http.client
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from shared.platform.data_dir import free_port
from shared.platform.installation import PROJECT_ROOT
from tests.support.processes import descendants, is_alive, kill_all
from tests.support.waiting import until

yaml: Any = pytest.importorskip("yaml")

PAGE = PROJECT_ROOT / "docs/operations/standby.md"
find_settings = re.compile(r"```yaml\n# patroni\.yml.*?\n(.*?)```", re.DOTALL).search
ACCOUNT = "postgres"  # PostgreSQL does not run as root
LOCAL = "127.0.0.1"
# The shortest that Patroni takes: thirty seconds of the page are long in a test.
SHORT_TIMES = {"ttl": 20, "loop_wait": 2, "retry_timeout": 5}
START_SECONDS = 120


def why_no_patroni() -> str:
    """Why this machine cannot run Patroni, or nothing."""
    if os.geteuid() != 0:
        return "Patroni's account is taken by root"
    if missing := [name for name in ("patroni", "etcd") if shutil.which(name) is None]:
        return f"{missing[0]} is not installed"
    if subprocess.run(["/usr/bin/python3", "-c", "import etcd"], capture_output=True).returncode:
        return "python3-etcd is not installed"
    return "" if find_programs() else "no PostgreSQL of Debian's is installed"


def find_programs() -> Path | None:
    """Return the folder of the newest PostgreSQL of Debian's."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def signal_all(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to those of the processes that are there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


class PatroniNode:
    """A Patroni with its PostgreSQL."""

    def __init__(self, name: str, folder: Path, cluster: "PatroniCluster") -> None:
        self.name = name
        self.port, self._rest_port = free_port(LOCAL), free_port(LOCAL)
        self._folder = folder
        self._cluster = cluster
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of this server alone, for LeadHub's role."""
        return f"postgresql://leadhub:{self._cluster.password}@{LOCAL}:{self.port}/leadhub"

    def execute(self, statement: str, url: str = "") -> list[tuple[object, ...]]:
        """Return the rows of a statement."""
        with psycopg.connect(url or self.url, autocommit=True, connect_timeout=3) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def is_primary(self) -> bool:
        """Whether it answers and takes writes."""
        return self._recovers() is False

    def is_standby(self) -> bool:
        """Whether it answers and follows another one."""
        return self._recovers() is True

    def synchronous_standbys(self) -> list[object]:
        """The names of the standbys for which commits of this primary wait."""
        rows = self.execute(
            "SELECT application_name FROM pg_stat_replication WHERE sync_state = 'sync'", self._cluster.admin_url(self)
        )
        return [name for (name,) in rows]

    def role(self) -> str:
        """What Patroni says that it is: primary, replica, or none of them yet."""
        with closing(http.client.HTTPConnection(LOCAL, self._rest_port, timeout=3)) as connection:
            connection.request("GET", "/patroni")
            return str(json.load(connection.getresponse()).get("role"))

    def log(self) -> str:
        """What Patroni and its PostgreSQL have written."""
        return self._folder.with_suffix(".log").read_text(encoding="utf-8")

    def start(self) -> None:
        """Start Patroni, which makes or starts the server."""
        settings = self._folder / "patroni.yml"
        settings.write_text(yaml.safe_dump(self._settings()), encoding="utf-8")
        shutil.chown(settings, ACCOUNT)
        self._process = self._cluster.spawn(self.name, "patroni", str(settings))

    def kill(self) -> None:
        """End Patroni and its PostgreSQL at once, as a power cut does."""
        assert self._process is not None
        postmaster = self._postmaster()
        kill_all([self._process.pid, *descendants(self._process.pid), *postmaster])
        self._process.wait()

    def kill_patroni(self) -> None:
        """End Patroni alone: its PostgreSQL goes on, and takes writes until somebody stops it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @contextmanager
    def frozen_patroni(self) -> Iterator[None]:
        """Patroni alone stands still for as long as the block lasts; its PostgreSQL goes on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Patroni and its PostgreSQL stand still for as long as the block lasts: connections stay, answers do not come.

        So does a machine whose packets are dropped.
        """
        assert self._process is not None
        pids = [self._process.pid, *descendants(self._process.pid), *self._postmaster()]
        try:
            signal_all(pids, signal.SIGSTOP)
            yield
        finally:
            signal_all(pids, signal.SIGCONT)

    def stop(self) -> None:
        """End whatever of it still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(30)
        kill_all(self._postmaster())

    def _postmaster(self) -> list[int]:
        # It is no child of Patroni's, which can be restarted without it.
        with suppress(FileNotFoundError, IndexError, ValueError):
            pid = int((self._folder / "data/postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
            return [pid, *descendants(pid)] if is_alive(pid) else []
        return []

    def _recovers(self) -> bool | None:
        with suppress(psycopg.Error):
            return bool(self.execute("SELECT pg_is_in_recovery()", self._cluster.admin_url(self))[0][0])
        return None

    def _settings(self) -> dict[str, Any]:
        page = find_settings(PAGE.read_text(encoding="utf-8"))
        assert page is not None, "the page has no patroni.yml"
        settings: dict[str, Any] = yaml.safe_load(page[1])
        programs = find_programs()
        settings["name"] = self.name
        settings["restapi"] = dict.fromkeys(("listen", "connect_address"), f"{LOCAL}:{self._rest_port}")
        settings["etcd3"]["hosts"] = f"{LOCAL}:{self._cluster.etcd_port}"
        settings["bootstrap"]["dcs"] |= SHORT_TIMES
        own = settings["postgresql"]
        own["listen"] = own["connect_address"] = f"{LOCAL}:{self.port}"
        own["data_dir"], own["bin_dir"] = str(self._folder / "data"), str(programs)
        own["pg_hba"] = [line.replace("10.0.0.0/8", f"{LOCAL}/32") for line in own["pg_hba"]]
        for role in own["authentication"].values():
            role["password"] = self._cluster.password
        # The folder of sockets that Debian's programs are made for is not this account's everywhere.
        own["parameters"] = {"unix_socket_directories": str(self._folder)}
        return settings


class PatroniCluster:
    """An etcd and two nodes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.password = secrets.token_hex(16)
        self.etcd_port, self._peer_port = free_port(LOCAL), free_port(LOCAL)
        self.nodes = tuple(PatroniNode(name, self._make_folder(name), self) for name in ("db1", "db2"))
        self._etcd: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address that the page gives: both servers, and the one that takes writes is meant."""
        ports = ",".join(str(node.port) for node in self.nodes)
        hosts = f"host={LOCAL},{LOCAL}&port={ports}&target_session_attrs=read-write"
        return f"postgresql://leadhub:{self.password}@/leadhub?{hosts}"

    def admin_url(self, node: PatroniNode) -> str:
        """The URL of a node for the superuser."""
        return f"postgresql://postgres:{self.password}@{LOCAL}:{node.port}/postgres"

    def start(self) -> Self:
        """Start all, the first node ahead of the second, and make LeadHub's database as the page says."""
        self._make_folder("etcd")
        self.start_etcd()
        first, second = self.nodes
        first.start()
        until(first.is_primary, START_SECONDS, "the first primary")
        second.start()
        until(lambda: first.synchronous_standbys() == [second.name], START_SECONDS, "the synchronous standby")
        made = ["-c", f"CREATE ROLE leadhub LOGIN PASSWORD '{self.password}'"]
        made += ["-c", "CREATE DATABASE leadhub OWNER leadhub"]
        programs = find_programs()
        assert programs is not None
        command = [str(programs / "psql"), "-h", LOCAL, "-p", str(first.port), "-U", "postgres", *made]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PGPASSWORD": self.password})
        return self

    def start_etcd(self) -> None:
        """Start etcd, with what it knew before."""
        peers, clients = f"http://{LOCAL}:{self._peer_port}", f"http://{LOCAL}:{self.etcd_port}"
        options = ["--data-dir", str(self._folder / "etcd/data"), "--listen-client-urls", clients]
        options += ["--advertise-client-urls", clients, "--listen-peer-urls", peers]
        options += ["--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}"]
        self._etcd = self.spawn("etcd", "etcd", *options)

    def kill_etcd(self) -> None:
        """End etcd at once."""
        if self._etcd is not None:
            self._etcd.kill()
            self._etcd.wait()

    def stop(self) -> None:
        """End whatever of it still runs."""
        for node in self.nodes:
            node.stop()
        self.kill_etcd()

    def spawn(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        """Start a program as the account of PostgreSQL. It writes to a log in the folder."""
        home = self._folder / name  # Patroni keeps a file of passwords in it
        with (self._folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=home, stdout=log, stderr=log, user=ACCOUNT, group=ACCOUNT, extra_groups=[],
                start_new_session=True, env={"PATH": os.environ["PATH"], "HOME": str(home)},
            )  # fmt: skip

    def _make_folder(self, name: str) -> Path:
        made = self._folder / name
        made.mkdir()
        shutil.chown(made, ACCOUNT, ACCOUNT)
        return made


@contextmanager
def patroni_cluster() -> Iterator[PatroniCluster]:
    """A running cluster, in a folder that its account can reach."""
    with tempfile.TemporaryDirectory(prefix="leadhub-patroni-") as folder:
        Path(folder).chmod(0o755)
        cluster = PatroniCluster(Path(folder))
        try:
            yield cluster.start()
        finally:
            cluster.stop()
