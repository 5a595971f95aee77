"""CPU time and memory of a process and all its descendants, read from /proc."""

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

TICK = 1_000_000 // os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

# A role and the text in its command line; the first match counts. PostgreSQL's backends rewrite their command lines.
ROLES = (
    ("gateway", "leadhub gateway"),
    ("sweeper", "leadhub sweeper"),
    ("worker", "celery"),
    ("postgres", "postgres"),
    ("broker", "valkey-server"),
)


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    role: str
    cpu: int  # microseconds, including reaped children
    rss: int  # bytes


def cpu_by_role(root: int) -> Counter[str]:
    """Return the CPU microseconds so far of `root` and its descendants by role, including reaped children."""
    totals: Counter[str] = Counter()
    for process in tree(root):
        totals[process.role] += process.cpu
    return totals


def rss(root: int, role: str) -> int:
    """Return the resident bytes of the processes of a role. Shared pages count for each process."""
    return sum(process.rss for process in tree(root) if process.role == role)


def tree(root: int) -> list[Process]:
    """Return `root` and its live descendants."""
    everything = {process.pid: process for process in map(read, pids()) if process is not None}
    children: defaultdict[int, list[Process]] = defaultdict(list)
    for process in everything.values():
        children[process.parent].append(process)
    found = [everything[root]] if root in everything else []
    for process in found:  # grows while it is walked
        found.extend(children[process.pid])
    return found


def pids() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def read(pid: int) -> Process | None:
    """Read a process from /proc; None if it has just ended."""
    folder = Path("/proc", str(pid))
    try:
        command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        # The second field is the program's name in brackets, which may hold anything; what follows is regular.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    cpu = sum(int(ticks) for ticks in fields[11:15]) * TICK
    return Process(pid, int(fields[1]), role_of(command), cpu, int(fields[21]) * PAGE)


def role_of(command: str) -> str:
    return next((role for role, mark in ROLES if mark in command), "other")
