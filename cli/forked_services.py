"""The supervisor's side of the fork server: it asks for forks, and starts programs by itself if there are none."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from types import MappingProxyType

import orjson

from cli.common import notify_operator
from cli.fork_server import COMMAND_LINE_ROOM, FORK_SERVER_COMMAND, FORK_SOCKET_VARIABLE
from embedded.process import LISTENER_FDS_VARIABLE, PROJECT_ROOT, ChildProgram, spawn_program
from shared.platform.data_dir import DataDir
from shared.platform.settings import Settings

IMPORT_TIMEOUT_SECONDS = 60.0  # seconds for the first fork, which waits for the imports
FORK_TIMEOUT_SECONDS = 5.0  # seconds for a further fork; the supervisor waits for it and does nothing else
FORK_SERVER_NAME = "services"
# For glibc in the server and its forks. By default it keeps what it has learnt to be usual, such as the 16 MB of one
# hash in each thread that computed one. Blocks as large as these are given back to the system now.
ALLOCATOR_SETTINGS = {"MALLOC_MMAP_THRESHOLD_": str(4 << 20), "MALLOC_TRIM_THRESHOLD_": str(8 << 20)}


class AdoptedProcess(subprocess.Popen[bytes]):
    """A child that another process forked for this one."""

    def __init__(self, pid: int, args: list[str]) -> None:
        # What Popen keeps of a process that it started itself.
        self.args, self.pid, self.returncode = args, pid, None
        self.stdin = self.stdout = self.stderr = None
        self._child_created, self._waitpid_lock = True, threading.Lock()
        self._sigint_wait_secs = 0.25


class ServiceForks:
    """A fork server, which is started again if it dies. All methods belong to the supervisor's main thread."""

    def __init__(self, program: ChildProgram) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The id of the server, if there is one."""
        return self._process.pid if self._process else None

    def ensure_server(self) -> None:
        """Start the server unless it runs. If it cannot be started, the next call tries again."""
        if self._process and self._process.poll() is None:
            return
        self.stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(IMPORT_TIMEOUT_SECONDS)
        with theirs, contextlib.suppress(OSError):
            self._process = spawn_program(self._program, {FORK_SOCKET_VARIABLE: theirs.fileno()})
        self._socket = ours

    def spawn(
        self, program: ChildProgram, inherited_fds: Mapping[str, int] = MappingProxyType({})
    ) -> "subprocess.Popen[bytes]":
        """Start a program: as a fork if it is a service and the server answers."""
        if program.is_service and self._socket:
            try:
                return self._fork(self._socket, program, inherited_fds)
            except (OSError, ValueError) as error:
                self.stop()  # it is started again later
                notify_operator(
                    f"{FORK_SERVER_NAME} did not fork {program.name} ({type(error).__name__}); it is started again"
                )
        return spawn_program(program, inherited_fds)

    def stop(self) -> None:
        """End the server. Its forks go on."""
        if self._socket:
            self._socket.close()
        if self._process:
            self._process.kill()  # it holds no data
            self._process.wait()
        self._socket = self._process = None

    def _fork(
        self, connection: socket.socket, program: ChildProgram, inherited_fds: Mapping[str, int]
    ) -> AdoptedProcess:
        passed = {LISTENER_FDS_VARIABLE: program.listeners, **{name: (fd,) for name, fd in inherited_fds.items()}}
        wanted = {
            "argv": program.argv,
            "env": program.env,
            "descriptors": [(variable, len(numbers)) for variable, numbers in passed.items() if numbers],
        }
        program.prepare()
        log = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            descriptors = [log, *(number for numbers in passed.values() for number in numbers)]
            socket.send_fds(connection, [orjson.dumps(wanted)], descriptors)
            pid = int(connection.recv(32))
        finally:
            os.close(log)
        if not pid:
            raise OSError("the fork server made no fork")
        connection.settimeout(FORK_TIMEOUT_SECONDS)
        return AdoptedProcess(pid, list(program.argv))


def fork_server_program(settings: Settings, launcher: str) -> ChildProgram:
    """Return the fork server as a program. It learns no password: each request brings the environment of its fork."""
    home = DataDir(settings.data_dir)
    env = {name: value for name, value in os.environ.items() if not name.startswith("LEADHUB_")}
    return ChildProgram(
        name=FORK_SERVER_NAME,
        argv=(sys.executable, launcher, FORK_SERVER_COMMAND, COMMAND_LINE_ROOM),
        log=home.logs_dir / f"{FORK_SERVER_NAME}.log",
        env={
            **env,
            **ALLOCATOR_SETTINGS,
            "LEADHUB_METRICS_DIR": settings.metrics_dir or str(home.run_dir / "metrics"),
            "LEADHUB_PROCESS_NAME": FORK_SERVER_NAME,
            "LEADHUB_ENV_FILE": os.devnull,
            "PYTHONPATH": str(PROJECT_ROOT),
        },
    )
