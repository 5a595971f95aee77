"""The descendants of `up`: its children and their children."""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
ORPHAN_GRACE_SECONDS = 5.0  # seconds; PostgreSQL's processes notice meanwhile that their server is gone
KILL_TIMEOUT_SECONDS = 10.0  # a kill may take long, such as that of a process that waits for its disk


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent dies. Otherwise they could not be found any more."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def reap_orphans(known: Set[int]) -> None:
    """Collect the exit statuses of adopted children. Leave those in `known` to the code that started them."""
    with suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in known:
                return
            os.waitpid(ended.si_pid, os.WNOHANG)


def live_descendants(spared: Set[int] = frozenset()) -> dict[int, str]:
    """Return the live descendants of this process by id, with their names. Zombies do not count.

    The `spared` are left out with their own descendants, such as what a spared server forked since.
    """
    parents = _process_table()
    pids = [os.getpid()]
    for pid in pids:  # grows while it is walked
        pids.extend(child for child in _children_of(pid, parents) if child not in spared)
    return {pid: parents[pid][1] for pid in pids[1:] if parents[pid][2] not in "ZX"}


def end_descendants(spared: Set[int], is_hurried: Callable[[], bool]) -> tuple[list[str], list[str]]:
    """End the remaining descendants, except the `spared` and theirs.

    Return the killed ones and those that could not be killed. A process that ends by itself within the grace period is
    in neither list. `is_hurried` skips the grace period.
    """
    killed: dict[int, str] = {}
    began = time.monotonic()
    while (
        remaining := _remaining_descendants(spared)
    ) and time.monotonic() - began < ORPHAN_GRACE_SECONDS + KILL_TIMEOUT_SECONDS:
        if is_hurried() or time.monotonic() - began > ORPHAN_GRACE_SECONDS:
            killed |= remaining
            _kill_all(remaining)
        time.sleep(0.02)
    ended = {pid: name for pid, name in killed.items() if pid not in remaining}
    return _process_labels(ended), _process_labels(remaining)


def _kill_all(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _process_labels(found: dict[int, str]) -> list[str]:
    return [f"{name} ({pid})" for pid, name in found.items()]


def _remaining_descendants(spared: Set[int]) -> dict[int, str]:
    reap_orphans(spared)
    return live_descendants(spared)


def _process_table() -> dict[int, tuple[int, str, str]]:
    """Return parent, name and state of each process of this machine."""
    return dict(_scan_processes())


def _scan_processes() -> Iterator[tuple[int, tuple[int, str, str]]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):  # it ended between the listing and this line
                head, _, tail = Path(entry.path, "stat").read_text().rpartition(")")
                state, parent = tail.split()[:2]
                yield int(entry.name), (int(parent), head.partition("(")[2], state)


def _children_of(pid: int, parents: dict[int, tuple[int, str, str]]) -> list[int]:
    return [child for child, (parent, _, _) in parents.items() if parent == pid]
