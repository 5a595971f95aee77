"""PostgreSQL's tables go to the disk a little at a time: real files, and the kernel's own account of them."""

import os
import time
from pathlib import Path

import pytest

from embedded.dirty_page_flusher import HARMLESS_DIRTY_KIB, DirtyPageFlusher
from tests.support.page_cache import dirty_pages

PAGES = HARMLESS_DIRTY_KIB // 4 + 1000  # of 4 KiB: by itself enough for a machine with nothing else to write
SOON = 15.0  # seconds: a busy disk takes its time, the kernel by itself would wait for thirty


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "base" / "12784" / "2619"
    path.parent.mkdir(parents=True)
    grow(path)
    if not dirty_pages(path):
        pytest.skip("this file system keeps nothing for later")
    return path


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(4096 * PAGES))


def is_written_soon(path: Path) -> bool:
    """The kernel by itself would wait for half a minute."""
    deadline = time.monotonic() + SOON
    while dirty_pages(path) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not dirty_pages(path)


def test_new_table_pages_are_written_soon(table: Path) -> None:
    writeback = DirtyPageFlusher(table.parents[1])
    writeback.begin_writing()
    assert is_written_soon(table)
    grow(table)
    writeback.begin_writing()
    assert is_written_soon(table)


def test_unchanged_files_are_not_flushed(table: Path) -> None:
    writeback = DirtyPageFlusher(table.parents[1])
    writeback.begin_writing()
    assert is_written_soon(table)
    before = table.stat()
    grow(table)
    os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))
    writeback.begin_writing()
    assert dirty_pages(table)


def test_flusher_survives_files_that_come_and_go(table: Path) -> None:
    DirtyPageFlusher(table.parents[1]).start()
    assert is_written_soon(table)
    table.unlink()
    table.parent.rmdir()
    table.parent.mkdir()
    grow(table)
    assert is_written_soon(table)
