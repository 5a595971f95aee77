"""What the measured processes cost: CPU time and memory of a process and all its descendants, read from /proc."""

import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

TICK = 1_000_000 // os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

# What a command line contains names the role; the first that fits counts. PostgreSQL's backends rewrite theirs.
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
    cpu: int  # microseconds, its reaped children's included
    rss: int  # bytes


def cpu_by_role(root: int) -> Counter[str]:
    """CPU microseconds so far of `root` and its descendants, the ended ones included where their parent reaped them."""
    totals: Counter[str] = Counter()
    for process in tree(root):
        totals[process.role] += process.cpu
    return totals


def rss(root: int, role: str) -> int:
    """Bytes resident in the processes of a role, pages that they share counted for each."""
    return sum(process.rss for process in tree(root) if process.role == role)


def tree(root: int) -> list[Process]:
    """`root` and its descendants, as far as they live."""
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
    """None for a process that has just ended."""
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
