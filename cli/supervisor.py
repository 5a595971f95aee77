"""The supervisor of `up`: start programs in order, restart those that die, stop all in reverse order."""

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby

from cli import logs
from cli.common import notify_operator
from cli.descendants import KILL_TIMEOUT_SECONDS, end_descendants, live_descendants, reap_orphans
from cli.forked_services import ServiceForks
from embedded.process import (
    LIVENESS_FD_VARIABLE,
    ChildProgram,
    describe_exit,
    is_ready_at_once,
    spawn_program,
    wait_ready,
)

RESTART_PAUSES_SECONDS = (0.0, 0.5, 1.0, 2.0)  # seconds before a restart; the last value repeats
FAILURES_FORGIVEN_SECONDS = 10.0  # seconds of life after which earlier failures do not count
CHILD_STOP_SECONDS = 30.0
CHORES_INTERVAL_SECONDS = 5.0  # seconds
RESTART_CHECK_SECONDS = 0.5  # seconds between two looks at a program that is being started again
ASSUMED_BACK_SECONDS = 1.0  # seconds of life after which a program without a liveness pipe counts as back


Spawn = Callable[[ChildProgram, Mapping[str, int]], "subprocess.Popen[bytes]"]


class StopRequested(BaseException):
    """A signal asked for the end during a start."""


@dataclass
class SupervisedChild:
    """A program and its present process, if there is one. Times are monotonic.

    `restart_at` is the time of the next start, `last_beat_at` that of the last liveness signal, and `died_at` the time
    at which the last process ended, until the next one is back. One that `is_passing` ends by itself and is not started
    again.
    """

    program: ChildProgram
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    last_beat_at: float = 0.0
    liveness_pipe: int | None = None  # the reading end of its liveness signal
    failures: int = 0
    restart_at: float = 0.0
    died_at: float | None = None
    is_passing: bool = False
    spawn: Spawn = spawn_program

    @property
    def age_seconds(self) -> float:
        """Seconds of life."""
        return time.monotonic() - self.started_at if self.process else 0.0

    def start(self) -> None:
        """Start it, or schedule the next attempt."""
        self.started_at = self.last_beat_at = time.monotonic()
        try:
            self.process = (
                self._spawn_with_liveness() if self.program.has_liveness_pipe else self.spawn(self.program, {})
            )
        except OSError as error:  # such as no memory or a full disk; like a crash it may pass
            self.schedule_restart(f"could not start: {error}")
        self.write_pid_file()

    def write_pid_file(self) -> None:
        """Write the id of the live process into the pid file. Ignore failures: the file only helps operators."""
        with suppress(OSError):
            if self.program.pid_file and self.is_running and self.process:
                self.program.pid_file.write_text(f"{self.process.pid}\n")
            elif self.program.pid_file:
                self.program.pid_file.unlink(missing_ok=True)

    def _spawn_with_liveness(self) -> subprocess.Popen[bytes]:
        self._close_liveness_pipe()
        self.liveness_pipe, writer = os.pipe()
        os.set_blocking(self.liveness_pipe, False)
        os.set_blocking(writer, False)  # the child shares the flags of this end
        try:
            return self.spawn(self.program, {LIVENESS_FD_VARIABLE: writer})
        finally:
            os.close(writer)

    def note_beat(self) -> bool:
        """Return whether a liveness signal arrived since the last call."""
        try:
            return self.liveness_pipe is not None and bool(os.read(self.liveness_pipe, 65_536))
        except BlockingIOError:
            return False

    def _close_liveness_pipe(self) -> None:
        if self.liveness_pipe is not None:
            os.close(self.liveness_pipe)
            self.liveness_pipe = None

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def send_signal(self, number: int) -> None:
        """Send the process a signal if it lives."""
        if self.process:
            self.process.send_signal(number)

    def kill(self) -> bool:
        """Kill the process and return whether it was alive. A process that survives the kill is left behind."""
        if not self.is_running or self.process is None:
            return False
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(KILL_TIMEOUT_SECONDS)
        return True

    def is_back(self) -> bool:
        """Return whether the restarted program works, as far as that can be known."""
        if not self.is_running:
            return False
        if self.program.has_liveness_pipe:
            return self.note_beat()
        return self.age_seconds > ASSUMED_BACK_SECONDS and (
            self.program.is_ready is is_ready_at_once or self.program.is_ready()
        )

    def report_return(self) -> None:
        """Report once that it is back."""
        if self.died_at is not None and self.process and self.is_back():
            took, self.died_at, self.last_beat_at = time.monotonic() - self.died_at, None, time.monotonic()
            notify_operator(f"{self.program.name} is back after {took:.1f} s (pid {self.process.pid})")

    def reap(self) -> None:
        """Handle the end of the process."""
        if self.process:
            self.schedule_restart(f"ended with {describe_exit(self.process.returncode)}")

    def schedule_restart(self, reason: str) -> None:
        """Schedule the next start after a pause that depends on the number of failures."""
        self.failures = 1 if time.monotonic() - self.started_at > FAILURES_FORGIVEN_SECONDS else self.failures + 1
        pause = RESTART_PAUSES_SECONDS[min(self.failures, len(RESTART_PAUSES_SECONDS)) - 1]
        self.restart_at, self.process = time.monotonic() + pause, None
        self.died_at = self.died_at or time.monotonic()
        self.write_pid_file()
        when = f"in {pause:g} s" if pause else "now"
        notify_operator(f"{self.program.name} {reason}; starting it again {when} (log: {self.program.log})")


class Supervisor:
    """Runs the programs of `up`. Use it from the main thread, inside `handling_signals`."""

    def __init__(self) -> None:
        self.children: list[SupervisedChild] = []
        self._forks: ServiceForks | None = None
        self.stopping = False
        self.forced_ends: list[str] = []  # programs that had to be killed
        self._is_hurried = False
        self._foreign_pids = {*live_descendants()}  # children of a shell that became this process
        self._interrupting = False
        self._chores: list[Callable[[], None]] = [self._rotate_logs]
        self._wake, self._waker = socket.socketpair()

    @contextmanager
    def handling_signals(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM end `run`, and a second signal kill the programs at once."""
        for end in (self._wake, self._waker):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only to wake the selector
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            self.stop()

    def fork_services(self, forks: ServiceForks) -> None:
        """Start services as forks from now on."""
        self._forks = forks
        self.add_chore(forks.ensure_server)
        forks.ensure_server()

    def add_chore(self, chore: Callable[[], None]) -> None:
        """Add a quick function that is called every few seconds."""
        self._chores.append(chore)

    def start_child(self, program: ChildProgram) -> None:
        """Start a program and supervise it."""
        self.raise_if_stopped()
        child = SupervisedChild(program, spawn=self._forks.spawn if self._forks else spawn_program)
        self.children.append(child)
        child.start()

    def start_once(self, program: ChildProgram) -> SupervisedChild:
        """Start a program that ends by itself, and return it. OSError if it cannot be started."""
        self.raise_if_stopped()
        child = SupervisedChild(program, spawn_program(program), is_passing=True)
        self.children.append(child)
        return child

    def start_children_ready(self, programs: Iterable[ChildProgram]) -> None:
        """Start the programs and wait until all are ready. RuntimeError if one fails: a first start is not retried."""
        first = len(self.children)
        for program in programs:
            self.start_child(program)
        for child in self.children[first:]:
            if child.process is None:
                raise RuntimeError(f"{child.program.name} could not be started")
            wait_ready(child.program, child.process, check=self.raise_if_stopped)
            self.raise_if_stopped()

    def raise_if_stopped(self) -> None:
        """Raise Stopped if a signal came. The steps of a start call it between them, so that no child is forgotten."""
        if self.stopping:
            raise StopRequested

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a signal raise Stopped inside the block. Only for waits that start no child, such as for a database."""
        self._interrupting = True
        try:
            self.raise_if_stopped()
            yield
        finally:
            self._interrupting = False
        self.raise_if_stopped()

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Supervise the children until `ready` returns true. A signal ends the wait, also inside `ready`."""
        while not self._is_satisfied(ready):
            self._tend_children(0.05)
            self.raise_if_stopped()

    def run(self) -> None:
        """Supervise the children until a signal comes."""
        next_chores = time.monotonic()
        while not self.stopping:
            longest = RESTART_CHECK_SECONDS if self._is_restarting else CHORES_INTERVAL_SECONDS
            self._tend_children(min(longest, max(0.0, next_chores - time.monotonic())))
            if time.monotonic() >= next_chores:
                next_chores = time.monotonic() + CHORES_INTERVAL_SECONDS
                for chore in self._chores:
                    chore()

    def stop(self) -> None:
        """Stop all programs stage by stage; those of one stage together, so that many workers take no longer than one.

        Then end their remaining processes, such as those of a PostgreSQL that was killed. `forced_ends` lists what was
        killed.
        """
        self.stopping = True
        if self._forks:
            self._forks.stop()
        for _, stage in groupby(sorted(self.children, key=_stage_of, reverse=True), key=_stage_of):
            self._stop_stage(list(stage))
        self.children.clear()
        killed, remaining = end_descendants(self._foreign_pids, lambda: self._is_hurried)
        for name in killed:
            notify_operator(f"{name} was left behind by what started it, and was killed")
        for name in remaining:
            notify_operator(f"{name} could not be ended: the kernel holds it, as it does while a disk does not answer")
        self.forced_ends += [*killed, *remaining]

    @property
    def _is_restarting(self) -> bool:
        """Whether a child is away, or not known to be back. The end of any other one comes as a signal."""
        return any(child.died_at is not None or child.process is None for child in self.children)

    def _is_satisfied(self, ready: Callable[[], bool]) -> bool:
        with self.interruptible():
            return ready()

    def _drain_wake(self) -> None:
        with suppress(BlockingIOError):  # a liveness signal ended the wait
            self._wake.recv(4096)

    def _tend_children(self, seconds: float) -> None:
        """Wait for a signal, or for `seconds`; then handle ended processes and start those that are due."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            for pipe in [
                child.liveness_pipe for child in self.children if child.died_at and child.liveness_pipe is not None
            ]:
                selector.register(pipe, selectors.EVENT_READ)
            if selector.select(seconds):
                self._drain_wake()
        self.children = [child for child in self.children if child.is_running or not child.is_passing]
        for child in self.children:
            if child.process and child.process.poll() is not None:
                child.reap()
            if not child.process and not self.stopping and time.monotonic() >= child.restart_at:
                child.start()
            child.report_return()
        reap_orphans(self._foreign_pids | self._child_pids())

    def _stop_stage(self, children: list[SupervisedChild]) -> None:
        alive = [child for child in children if child.process]
        for child in alive:
            child.send_signal(child.program.stop_signal)
            child.send_signal(signal.SIGCONT)  # a suspended process handles no signal
        deadline = time.monotonic() + CHILD_STOP_SECONDS
        while any(child.is_running for child in alive) and not self._is_hurried and time.monotonic() < deadline:
            time.sleep(0.02)
        waited = (
            "at once, as asked" if self._is_hurried else f"after {CHILD_STOP_SECONDS:.0f} s, in which it did not end"
        )
        for name in [child.program.name for child in alive if child.kill()]:
            notify_operator(f"{name} was killed {waited}")
            self.forced_ends.append(name)
        for child in alive:
            child.write_pid_file()

    def _child_pids(self) -> set[int]:
        pids = {child.process.pid for child in self.children if child.process}
        return pids | {self._forks.pid} if self._forks and self._forks.pid else pids

    def _rotate_logs(self) -> None:
        for child in self.children:
            logs.rotate_log(child.program.log)
        for folder in {child.program.log.parent for child in self.children}:
            logs.rotate_log(folder / logs.OWN_LOG_NAME)

    def _on_signal(self, *_: object) -> None:
        self._is_hurried = self.stopping
        self.stopping = True
        if self._interrupting:
            raise StopRequested


def _stage_of(child: SupervisedChild) -> int:
    return child.program.stop_stage
