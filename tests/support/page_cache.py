"""The kernel's own account of what a file has in memory.

Source: https://man7.org/linux/man-pages/man2/cachestat.2.html
"""

import ctypes
import errno
from pathlib import Path

import pytest

CACHESTAT = 451  # the number of the system call, the same on every architecture; since Linux 6.5


class Range(ctypes.Structure):
    """`struct cachestat_range`: in bytes, a length of 0 to the end."""

    _fields_ = (("offset", ctypes.c_uint64), ("length", ctypes.c_uint64))


class Pages(ctypes.Structure):
    """`struct cachestat`, in pages of memory."""

    _fields_ = tuple(
        (name, ctypes.c_uint64) for name in ("cached", "dirty", "writeback", "evicted", "recently_evicted")
    )


def dirty_pages(path: Path) -> int:
    """How many of a file's pages wait to be written. Skips the test where the kernel does not say."""
    found = Pages()
    libc = ctypes.CDLL(None, use_errno=True)
    with path.open("rb") as file:
        if libc.syscall(CACHESTAT, file.fileno(), ctypes.byref(Range(0, 0)), ctypes.byref(found), 0) != 0:
            error = ctypes.get_errno()
            pytest.skip(f"the kernel tells nothing of a file's pages: {errno.errorcode.get(error, error)}")
    return int(found.dirty)
