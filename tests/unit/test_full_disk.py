"""A process on a full disk goes on: it is the one that has to say 503."""

import os
import subprocess
import sys
from pathlib import Path

from shared.settings import PROJECT_ROOT

LOG = """
from shared import logging
logging.configure("gateway")
logging.get().warning("told")
logging.put(b"told")
print("goes on")
"""
COUNT = "import shared.metrics"


def run(code: str, stderr: int | None = None, **env: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command,
        cwd=PROJECT_ROOT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        check=True,
    )
    return done.stdout


def test_lines_that_cannot_be_written_are_lost() -> None:
    with Path("/dev/full").open("wb") as full:
        assert run(LOG, full.fileno()) == "goes on\n"


def test_room_for_what_is_counted_is_claimed_at_the_start(tmp_path: Path) -> None:
    """The library maps files with holes: on a full disk, to count into one ends the process with SIGBUS."""
    run(COUNT, LEADHUB_METRICS_DIR=str(tmp_path))
    files = [path.stat() for path in tmp_path.glob("*.db")]
    assert len(files) == 4  # counters, histograms, two kinds of gauges
    assert all(file.st_blocks * 512 >= file.st_size > 0 for file in files)
