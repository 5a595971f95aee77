"""Flush PostgreSQL's dirty pages to disk a little at a time.

A table grows by pages of zeros that PostgreSQL leaves to the kernel, and the kernel keeps them for half a minute. Then
it writes a whole burst at once, such as 300 MB for 80,000 leads, and every commit of that moment waits. If the kernel
is asked to write every second, it never has much to write.

Source: https://man7.org/linux/man-pages/man2/sync_file_range.2.html
"""

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PASS_INTERVAL_SECONDS = 1.0  # seconds between two passes
HARMLESS_DIRTY_KIB = 16 << 10  # KiB that a disk writes before anybody notices, such as on a machine with nothing to do
SYNC_FILE_RANGE_WRITE = 2  # starts writing and does not wait
FILE_START, TO_END_OF_FILE = ctypes.c_int64(0), ctypes.c_int64(0)  # an offset and a length
IGNORED_DATABASES = {"1", "4", "5"}  # PostgreSQL's own databases by number: template1, template0, postgres

_libc = ctypes.CDLL(None)


class DirtyPageFlusher:
    """Flushes the files in the folders of `base`, PostgreSQL's folder of databases."""

    def __init__(self, base: Path) -> None:
        self._databases_folder = base
        self._written_at: dict[str, int] = {}  # modification time of each file at the last pass

    def start(self) -> None:
        """Run in a thread for as long as this process lives. It needs a thread since a busy disk makes it wait."""
        if hasattr(_libc, "sync_file_range"):  # only Linux has it
            threading.Thread(target=self._run_forever, name="writeback", daemon=True).start()

    def begin_writing(self) -> None:
        """Have the kernel start writing the files that have changed since the last time."""
        changed = dict(self._changed_files())
        for path, at in changed.items():
            if self._written_at.get(path) != at:
                _begin_writing_file(path)
        self._written_at = changed

    def _run_forever(self) -> None:
        while True:
            with suppress(OSError):  # PostgreSQL creates and removes files at any time
                if dirty_kib() > HARMLESS_DIRTY_KIB:
                    self.begin_writing()
            time.sleep(PASS_INTERVAL_SECONDS)

    def _changed_files(self) -> Iterator[tuple[str, int]]:
        for database in os.scandir(self._databases_folder):
            if database.name not in IGNORED_DATABASES:
                for file in os.scandir(database):
                    with suppress(FileNotFoundError):
                        yield file.path, file.stat().st_mtime_ns


def dirty_kib() -> int:
    """Return the KiB that the machine has still to write to its disks."""
    return int(Path("/proc/meminfo").read_text().partition("\nDirty:")[2].split()[0])


def _begin_writing_file(path: str) -> None:
    with suppress(FileNotFoundError):
        file = os.open(path, os.O_RDONLY)
        try:
            _libc.sync_file_range(file, FILE_START, TO_END_OF_FILE, SYNC_FILE_RANGE_WRITE)
        finally:
            os.close(file)
