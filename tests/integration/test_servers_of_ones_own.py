"""Servers, ports and rights that are not as LeadHub needs them: it says so in a line, names the setting, and ends."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest

from cli.spool import check_spool
from shared.embedded.datadir import free_port
from shared.embedded.valkey import binary
from shared.settings import PROJECT_ROOT, Settings
from tests.support.waiting import until

pytestmark = pytest.mark.integration

LAUNCHER = PROJECT_ROOT / "leadhub"
HOST = "127.0.0.1"
NOWHERE = "redis://127.0.0.1:1"


@contextmanager
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    with socket.create_server((HOST, 0)) as server:
        yield server.getsockname()[1]


def started(tmp_path: Path, *words: str, **settings: str) -> "subprocess.Popen[str]":
    """A command with those settings; its broker and its spool are nowhere unless they say otherwise."""
    urls = dict.fromkeys(("LEADHUB_BROKER_URL", "LEADHUB_REDIS_URL", "LEADHUB_SPOOL_URL"), NOWHERE)
    command = [sys.executable, str(LAUNCHER), *words, "--data-dir", str(tmp_path)]
    env = {"PATH": "/usr/bin:/bin", **urls, **settings}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: "subprocess.Popen[str]", seconds: float = 20) -> tuple[int, str]:
    """Its status and what it said. AssertionError where it goes on."""
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"it did not end: {process.communicate()}") from None
    assert "Traceback" not in said
    return process.returncode, said


@pytest.mark.parametrize("command", ["gateway", "api"])
@pytest.mark.parametrize("host", [HOST, "192.0.2.1"])
def test_a_port_that_cannot_be_had_is_named(tmp_path: Path, database_url: str, command: str, host: str) -> None:
    with silent() as port:
        place = ("--host", host, "--port", str(port))
        status, said = ended(started(tmp_path, command, *place, LEADHUB_DATABASE_URL=database_url))
    assert status == 1
    assert f"port {port} of {host} cannot be listened on" in said
    assert "--port" in said


def test_a_spool_that_does_not_answer_is_warned_of(capfd: pytest.CaptureFixture[str]) -> None:
    with silent() as port:
        check_spool(Settings(spool_url=f"redis://{HOST}:{port}"))
    check_spool(Settings(spool_url=NOWHERE))
    assert capfd.readouterr().err.count("the spool does not answer") == 2


@pytest.mark.parametrize("password", ["", ":wrong@"])
def test_a_spool_that_wants_another_password_is_refused(tmp_path: Path, password: str) -> None:
    port = free_port(HOST)
    options = ("--requirepass", "right", "--appendonly", "yes", "--appendfsync", "always")
    command = [str(binary()), "--port", str(port), "--dir", str(tmp_path), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            until(lambda: not socket.socket().connect_ex((HOST, port)))
            check_spool(Settings(spool_url=f"redis://:right@{HOST}:{port}"))
            with pytest.raises(click.UsageError, match="LEADHUB_SPOOL_URL") as refused:
                check_spool(Settings(spool_url=f"redis://{password}{HOST}:{port}"))
        finally:
            server.kill()
    assert "user or password" in refused.value.message
