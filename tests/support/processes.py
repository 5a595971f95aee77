"""Finding the processes of a running `up` by what their command lines say, which name the role of each."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress

import psutil

# What has to stand in a command line, all of it. Backends of PostgreSQL rewrite theirs, so only the postmaster fits.
ROLES = {
    "gateway": ("leadhub gateway",),
    "worker": ("celery", " worker "),
    "sweeper": ("leadhub sweeper",),
    "postgres": ("bin/postgres -D",),
    "broker": ("valkey-server", "broker.conf"),
    "spool": ("valkey-server", "spool.conf"),
}
GUARD = "embedded.child_launcher"  # what a child is between fork and exec; it bears the command line of what it becomes


def pids_of(root: int, role: str) -> list[int]:
    """The live processes of a role under the process `root`."""
    found = ((pid, command_line(pid)) for pid in descendants(root))
    return [pid for pid, command in found if GUARD not in command and all(mark in command for mark in ROLES[role])]


def descendants(root: int) -> list[int]:
    """The live processes under `root`, without itself; zombies are not alive."""
    try:
        return [process.pid for process in psutil.Process(root).children(recursive=True) if is_alive(process.pid)]
    except psutil.NoSuchProcess:
        return []


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def start_time(pid: int) -> float:
    """When the process started, in seconds since the epoch; 0 when it has ended. A used id comes again."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def command_line(pid: int) -> str:
    """Its words with spaces between, empty when it has ended."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ""


def kill_all(pids: Iterable[int]) -> None:
    """Send SIGKILL to all that are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
