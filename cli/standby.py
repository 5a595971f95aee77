"""A spare process: it has imported its code and waits until the process that it stands by for has died.

The imports take a second and more of a busy machine. With a spare, connections that wait for a successor wait for
tenths of a second.
"""

import ctypes
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from shared.embedded.process import PULSE, Program, spawn

STANDBY = "LEADHUB_STANDBY"  # in the environment of a spare: the descriptor on which it is told to begin
COMMAND, WAITING = b"gateway", b"standby"  # as long as one another: the one becomes the other in place
ARG_START, ARG_END = 48, 49  # fields of /proc/PID/stat


@dataclass(frozen=True)
class Spare:
    """A process that waits. `pulse` is read from, `go` is written to."""

    process: "subprocess.Popen[bytes]"
    pulse: int
    go: int
    name: str

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        return self.process.poll() is None

    def begin(self) -> bool:
        """Have it take over. False where it has died: nothing of it is left then."""
        try:
            os.write(self.go, b"g")
        except BrokenPipeError:
            self.end()
            return False
        os.close(self.go)
        return True

    def end(self) -> None:
        """Have it gone: it holds nothing."""
        self.process.kill()
        self.process.wait()
        os.close(self.go)
        os.close(self.pulse)


def start_spare(program: Program, name: str) -> Spare:
    """Start a spare of a program that is a gateway. OSError where it cannot be started.

    `name` tells its metrics from those of the process that it stands by for.
    """
    argv = [word if word != COMMAND.decode() else WAITING.decode() for word in program.argv]
    waiting = replace(program, argv=argv, env={**program.env, "LEADHUB_PROCESS_NAME": name})
    pulse, beat = _pipe()
    told, go = os.pipe()
    try:
        return Spare(spawn(waiting, {PULSE: beat, STANDBY: told}), pulse, go, name)
    except OSError:
        os.close(pulse)
        os.close(go)
        raise
    finally:
        os.close(beat)
        os.close(told)


def await_turn() -> None:
    """Return at once, except in a spare: there, when it is needed. It exits where nobody can need it any more."""
    descriptor = os.environ.pop(STANDBY, "")
    if not descriptor:
        return
    is_needed = os.read(int(descriptor), 1)
    os.close(int(descriptor))
    if not is_needed:
        sys.exit(0)
    with suppress(OSError, ValueError):  # a name, no more
        _take_name()


def _take_name() -> None:
    """Show the command line of what it stood by for, by which operators and tests find it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = (int(fields[number - 3]) for number in (ARG_START, ARG_END))
    at = ctypes.string_at(begin, end - begin).index(b"\0" + WAITING + b"\0") + 1
    ctypes.memmove(begin + at, COMMAND, len(COMMAND))


def _pipe() -> tuple[int, int]:
    """A pipe for a pulse: neither end ever waits. The child shares the flags of its end."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    return reader, writer
