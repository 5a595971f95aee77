"""CPU time and memory of a process and all its descendants, read from /proc."""

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

TICK_MICROSECONDS = 1_000_000 // os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

# A role and the text in its command line; the first match counts. PostgreSQL's backends rewrite their command lines.
ROLE_MARKERS = (
    ("gateway", "leadhub gateway"),
    ("sweeper", "leadhub sweeper"),
    ("worker", "celery"),
    ("postgres", "postgres"),
    ("broker", "valkey-server"),
    ("fork server", "leadhub fork-server"),
    ("supervisor", "leadhub up"),
)


@dataclass(frozen=True)
class ProcessUsage:
    pid: int
    parent: int
    role: str
    cpu_us: int  # microseconds, including reaped children
    rss_bytes: int  # bytes


def cpu_by_role(root: int) -> Counter[str]:
    """Return the CPU microseconds so far of `root` and its descendants by role, including reaped children."""
    totals: Counter[str] = Counter()
    for process in process_tree(root):
        totals[process.role] += process.cpu_us
    return totals


def resident_bytes(root: int, role: str) -> int:
    """Return the resident bytes of the processes of a role. Shared pages count for each process."""
    return sum(process.rss_bytes for process in process_tree(root) if process.role == role)


def proportional_bytes(pid: int) -> int:
    """Return the resident bytes of a process, of shared pages its share; 0 if it has just ended."""
    try:
        rollup = Path("/proc", str(pid), "smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(rollup.partition("\nPss:")[2].split()[0]) << 10


def process_tree(root: int) -> list[ProcessUsage]:
    """Return `root` and its live descendants."""
    everything = {process.pid: process for process in map(read_process, all_pids()) if process is not None}
    children: defaultdict[int, list[ProcessUsage]] = defaultdict(list)
    for process in everything.values():
        children[process.parent].append(process)
    found = [everything[root]] if root in everything else []
    for process in found:  # grows while it is walked
        found.extend(children[process.pid])
    return found


def all_pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def read_process(pid: int) -> ProcessUsage | None:
    """Read a process from /proc; None if it has just ended."""
    folder = Path("/proc", str(pid))
    try:
        command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        # The second field is the program's name in brackets, which may hold anything; what follows is regular.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    cpu = sum(int(ticks) for ticks in fields[11:15]) * TICK_MICROSECONDS
    return ProcessUsage(pid, int(fields[1]), role_of(command), cpu, int(fields[21]) * PAGE_BYTES)


def role_of(command: str) -> str:
    return next((role for role, mark in ROLE_MARKERS if mark in command), "other")
