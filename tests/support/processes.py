"""Finding the processes of a running `up` by what their command lines say, as the contract promises they do."""

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


def command_line(pid: int) -> str:
    """Its words with spaces between, empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _parent(pid: int) -> int | None:
    try:
        # The name in brackets may hold anything; what follows it is regular: state, parent, …
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else int(parent)
