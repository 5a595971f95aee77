"""The listening socket outlives who takes connections from it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shared.platform.installation import PROJECT_ROOT
from tests.support.processes import command_line, descendants
from tests.support.stack import LAUNCHER, Stack
from tests.support.waiting import until

pytestmark = pytest.mark.faults
REQUEST = b"GET /api/v1/health HTTP/1.1\r\nHost: leadhub\r\nConnection: close\r\n\r\n"
# As systemd starts a service: the socket is descriptor 3, and a variable names the process that it is for.
ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


CALLERS = 4


class Callers:
    """Counts of what connections came to.

    `answered` with 200, `unwell` with another status (a new gateway is that for half a second), `refused`, or `broken`
    where the gateway died before its answer.
    """

    def __init__(self, port: int) -> None:
        self.counts: Counter[str] = Counter()
        self._port = port
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]

    def __enter__(self) -> "Callers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def until_more(self, n: int) -> float:
        """Wait for `n` further answers; how long the wait was, in seconds."""
        began, goal = time.monotonic(), self.counts["answered"] + n
        until(lambda: self.counts["answered"] >= goal, 60, f"{n} further answers")
        return time.monotonic() - began

    def _call(self) -> None:
        while not self._stopping.wait(0.005):
            self.counts[called(self._port)] += 1


def called(port: int) -> str:
    """What one new connection comes to."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as caller:
            caller.sendall(REQUEST)
            head = caller.recv(4096)
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "broken"
    if head.startswith(b"HTTP/1.1 200"):
        return "answered"
    return "unwell" if head.startswith(b"HTTP/1.1 ") else "broken"


def fork_servers(stack: Stack) -> list[int]:
    return [pid for pid in descendants(stack.pid) if "leadhub fork-server" in command_line(pid)]


def test_a_killed_gateway_refuses_nobody(stack: Stack) -> None:
    pauses = []
    with Callers(stack.port) as callers:
        for _ in range(2):
            callers.until_more(50)
            (dead,) = stack.kill("gateway")
            pauses.append(callers.until_more(20))
            until(lambda dead=dead: dead not in stack.pids("gateway"), what="its end")  # type: ignore[misc]
    assert min(pauses) < 10  # a second, on a machine that is not busy with other tests
    assert callers.counts["refused"] == 0, callers.counts
    assert callers.counts["broken"] <= 2 * CALLERS, callers.counts  # those that the two gateways had taken


def test_services_outlive_the_fork_server_and_the_next_one_forks_them(stack: Stack) -> None:
    (server,) = until(lambda: fork_servers(stack), 60, "a fork server")
    services = stack.pids("gateway") + stack.pids("sweeper") + stack.pids("worker")
    os.kill(server, signal.SIGKILL)
    (following,) = until(lambda: [pid for pid in fork_servers(stack) if pid != server], 60, "another one")
    assert services == stack.pids("gateway") + stack.pids("sweeper") + stack.pids("worker")
    (dead,) = stack.kill("gateway")
    (forked,) = until(lambda: [pid for pid in stack.pids("gateway") if pid != dead], 60, "another gateway")
    assert maps_of(forked) & maps_of(following)
    until(lambda: called(stack.port) == "answered", 60, "its answer")


def test_a_fork_server_that_hangs_does_not_hold_the_supervisor(stack: Stack) -> None:
    (dead,) = stack.kill("gateway")  # the first fork of a new server waits for its imports, and has longer
    (forked,) = until(lambda: [pid for pid in stack.pids("gateway") if pid != dead], 60, "another gateway")
    (server,) = until(lambda: fork_servers(stack), 60, "a fork server")
    os.kill(server, signal.SIGSTOP)
    stack.kill("gateway")
    until(lambda: [pid for pid in stack.pids("gateway") if pid != forked], 50, "a gateway without a fork server")
    until(lambda: called(stack.port) == "answered", 60, "its answer")
    until(lambda: [pid for pid in fork_servers(stack) if pid != server], 60, "another fork server")
    assert "did not fork gateway (TimeoutError)" in stack.said()


def maps_of(pid: int) -> set[str]:
    """Where its heap lies: a fork has that of its server, another process one of its own."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.partition("-")[0] for line in lines if line.endswith("[heap]")}


@contextmanager
def activated(folder: Path, listener: socket.socket) -> Iterator["subprocess.Popen[bytes]"]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("LEADHUB_")}
    env["LEADHUB_ENV_FILE"] = os.devnull
    words = [sys.executable, LAUNCHER, "up", "--data-dir", str(folder)]
    with (folder.parent / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", ACTIVATE, str(listener.fileno()), *words],
            cwd=PROJECT_ROOT,
            env=env,
            pass_fds=(listener.fileno(),),
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.extended
def test_up_takes_the_socket_that_systemd_holds(tmp_path: Path) -> None:
    """Who connects before the service is there waits; so does who connects after its end, for the next one."""
    log = tmp_path / "up.log"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with activated(tmp_path / "data", listener) as process:
            assert called(port) != "refused"
            ready = f"LeadHub is ready at http://127.0.0.1:{port}"
            until(lambda: ready in log.read_text(), 120, "its start")
            until(lambda: called(port) == "answered", 60, "an answer")
            process.terminate()
            assert process.wait(60) == 0
        assert f"listening on 127.0.0.1 port {port}, the socket that systemd handed over" in log.read_text()
        with socket.create_connection(("127.0.0.1", port), timeout=60):
            assert listener.accept()
