"""The processes below `up`: what it started, and what these started in turn."""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
GRACE = 5.0  # seconds in which PostgreSQL's processes notice that their server is gone
KILL_SECONDS = 10.0  # what a kill may take, as of a process that waits for its disk


def adopt_orphans() -> None:
    """Have every process whose parent dies below this one become this one's child: else none would find it any more."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def reap_orphans(known: Set[int]) -> None:
    """Take note of the end of adopted children. Those of `known` ids are left to whoever started them."""
    with suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in known:
                return
            os.waitpid(ended.si_pid, os.WNOHANG)


def descendants() -> dict[int, str]:
    """The live processes below this one, with their names. Zombies are not alive."""
    parents = _parents()
    found = [os.getpid()]
    for pid in found:  # grows while it is walked
        found.extend(_children(pid, parents))
    return {pid: parents[pid][1] for pid in found[1:] if parents[pid][2] not in "ZX"}


def end_all(spared: Set[int], is_hurried: Callable[[], bool]) -> tuple[list[str], list[str]]:
    """End what is left below this process, but for `spared`: what had to be killed, and what could not be.

    What ends by itself within the grace is neither. There is no grace for who is hurried.
    """
    killed: dict[int, str] = {}
    began = time.monotonic()
    while (left := _left(spared)) and time.monotonic() - began < GRACE + KILL_SECONDS:
        if is_hurried() or time.monotonic() - began > GRACE:
            killed |= left
            _kill(left)
        time.sleep(0.02)
    return _named({pid: name for pid, name in killed.items() if pid not in left}), _named(left)


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _named(found: dict[int, str]) -> list[str]:
    return [f"{name} ({pid})" for pid, name in found.items()]


def _left(spared: Set[int]) -> dict[int, str]:
    reap_orphans(spared)
    return {pid: name for pid, name in descendants().items() if pid not in spared}


def _parents() -> dict[int, tuple[int, str, str]]:
    """Of each process of this machine: its parent, name and state."""
    return dict(_each_process())


def _each_process() -> Iterator[tuple[int, tuple[int, str, str]]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):  # it ended between the listing and this line
                head, _, tail = Path(entry.path, "stat").read_text().rpartition(")")
                state, parent = tail.split()[:2]
                yield int(entry.name), (int(parent), head.partition("(")[2], state)


def _children(pid: int, parents: dict[int, tuple[int, str, str]]) -> list[int]:
    return [child for child, (parent, _, _) in parents.items() if parent == pid]
