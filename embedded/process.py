"""Start, find and end the processes of `up`."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from embedded.unprivileged import PROJECT_ROOT as PROJECT_ROOT
from embedded.unprivileged import RunAs, guarded_command

LIVENESS_FD_VARIABLE = "LEADHUB_PULSE"  # variable with the descriptor of the liveness pipe that a program writes to
LISTENER_FDS_VARIABLE = "LEADHUB_LISTENERS"  # variable with the descriptors of the sockets of an HTTP server


def _do_nothing() -> None:
    return None


def is_ready_at_once() -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class ChildProgram:
    """A program to run, and how to end it.

    `prepare` runs before every start. `is_ready` must answer within 2 s. Programs of a higher stage are stopped
    earlier. A program with a liveness pipe writes to it as long as it works. A service is one of LeadHub's own, which
    may be forked from a process that has imported its code. `listeners` are descriptors of sockets that the program
    takes connections from; they stay open when it ends. `pid_file` holds the id of its process while it lives.
    """

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(repr=False)  # holds passwords
    stop_stage: int = 0
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    run_as: RunAs = RunAs.NONE
    has_liveness_pipe: bool = False
    is_service: bool = False
    listeners: tuple[int, ...] = ()
    pid_file: Path | None = None
    prepare: Callable[[], None] = _do_nothing
    is_ready: Callable[[], bool] = is_ready_at_once


def spawn_program(
    program: ChildProgram, inherited_fds: Mapping[str, int] = MappingProxyType({})
) -> subprocess.Popen[bytes]:
    """Start a program, tied to the life of this process, in a session of its own, so that Ctrl-C does not reach it.

    `inherited_fds` are further descriptors to inherit, by the names of environment variables that hold their numbers.
    It must be called from the main thread: the kernel ties the child to the thread that started it.
    """
    program.prepare()
    env = {**program.env, **{name: str(number) for name, number in inherited_fds.items()}}
    if program.listeners:
        env[LISTENER_FDS_VARIABLE] = ",".join(map(str, program.listeners))
    log = os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            guarded_command(program.argv, program.run_as, program.death_signal),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=env,
            cwd=PROJECT_ROOT,
            start_new_session=True,
            pass_fds=(*program.listeners, *inherited_fds.values()),
        )
    finally:
        os.close(log)


def clean_environment() -> dict[str, str]:
    """Return the environment of a server, without variables such as `LC_*` and `PG*`, which would change it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LANG": "C", "TZ": "UTC"}


def wait_ready(
    program: ChildProgram,
    process: subprocess.Popen[bytes],
    seconds: float = 60,
    check: Callable[[], None] = _do_nothing,
) -> None:
    """Wait until the program answers. RuntimeError, with the end of its log, if it ends or takes too long.

    `check` is called repeatedly, and may raise.
    """
    deadline = time.monotonic() + seconds
    while not program.is_ready():
        check()
        if process.poll() is not None:
            raise RuntimeError(
                f"{program.name} ended with {describe_exit(process.returncode)}: {last_lines(program.log)}"
            )
        if time.monotonic() > deadline:
            raise RuntimeError(f"{program.name} was not ready after {seconds:.0f} s: {last_lines(program.log)}")
        time.sleep(0.02)


def stop_process(process: subprocess.Popen[bytes], stop_signal: int, seconds: float) -> None:
    """Ask a process to end, and kill it after `seconds`."""
    if process.poll() is not None:
        return
    process.send_signal(stop_signal)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def find_processes(program: str, argument: str) -> list[int]:
    """Return the ids of live processes that run a `program` (by file name) with `argument` on their command line."""
    pids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            words = _command_line(entry)
            if argument in words and any(word.endswith(f"/{program}") for word in words):
                pids.append(int(entry.name))
    return pids


def end_leftovers(program: str, argument: str, signals: Sequence[signal.Signals]) -> None:
    """End the processes that a killed supervisor left behind: one signal after the other, 10 s apart.

    The kernel has already signalled them, so this usually only waits.
    """
    for next_signal in signals:
        pids = find_processes(program, argument)
        for pid in pids:
            _send_signal(pid, next_signal)
        deadline = time.monotonic() + 10
        while pids and time.monotonic() < deadline:
            time.sleep(0.02)
            pids = find_processes(program, argument)
        if not pids:
            return


def describe_exit(status: int) -> str:
    """Return an exit status in words: `status 1`, `signal SIGKILL`."""
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"


def last_lines(log: Path, lines: int = 5) -> str:
    """Return the end of a log file, for an error message."""
    try:
        return "\n" + "\n".join(log.read_text(errors="replace")[-4000:].splitlines()[-lines:])
    except OSError:
        return "(no log)"


def _command_line(entry: Path) -> list[str]:
    try:
        return (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:  # the process ended after the folder was listed
        return []


def _send_signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
