"""CPU time and memory of a process and all its descendants."""

from collections import Counter
from dataclasses import dataclass

import psutil

MICROSECONDS = 1_000_000

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
        return int(psutil.Process(pid).memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0


def process_tree(root: int) -> list[ProcessUsage]:
    """Return `root` and its live descendants."""
    try:
        top = psutil.Process(root)
        found = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
    return [usage for usage in map(read_process, found) if usage is not None]


def read_process(process: psutil.Process) -> ProcessUsage | None:
    """Read what a process uses; None if it has just ended."""
    try:
        with process.oneshot():
            cpu = round(sum(process.cpu_times()[:4]) * MICROSECONDS)  # its own and of reaped children: user, system
            return ProcessUsage(process.pid, role_of(" ".join(process.cmdline())), cpu, process.memory_info().rss)
    except psutil.NoSuchProcess:
        return None


def role_of(command: str) -> str:
    return next((role for role, mark in ROLE_MARKERS if mark in command), "other")
