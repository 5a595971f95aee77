"""A process on a full disk goes on: it is the one that has to say 503."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.platform.installation import PROJECT_ROOT
from shared.platform.observability.metrics_files import METRIC_FILE_BYTES, METRIC_FILE_KINDS

LOG = """
from shared.platform.observability import logging
logging.configure_logging("gateway")
logging.get_logger().warning("told")
logging.write_lines(b"told")
print("goes on")
"""
SAY = """
from cli.common import notify_operator
notify_operator("worker-1 ended")
print("goes on")
"""
COUNT = """
from shared.platform.observability import metrics
metrics.PUBLISHED_HINTS.labels("sent").inc()
print(metrics.render_metrics().decode())
"""
COUNTED = 'leadhub_hints_total{outcome="sent"} 1.0'
SMALL = 'mount -t tmpfs -o size=64k tmpfs "$LEADHUB_METRICS_DIR" && exec "$0" -c "$1"'


def run(*command: str, stderr: int | None = None, **env: str) -> str:
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
        assert run(sys.executable, "-c", LOG, stderr=full.fileno()) == "goes on\n"


def test_a_supervisor_that_cannot_say_what_died_goes_on() -> None:
    with Path("/dev/full").open("wb") as full:
        assert run(sys.executable, "-c", SAY, stderr=full.fileno()) == "goes on\n"


def test_room_for_what_is_counted_is_claimed_at_the_start(tmp_path: Path) -> None:
    """The library maps files with holes: on a full disk, to count into one ends the process with SIGBUS."""
    assert COUNTED in run(sys.executable, "-c", COUNT, LEADHUB_METRICS_DIR=str(tmp_path))
    files = [path.stat() for path in tmp_path.glob("*.db")]
    assert len(files) == len(METRIC_FILE_KINDS)
    assert all(file.st_blocks * 512 >= file.st_size >= METRIC_FILE_BYTES for file in files)


def test_a_process_that_starts_without_room_counts_for_itself(tmp_path: Path) -> None:
    """On a real file system that is full, in a mount namespace of its own."""
    apart = ("unshare", "--user", "--map-root-user", "--mount")
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine allows no user namespace")
    mounted = (*apart, "sh", "-c", SMALL, sys.executable, COUNT)
    assert COUNTED in run(*mounted, LEADHUB_METRICS_DIR=str(tmp_path))
