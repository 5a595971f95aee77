"""The files in which the processes of a machine share their metrics, allocated before prometheus-client maps them.

The library creates sparse files. On a full disk, a write to a hole of a mapped file ends the process with SIGBUS.
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

# Kinds of metrics: each process has one file per kind.
METRIC_FILE_KINDS = ("counter", "histogram", "gauge_livesum", "gauge_mostrecent")
FILE_HEADER_BYTES = 8  # bytes in a file before its first entry
# Bytes of a file. The library creates 64 KiB and enlarges the file, with holes, after some twenty routes. Half of this
# size is enough for all metrics of one process; a file that earlier runs have filled further is discarded.
METRIC_FILE_BYTES = 2 << 20


@cache
def process_label(folder: Path) -> str:
    """Return the label in this process's file names: its configured name, or the lowest number not in use.

    A restarted process continues its own counters. With process ids as labels, every run would leave four files behind,
    and gauges such as waiting callers would keep the values of dead processes.
    """
    name = re.sub(r"[^A-Za-z0-9]+", "-", os.environ.get("LEADHUB_PROCESS_NAME", ""))
    return name or next(str(number) for number in count(1) if _try_lock_file(folder / f"{number}.lock"))


def _try_lock_file(lock: Path) -> bool:
    """Try to take the lock, which the process keeps as long as it lives. Return whether it succeeded."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    return True


def preallocate_files(folder: Path) -> bool:
    """Allocate this process's files. Return whether there was room on the disk.

    If the disk is full, no file is left, and the process keeps its metrics to itself.
    """
    files = list[Path]()
    try:
        files += [folder / f"{kind}_{process_label(folder)}.db" for kind in METRIC_FILE_KINDS]
        for path in files:
            if path.name.startswith("gauge") or not _is_readable_file(path):
                path.unlink(missing_ok=True)
            with path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, METRIC_FILE_BYTES)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        for path in files:
            path.unlink(missing_ok=True)
        return False
    return True


def _is_readable_file(path: Path) -> bool:
    """Return whether the file of an earlier run is readable and has room left. A crash of the machine may damage it.

    A file begins with the number of bytes in use, four bytes long, which is 0 in a new file.
    """
    if not path.exists():
        return True
    with path.open("rb") as file:
        used = int.from_bytes(file.read(4), sys.byteorder, signed=True)
    if used != 0 and not FILE_HEADER_BYTES <= used <= min(path.stat().st_size, METRIC_FILE_BYTES // 2):
        return False
    try:
        list(MmapedDict.read_all_values_from_file(str(path)))  # type: ignore[no-untyped-call]
    except Exception:  # a damaged file can raise any error
        return False
    return True
