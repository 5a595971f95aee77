"""The fork server of `up`: a process that has imported the services' code once and forks each service from itself.

The services share the memory of that code, and one that is started again needs no time for imports. The server has one
thread and no connection. A fork ends as a child of `up`, which adopts it as soon as the process in between has ended.
"""

import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import click
import orjson

from embedded.child_launcher import die_with_parent

FORK_SOCKET_VARIABLE = "LEADHUB_FORK_SOCKET"  # in the environment of the server: the descriptor of its socket
FORK_SERVER_COMMAND = "fork-server"
MAX_REQUEST_BYTES = 1 << 20
MAX_DESCRIPTORS = 64
# Room for the command line that a fork shows: operators and tests find processes by it.
COMMAND_LINE_ROOM = "." * 600
ARG_START_FIELD, ARG_END_FIELD = 48, 49  # fields of /proc/PID/stat
# What the services import. Not the Celery application, which reads the settings when it is imported.
SHARED_MODULES = (
    "cli.serve",
    "cli.serve_sweeper",
    "cli.services",
    "celery.app.amqp",
    "celery.app.control",
    "celery.app.log",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.bin.worker",
    "celery.concurrency.solo",
    "celery.fixups.django",
    "celery.loaders.app",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer",
    "celery.worker.pidbox",
    "celery.worker.strategy",
    "kombu.transport.redis",
    "services.workers.runtime",
    "services.workers.stale_hints",
)


@dataclass(frozen=True)
class ForkRequest:
    """A service to become. `env` is its whole environment, `log` the descriptor that its output goes to."""

    argv: list[str]
    env: dict[str, str]
    log: int
    supervisor: int


@click.command(FORK_SERVER_COMMAND, hidden=True)
@click.argument("room", default="")
def fork_server(room: str) -> None:
    """Fork services until the supervisor has gone. In a fork this does not return before the service ends."""
    for name in SHARED_MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a fork would write to the pages of all objects, and so copy them
    with socket.socket(fileno=int(os.environ.pop(FORK_SOCKET_VARIABLE))) as connection:
        request = _serve_forks(connection, os.getppid())
    _become(request)


def _serve_forks(connection: socket.socket, supervisor: int) -> ForkRequest:
    """Answer each request with the id of a fork, or 0 if there is none. Returns in the forks alone."""
    while True:
        data, descriptors, _, _ = socket.recv_fds(connection, MAX_REQUEST_BYTES, MAX_DESCRIPTORS)
        if not data:
            sys.exit(0)  # the supervisor has gone
        pid = _fork_adopted()
        if pid is None:
            return _read_request(data, descriptors, supervisor)
        _close_all(*descriptors)
        connection.send(str(pid).encode())


def _fork_adopted() -> int | None:
    """Fork a process whose parent is the supervisor. Return its id, 0 if that failed, and in the fork None."""
    if threading.active_count() > 1:  # a lock that another thread holds would stay locked in the fork
        return 0
    reader, tell = os.pipe()
    go, let_go = os.pipe()
    try:
        between = os.fork()
    except OSError:
        between = -1
    if between == 0:
        _fork_in_between(tell)
        _close_all(tell, reader, let_go)
        os.read(go, 1)  # until the process in between has ended
        os.close(go)
        return None
    _close_all(tell, go)
    if between > 0:
        os.waitpid(between, 0)
    pid = int(os.read(reader, 32) or 0)
    _close_all(reader, let_go)
    return pid


def _close_all(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _fork_in_between(tell: int) -> None:
    """Fork once more. Returns in the fork alone."""
    try:
        pid = os.fork()
    except OSError:
        os._exit(1)
    if pid:
        os.write(tell, str(pid).encode())
        os._exit(0)


def _read_request(data: bytes, descriptors: list[int], supervisor: int) -> ForkRequest:
    """Return the request. The variables that name inherited descriptors get the numbers that they have here."""
    wanted = orjson.loads(data)
    log, *inherited = descriptors
    numbers = iter(inherited)
    env = dict(wanted["env"])
    for variable, count in wanted["descriptors"]:
        env[variable] = ",".join(str(next(numbers)) for _ in range(count))
    for descriptor in inherited:
        os.set_inheritable(descriptor, True)
    return ForkRequest(wanted["argv"], env, log, supervisor)


def _become(request: ForkRequest) -> None:
    """Become the service, as if its program had been started."""
    os.setsid()
    die_with_parent(request.supervisor, signal.SIGKILL)
    for stream in (1, 2):
        os.dup2(request.log, stream)
    os.close(request.log)
    os.environ.clear()
    os.environ.update(request.env)
    _show_command_line(request.argv)
    from shared.platform.observability import metrics

    if not metrics.share_after_fork():  # such as a full disk; a new process finds out what it can do without
        os.execve(request.argv[0], request.argv, request.env)  # noqa: S606
    _, script, *arguments = request.argv
    if script == "-m":
        from celery.__main__ import main as celery

        sys.argv = arguments
        celery()
    else:
        from cli.main import main

        sys.argv = [script, *arguments]
        main(arguments)


def _show_command_line(argv: list[str]) -> None:
    """Show that command line in the list of processes, in place of the server's own, as far as there is room."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = (int(fields[number - 3]) for number in (ARG_START_FIELD, ARG_END_FIELD))
    room = end - begin
    shown = b"\0".join(os.fsencode(word) for word in argv)[: room - 1]
    ctypes.memmove(begin, shown.ljust(room, b"\0"), room)
