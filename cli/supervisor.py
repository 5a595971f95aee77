"""The supervisor of `up`: starts programs in order, restarts what dies, stops all in reverse order."""

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

from cli import logs
from cli.common import say
from shared.embedded.process import Program, describe, spawn, wait_ready

PAUSES = (0.0, 0.5, 1.0, 2.0)  # seconds before a restart; the last one for ever
FORGIVEN_AFTER = 10.0  # seconds of life that clear the count
STOP_SECONDS = 30.0
CHORES_EVERY = 5.0  # seconds


class Stopped(BaseException):
    """A signal asked for the end during a start."""


@dataclass
class Child:
    """One program and its present process, if it has one; `due` is when to start it again, `beat` when its pulse was
    last felt (monotonic)."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    beat: float = 0.0
    pipe: int | None = None  # its pulse, to be read
    failures: int = 0
    due: float = 0.0

    @property
    def age(self) -> float:
        """Seconds of life."""
        return time.monotonic() - self.started if self.process else 0.0

    def start(self) -> None:
        """Start it, or note when to try again."""
        self.started = self.beat = time.monotonic()
        try:
            self.process = self._spawn_beating() if self.program.pulse else spawn(self.program)
        except OSError as error:  # no memory, no descriptors, a full disk: as likely to pass as a crash
            self.rest(f"could not start: {error}")

    def _spawn_beating(self) -> subprocess.Popen[bytes]:
        self._forget_pulse()
        self.pipe, writer = os.pipe()
        os.set_blocking(self.pipe, False)
        os.set_blocking(writer, False)  # for the child: it shares this end's flags
        try:
            return spawn(self.program, writer)
        finally:
            os.close(writer)

    def felt(self) -> bool:
        """Whether its pulse beat since it was last asked."""
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
        """Whether its process lives."""
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send its process a signal, if it lives."""
        if self.process:
            self.process.send_signal(number)

    def end(self) -> None:
        """Have its process gone, by force if need be."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def bury(self) -> None:
        """Note that its process has ended."""
        if self.process:
            self.rest(f"ended with {describe(self.process.returncode)}")

    def rest(self, reason: str) -> None:
        """Choose the pause before the next start."""
        self.failures = 1 if time.monotonic() - self.started > FORGIVEN_AFTER else self.failures + 1
        pause = PAUSES[min(self.failures, len(PAUSES)) - 1]
        self.due, self.process = time.monotonic() + pause, None
        when = f"in {pause:g} s" if pause else "now"
        say(f"{self.program.name} {reason}; starting it again {when} (log: {self.program.log})")


class Supervisor:
    """Used from the main thread, inside `handling_signals`."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self.stopping = False
        self._hurried = False
        self._interrupting = False
        self._chores: list[Callable[[], None]] = [self._rotate]
        self._wake, self._waker = socket.socketpair()

    @contextmanager
    def handling_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM end `run`; a second one ends the ending."""
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
        """Something quick to do every few seconds."""
        self._chores.append(chore)

    def start(self, program: Program) -> None:
        """Start it and go on looking after it."""
        self.check()
        child = Child(program)
        self.children.append(child)
        child.start()

    def start_ready(self, programs: Iterable[Program]) -> None:
        """Start them and wait until all answer. RuntimeError if one does not: a first start that fails is no crash."""
        first = len(self.children)
        for program in programs:
            self.start(program)
        for child in self.children[first:]:
            if child.process is None:
                raise RuntimeError(f"{child.program.name} could not be started")
            wait_ready(child.program, child.process)
            self.check()

    def check(self) -> None:
        """Raise Stopped if a signal came. Steps of a start call it, so that no half-made child is ever forgotten."""
        if self.stopping:
            raise Stopped

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """For a step without children that waits for others, as for a database: a signal raises Stopped within it."""
        self._interrupting = True
        try:
            self.check()
            yield
        finally:
            self._interrupting = False
        self.check()

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Look after the children until `ready` says so."""
        while not ready():
            self._look(0.05)
            self.check()

    def run(self) -> None:
        """Look after the children until a signal comes."""
        next_chores = time.monotonic()
        while not self.stopping:
            self._look(min(0.5, max(0.0, next_chores - time.monotonic())))
            if time.monotonic() >= next_chores:
                next_chores = time.monotonic() + CHORES_EVERY
                for chore in self._chores:
                    chore()

    def stop(self) -> None:
        """End all, stage by stage: those of one stage together, so that many workers take no longer than one."""
        self.stopping = True
        for _, stage in groupby(sorted(self.children, key=_stage, reverse=True), key=_stage):
            self._stop_stage(list(stage))
        self.children.clear()

    def _look(self, seconds: float) -> None:
        """Wait for a signal, or `seconds`; then bury and start."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ)
            if selector.select(seconds):
                self._wake.recv(4096)
        for child in self.children:
            if child.process and child.process.poll() is not None:
                child.bury()
            if not child.process and not self.stopping and time.monotonic() >= child.due:
                child.start()

    def _stop_stage(self, children: list[Child]) -> None:
        alive = [child for child in children if child.process]
        for child in alive:
            child.signal(child.program.stop_signal)
        deadline = time.monotonic() + STOP_SECONDS
        while any(child.runs for child in alive) and not self._hurried and time.monotonic() < deadline:
            time.sleep(0.02)
        for child in alive:
            child.end()

    def _rotate(self) -> None:
        for child in self.children:
            logs.rotate(child.program.log)

    def _on_signal(self, *_: object) -> None:
        self._hurried = self.stopping
        self.stopping = True
        if self._interrupting:
            raise Stopped


def _stage(child: Child) -> int:
    return child.program.stage
