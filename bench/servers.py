"""Run a measured program for the length of a block, in the way of the embedded servers."""

import contextlib
import os
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from shared.embedded.process import Program, spawn, stop, wait_ready

START_SECONDS = 120.0
STOP_SECONDS = 40.0

# The benchmark fills databases with invented people, so it never uses a database, broker or data dir of the caller's
# environment.
NEVER_USED = (
    "LEADHUB_DATABASE_URL",
    "LEADHUB_BROKER_URL",
    "LEADHUB_REDIS_URL",
    "LEADHUB_SPOOL_URL",
    "LEADHUB_DATA_DIR",
)


@contextlib.contextmanager
def running(argv: Sequence[str], log: Path, health: str, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run a command, whose first word is a path, and yield its process id once `health` answers 200.

    RuntimeError, with the end of the log, if it does not. There is no wait for an empty `health`.
    """
    program = Program(
        name=Path(argv[0]).name,
        argv=argv,
        log=log,
        env={**own_environment(), **(env or {})},
        is_ready=lambda: not health or answers(health),
    )
    process = spawn(program)
    try:
        wait_ready(program, process, START_SECONDS)
        yield process.pid
    finally:
        stop(process, program.stop_signal, STOP_SECONDS)


def own_environment() -> dict[str, str]:
    """Return the caller's environment without the settings that name other data."""
    return {name: value for name, value in os.environ.items() if name not in NEVER_USED}


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except OSError:
        return False
