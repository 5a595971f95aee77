"""Run a measured program for the length of a block, in the way of the embedded servers."""

import contextlib
import os
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from embedded.process import ChildProgram, spawn_program, stop_process, wait_ready

COMMAND_START_SECONDS = 120.0
COMMAND_STOP_SECONDS = 40.0

# The benchmark fills databases with invented people, so it never uses a database, broker or data dir of the caller's
# environment.
EXCLUDED_SETTINGS = (
    "LEADHUB_DATABASE_URL",
    "LEADHUB_BROKER_URL",
    "LEADHUB_REDIS_URL",
    "LEADHUB_SPOOL_URL",
    "LEADHUB_DATA_DIR",
)


@contextlib.contextmanager
def running_command(argv: Sequence[str], log: Path, health: str, env: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run a command, whose first word is a path, and yield its process id once `health` answers 200.

    RuntimeError, with the end of the log, if it does not. There is no wait for an empty `health`.
    """
    program = ChildProgram(
        name=Path(argv[0]).name,
        argv=argv,
        log=log,
        env={**own_environment(), **(env or {})},
        is_ready=lambda: not health or is_answering(health),
    )
    process = spawn_program(program)
    try:
        wait_ready(program, process, COMMAND_START_SECONDS)
        yield process.pid
    finally:
        stop_process(process, program.stop_signal, COMMAND_STOP_SECONDS)


def own_environment() -> dict[str, str]:
    """Return the caller's environment without the settings that name other data."""
    return {name: value for name, value in os.environ.items() if name not in EXCLUDED_SETTINGS}


def is_answering(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return bool(response.status == 200)
    except OSError:
        return False
