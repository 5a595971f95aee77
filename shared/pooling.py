"""The files in which the processes of a machine pool what they count. They are made before prometheus-client maps them.

It would make them with holes, and on a full disk to count into a hole ends the process with SIGBUS.
"""

import errno
import fcntl
import os
import re
import sys
from functools import cache
from itertools import count
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict

KINDS = ("counter", "histogram", "gauge_livesum", "gauge_mostrecent")  # of metrics: a process has a file for each
BEGINS = 8  # bytes of a file before its first entry
# Bytes of a file; the library makes 64 KiB, which it has to enlarge, with holes, for some twenty routes. Half of it has
# room for all that one life of a process counts: what more its former lives left is dropped.
ROOM = 2 << 20


@cache
def identity(folder: Path) -> str:
    """The name of this process's files: its own name, else the first number that no living process has.

    A process that is started again counts on. Under its process id each of its lives would leave four files, and
    callers who wait for ever in one of them.
    """
    name = re.sub(r"[^A-Za-z0-9]+", "-", os.environ.get("LEADHUB_PROCESS_NAME", ""))
    return name or next(str(number) for number in count(1) if _claimed(folder / f"{number}.lock"))


def _claimed(lock: Path) -> bool:
    """Whether this process has the lock, which it keeps for as long as it lives."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    return True


def has_room(folder: Path) -> bool:
    """Makes this process's files. Where the disk is full there are none: it counts for itself alone then, and lives."""
    files = list[Path]()
    try:
        files += [folder / f"{kind}_{identity(folder)}.db" for kind in KINDS]
        for path in files:
            if path.name.startswith("gauge") or not _is_sound(path):
                path.unlink(missing_ok=True)
            with path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, ROOM)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        for path in files:
            path.unlink(missing_ok=True)
        return False
    return True


def _is_sound(path: Path) -> bool:
    """Whether what a former life counted can be read, and leaves room: not where the machine went down with it.

    A file begins with how much of it is used, a number of four bytes; none of it where it is new.
    """
    if not path.exists():
        return True
    with path.open("rb") as file:
        used = int.from_bytes(file.read(4), sys.byteorder, signed=True)
    if used != 0 and not BEGINS <= used <= min(path.stat().st_size, ROOM // 2):
        return False
    try:
        list(MmapedDict.read_all_values_from_file(str(path)))  # type: ignore[no-untyped-call]
    except Exception:  # whatever a file of noise comes to
        return False
    return True
