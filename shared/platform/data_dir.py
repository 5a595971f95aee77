"""The data dir: the folder that holds all state, with a lock for the process that runs servers on it."""

import errno
import fcntl
import os
import random
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SOCKET_PATH_LIMIT = 107  # bytes, of the kernel's `sun_path`
COMMAND_KIND = "command"
SERVICE_KIND = "service"
ENCRYPTION_KEY_NAME = "key"  # the secret that encrypts stored credentials
SERVER_PORT_RANGE = range(20_000, 32_000)


class DataDirInUse(RuntimeError):
    """Raised if another process runs the servers of this data dir."""


class DataDir:
    """Paths, secrets and the lock of one data dir."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.run_dir = self.path / "run"
        self.logs_dir = self.path / "logs"
        self.secrets_dir = self.path / "secrets"

    def create_folders(self) -> None:
        """Make the folders, for this user only."""
        if self.path.is_symlink() and not self.path.exists():
            raise RuntimeError(f"the data dir {self.path} is a link to nothing: {self.path.readlink()}")
        for folder in (self.path, self.run_dir, self.logs_dir, self.secrets_dir):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def get_or_create_secret(self, name: str) -> str:
        """Return the secret of that name, created on first use."""
        path = self.secrets_dir / name
        if not path.exists():
            self.create_folders()
            side = self._write_temporary(path, secrets.token_urlsafe(32))
            with suppress(FileExistsError):  # another process made it at the same time: its secret counts
                path.hardlink_to(side)
            side.unlink()
            sync_folder(self.secrets_dir)
        return path.read_text()

    def has_secret(self, name: str) -> bool:
        return (self.secrets_dir / name).exists()

    def replace_secret(self, name: str, text: str) -> None:
        """Replace a secret atomically: a crash leaves the old one or the new one."""
        self.create_folders()
        path = self.secrets_dir / name
        self._write_temporary(path, text).rename(path)
        sync_folder(self.secrets_dir)

    def socket_path(self, name: str) -> Path | None:
        """Return the path of a unix socket in `run/`, or None if the path is too long for the kernel."""
        path = self.run_dir / name
        return path if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT else None

    def server_port(self, name: str) -> int:
        """Return the TCP port used if the socket path is too long. It is chosen once and kept for later commands."""
        path = self.run_dir / f"{name}.port"
        if not path.exists():
            path.write_text(str(free_port("127.0.0.1")))
        return int(path.read_text())

    def forget_ports(self) -> None:
        """Remove the kept ports before a start: other programs may use them by now."""
        for path in self.run_dir.glob("*.port"):
            path.unlink()

    def record_base_url(self, url: str) -> None:
        """Note what the addresses of the running services start with, for commands that print links."""
        (self.run_dir / "base_url").write_text(url)

    def running_base_url(self) -> str:
        """Return what `record_base_url` noted if the services run, else an empty text."""
        path, owner = self.run_dir / "base_url", self.lock_owner()
        return path.read_text() if owner and owner[1] == SERVICE_KIND and path.exists() else ""

    def lock_owner(self) -> tuple[int, str] | None:
        """Return the id and the kind (command or service) of the process that runs the servers, or None."""
        try:
            with self._lock_file().open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            pid, _, kind = self._lock_file().read_text().partition(" ")
            signed = kind and Path(f"/proc/{pid}").exists()  # otherwise just locked, with the text of the last owner
            return (int(pid), kind) if signed else (0, COMMAND_KIND)
        return None

    @contextmanager
    def hold_lock(self, kind: str, patience: float = 60) -> Iterator[None]:
        """Hold the right to run servers here.

        Waits up to `patience` seconds for a command; raises an error for a service, or if time is up.
        """
        self.create_folders()
        descriptor = os.open(self._lock_file(), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._acquire_lock(descriptor, time.monotonic() + patience)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {kind}".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def _write_temporary(self, path: Path, text: str) -> Path:
        side = path.with_suffix(f".{os.getpid()}")
        side.unlink(missing_ok=True)
        with os.fdopen(os.open(side, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        return side

    def _acquire_lock(self, descriptor: int, deadline: float) -> None:
        while True:
            try:
                return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pid, kind = self.lock_owner() or (0, COMMAND_KIND)
                if kind == SERVICE_KIND or time.monotonic() > deadline:
                    raise DataDirInUse(f"{self.path} is in use by the leadhub process {pid}") from None
            time.sleep(0.05)

    def _lock_file(self) -> Path:
        return self.run_dir / "servers.lock"


def sync_folder(path: Path) -> None:
    """Write the names in a folder to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def free_port(host: str) -> int:
    """Return a TCP port that no program listens on at this moment.

    It is outside the range that the kernel gives to outgoing connections: one of these could take it while its server
    is down.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = random.choice(SERVER_PORT_RANGE)  # noqa: S311  # not a secret
        with socket.socket(family) as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
