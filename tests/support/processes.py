"""Finding the processes of a running `up` by what their command lines say, which name the role of each."""

from collections import defaultdict
from pathlib import Path

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
    children: defaultdict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(int(entry.name))) is not None:
            children[parent].append(int(entry.name))
    found = list(children[root])
    for pid in found:  # grows while it is walked
        found.extend(children[pid])
    return found


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    return _parent(pid) is not None


def start_time(pid: int) -> int:
    """When the process started, in ticks since the machine did; 0 when it has ended. A used id comes again."""
    fields = _stat_fields(pid)
    return int(fields[19]) if fields else 0


def command_line(pid: int) -> str:
    """Its words with spaces between, empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _parent(pid: int) -> int | None:
    fields = _stat_fields(pid)
    return None if not fields or fields[0] in "ZX" else int(fields[1])


def _stat_fields(pid: int) -> list[str]:
    """What its status says, none when it has ended: state, parent, …"""
    try:
        # The name in brackets may hold anything; what follows it is regular.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
