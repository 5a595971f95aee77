"""The supervisor of `up`: start programs in order, restart those that die, stop all in reverse order."""

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby

from cli import logs
from cli.common import say
from cli.descendants import KILL_SECONDS, descendants, end_all, reap_orphans
from cli.standby import Spare, start_spare
from shared.embedded.process import PULSE, Program, at_once, describe, spawn, wait_ready

PAUSES = (0.0, 0.5, 1.0, 2.0)  # seconds before a restart; the last value repeats
FORGIVEN_AFTER = 10.0  # seconds of life after which earlier failures do not count
STOP_SECONDS = 30.0
CHORES_EVERY = 5.0  # seconds
SETTLED = 1.0  # seconds of life after which a program without a liveness pipe counts as back


class Stopped(BaseException):
    """A signal asked for the end during a start."""


@dataclass
class Child:
    """A program and its present process, if there is one. Times are monotonic.

    `due` is the time of the next start, `beat` the time of the last liveness signal, and `died` the time at which the
    last process ended, until the next one is back.
    """

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    beat: float = 0.0
    pipe: int | None = None  # the reading end of its liveness signal
    failures: int = 0
    due: float = 0.0
    died: float | None = None
    spare: Spare | None = None
    name: str = ""  # of the present process, if it was a spare

    @property
    def age(self) -> float:
        """Seconds of life."""
        return time.monotonic() - self.started if self.process else 0.0

    def start(self) -> None:
        """Start it, or schedule the next attempt."""
        self.started = self.beat = time.monotonic()
        try:
            self.process = self._take_over() or (self._spawn_beating() if self.program.pulse else spawn(self.program))
        except OSError as error:  # such as no memory or a full disk; like a crash it may pass
            self.rest(f"could not start: {error}")
        self.note_pid()

    def note_pid(self) -> None:
        """Write the id of the live process into the pid file. Ignore failures: the file only helps operators."""
        with suppress(OSError):
            if self.program.pid_file and self.runs and self.process:
                self.program.pid_file.write_text(f"{self.process.pid}\n")
            elif self.program.pid_file:
                self.program.pid_file.unlink(missing_ok=True)

    def _spawn_beating(self) -> subprocess.Popen[bytes]:
        self._forget_pulse()
        self.pipe, writer = os.pipe()
        os.set_blocking(self.pipe, False)
        os.set_blocking(writer, False)  # the child shares the flags of this end
        try:
            return spawn(self.program, {PULSE: writer})
        finally:
            os.close(writer)

    def _take_over(self) -> subprocess.Popen[bytes] | None:
        """Let the spare take over and return its process; None without a spare."""
        spare, self.spare, self.name = self.spare, None, ""
        if spare is None or not spare.begin():
            return None
        self._forget_pulse()
        self.pipe, self.name = spare.pulse, spare.name
        return spare.process

    def keep_spare(self) -> None:
        """Start a spare if the program wants one. It is not started together with the process, to save CPU."""
        if self.spare and not self.spare.runs:
            self.spare.end()
            self.spare = None
        if self.program.spare and self.spare is None and self.died is None and self.age > CHORES_EVERY:
            name = self.program.name if self.name else f"{self.program.name}-spare"
            with suppress(OSError):  # it may pass; the next call tries again
                self.spare = start_spare(self.program, name)

    def felt(self) -> bool:
        """Return whether a liveness signal arrived since the last call."""
        try:
            return self.pipe is not None and bool(os.read(self.pipe, 65_536))
        except BlockingIOError:
            return False

    def _forget_pulse(self) -> None:
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None

    @property
    def runs(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send the process a signal if it lives."""
        if self.process:
            self.process.send_signal(number)

    def end(self) -> bool:
        """Kill the process and return whether it was alive. A process that survives the kill is left behind."""
        if not self.runs or self.process is None:
            return False
        self.process.kill()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(KILL_SECONDS)
        return True

    def is_back(self) -> bool:
        """Return whether the restarted program works, as far as that can be known."""
        if not self.runs:
            return False
        if self.program.pulse:
            return self.felt()
        return self.age > SETTLED and (self.program.is_ready is at_once or self.program.is_ready())

    def tell_of_return(self) -> None:
        """Report once that it is back."""
        if self.died is not None and self.process and self.is_back():
            took, self.died, self.beat = time.monotonic() - self.died, None, time.monotonic()
            say(f"{self.program.name} is back after {took:.1f} s (pid {self.process.pid})")

    def bury(self) -> None:
        """Handle the end of the process."""
        if self.process:
            self.rest(f"ended with {describe(self.process.returncode)}")

    def rest(self, reason: str) -> None:
        """Schedule the next start after a pause that depends on the number of failures."""
        self.failures = 1 if time.monotonic() - self.started > FORGIVEN_AFTER else self.failures + 1
        pause = PAUSES[min(self.failures, len(PAUSES)) - 1]
        self.due, self.process = time.monotonic() + pause, None
        self.died = self.died or time.monotonic()
        self.note_pid()
        when = f"in {pause:g} s" if pause else "now"
        say(f"{self.program.name} {reason}; starting it again {when} (log: {self.program.log})")


class Supervisor:
    """Runs the programs of `up`. Use it from the main thread, inside `handling_signals`."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self.stopping = False
        self.forced: list[str] = []  # programs that had to be killed
        self._hurried = False
        self._strangers = {*descendants()}  # children of a shell that became this process
        self._interrupting = False
        self._chores: list[Callable[[], None]] = [self._rotate, self._keep_spares]
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

    def add_chore(self, chore: Callable[[], None]) -> None:
        """Add a quick function that is called every few seconds."""
        self._chores.append(chore)

    def start(self, program: Program) -> None:
        """Start a program and supervise it."""
        self.check()
        child = Child(program)
        self.children.append(child)
        child.start()

    def start_ready(self, programs: Iterable[Program]) -> None:
        """Start the programs and wait until all are ready. RuntimeError if one fails: a first start is not retried."""
        first = len(self.children)
        for program in programs:
            self.start(program)
        for child in self.children[first:]:
            if child.process is None:
                raise RuntimeError(f"{child.program.name} could not be started")
            wait_ready(child.program, child.process, check=self.check)
            self.check()

    def check(self) -> None:
        """Raise Stopped if a signal came. The steps of a start call it between them, so that no child is forgotten."""
        if self.stopping:
            raise Stopped

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let a signal raise Stopped inside the block. Only for waits that start no child, such as for a database."""
        self._interrupting = True
        try:
            self.check()
            yield
        finally:
            self._interrupting = False
        self.check()

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Supervise the children until `ready` returns true. A signal ends the wait, also inside `ready`."""
        while not self._is(ready):
            self._look(0.05)
            self.check()

    def run(self) -> None:
        """Supervise the children until a signal comes."""
        next_chores = time.monotonic()
        while not self.stopping:
            self._look(min(0.5, max(0.0, next_chores - time.monotonic())))
            if time.monotonic() >= next_chores:
                next_chores = time.monotonic() + CHORES_EVERY
                for chore in self._chores:
                    chore()

    def stop(self) -> None:
        """Stop all programs stage by stage; those of one stage together, so that many workers take no longer than one.

        Then end their remaining processes, such as those of a PostgreSQL that was killed. `forced` lists what was
        killed.
        """
        self.stopping = True
        for spare in [child.spare for child in self.children if child.spare]:
            spare.end()
        for _, stage in groupby(sorted(self.children, key=_stage, reverse=True), key=_stage):
            self._stop_stage(list(stage))
        self.children.clear()
        killed, left = end_all(self._strangers, lambda: self._hurried)
        for name in killed:
            say(f"{name} was left behind by what started it, and was killed")
        for name in left:
            say(f"{name} could not be ended: the kernel holds it, as it does while a disk does not answer")
        self.forced += [*killed, *left]

    def _is(self, ready: Callable[[], bool]) -> bool:
        with self.interruptible():
            return ready()

    def _drain_wake(self) -> None:
        with suppress(BlockingIOError):  # a liveness signal ended the wait
            self._wake.recv(4096)

    def _look(self, seconds: float) -> None:
        """Wait for a signal, or for `seconds`; then handle ended processes and start those that are due."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            for pipe in [child.pipe for child in self.children if child.died and child.pipe is not None]:
                selector.register(pipe, selectors.EVENT_READ)
            if selector.select(seconds):
                self._drain_wake()
        for child in self.children:
            if child.process and child.process.poll() is not None:
                child.bury()
            if not child.process and not self.stopping and time.monotonic() >= child.due:
                child.start()
            child.tell_of_return()
        reap_orphans(self._strangers | self._pids())

    def _stop_stage(self, children: list[Child]) -> None:
        alive = [child for child in children if child.process]
        for child in alive:
            child.signal(child.program.stop_signal)
            child.signal(signal.SIGCONT)  # a suspended process handles no signal
        deadline = time.monotonic() + STOP_SECONDS
        while any(child.runs for child in alive) and not self._hurried and time.monotonic() < deadline:
            time.sleep(0.02)
        waited = "at once, as asked" if self._hurried else f"after {STOP_SECONDS:.0f} s, in which it did not end"
        for name in [child.program.name for child in alive if child.end()]:
            say(f"{name} was killed {waited}")
            self.forced.append(name)
        for child in alive:
            child.note_pid()

    def _pids(self) -> set[int]:
        processes = [
            process for child in self.children for process in (child.process, child.spare and child.spare.process)
        ]
        return {process.pid for process in processes if process}

    def _keep_spares(self) -> None:
        for child in self.children:
            child.keep_spare()

    def _rotate(self) -> None:
        for child in self.children:
            logs.rotate(child.program.log)
        for folder in {child.program.log.parent for child in self.children}:
            logs.rotate(folder / logs.OWN)

    def _on_signal(self, *_: object) -> None:
        self._hurried = self.stopping
        self.stopping = True
        if self._interrupting:
            raise Stopped


def _stage(child: Child) -> int:
    return child.program.stage
