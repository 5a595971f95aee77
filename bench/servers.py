"""Running what is measured for the length of a block, with the embedded servers' own means."""

import contextlib
import os
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from shared.embedded.process import Program, spawn, stop, wait_ready

START_SECONDS = 120.0
STOP_SECONDS = 40.0

# The benchmark fills what it measures with made-up people, so a database, broker or data dir that the caller's
# environment names is never used.
NEVER_USED = (
    "LEADHUB_DATABASE_URL",
    "LEADHUB_BROKER_URL",
    "LEADHUB_REDIS_URL",
    "LEADHUB_SPOOL_URL",
    "LEADHUB_DATA_DIR",
)


@contextlib.contextmanager
def running(argv: Sequence[str], log: Path, health: str, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """Runs a command, whose first word is a path, and yields its process id once `health` answers 200.

    RuntimeError, with the end of its log, when it does not. An empty `health` is not waited for.
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
    """The caller's environment without what it says of other data."""
    return {name: value for name, value in os.environ.items() if name not in NEVER_USED}


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except OSError:
        return False
