"""Commands run as an operator runs them, with servers of his own: what they say, and how they end."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from shared.platform.installation import PROJECT_ROOT
from shared.platform.settings import LOCAL_VALUE

HOST = "127.0.0.1"
NOWHERE = "redis://127.0.0.1:1"


@contextmanager
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def started(tmp_path: Path, *words: str, **settings: str) -> "subprocess.Popen[str]":
    """A command with those settings; unless they say otherwise its broker and its spool are nowhere, and its key is its
    own."""
    urls = dict.fromkeys(("LEADHUB_BROKER_URL", "LEADHUB_REDIS_URL", "LEADHUB_SPOOL_URL"), NOWHERE)
    command = [sys.executable, str(PROJECT_ROOT / "leadhub"), *words, "--data-dir", str(tmp_path)]
    own = {"PATH": "/usr/bin:/bin", "LEADHUB_ENV_FILE": os.devnull, "LEADHUB_SECRET_KEY": LOCAL_VALUE}
    env = {**own, **urls, **settings}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]", seconds: float = 120) -> tuple[int, str]:
    """Its status and what it said. AssertionError where it goes on."""
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"it did not end: {process.communicate()}") from None
    assert "Traceback" not in said
    return process.returncode, said


@contextmanager
def running(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    """For as long as the block lasts, and minutes at most: what waits for a line of it then fails."""
    late = threading.Timer(240, process.terminate)  # a worker passes it on to Celery
    late.start()
    with process:
        try:
            yield process
        finally:
            late.cancel()
            process.terminate()


def said_by(process: "subprocess.Popen[str]", event: str) -> dict[str, Any]:
    """The first line of that event; all that comes before it is JSON too."""
    return all_said_by(process, event)[event]


def all_said_by(process: "subprocess.Popen[str]", *events: str) -> dict[str, dict[str, Any]]:
    """The first line of each event, in whatever order they come; all that comes before the last is JSON too."""
    assert process.stderr is not None
    found: dict[str, dict[str, Any]] = {}
    for line in process.stderr:
        assert line.startswith(("{", "leadhub:")), line
        if line.startswith("{") and (said := orjson.loads(line))["event"] in events:
            found.setdefault(said["event"], said)
        if len(found) == len(events):
            return found
    raise AssertionError(f"it ended without {set(events) - found.keys()}")


def logs_of(data_dir: Path, *words: str) -> "subprocess.Popen[str]":
    """The command `logs`."""
    command = [sys.executable, str(PROJECT_ROOT / "leadhub"), "logs", *words, "--data-dir", str(data_dir)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
