"""A spare process: it has imported its code and waits until the process that it can replace has died.

The imports take a second or more on a busy machine. With a spare, connections wait only tenths of a second for the
next process.
"""

import ctypes
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from shared.embedded.process import PULSE, Program, spawn

STANDBY = "LEADHUB_STANDBY"  # in the environment of a spare: the descriptor of the pipe that tells it to start
COMMAND, WAITING = b"gateway", b"standby"  # of one length: one replaces the other in place
ARG_START, ARG_END = 48, 49  # fields of /proc/PID/stat


@dataclass(frozen=True)
class Spare:
    """A waiting process. The supervisor reads the pipe `pulse` and writes to the pipe `go`."""

    process: "subprocess.Popen[bytes]"
    pulse: int
    go: int
    name: str

    @property
    def runs(self) -> bool:
        """Whether the process lives."""
        return self.process.poll() is None

    def begin(self) -> bool:
        """Tell it to take over. Return False if it has died; its resources are released then."""
        try:
            os.write(self.go, b"g")
        except BrokenPipeError:
            self.end()
            return False
        os.close(self.go)
        return True

    def end(self) -> None:
        """Kill it. It holds no data."""
        self.process.kill()
        self.process.wait()
        os.close(self.go)
        os.close(self.pulse)


def start_spare(program: Program, name: str) -> Spare:
    """Start a spare of a gateway program. OSError if it cannot be started.

    `name` keeps its metrics apart from those of the process that it can replace.
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
    """Return at once, except in a spare: it waits until it is needed, and exits if its supervisor is gone."""
    descriptor = os.environ.pop(STANDBY, "")
    if not descriptor:
        return
    is_needed = os.read(int(descriptor), 1)
    os.close(int(descriptor))
    if not is_needed:
        sys.exit(0)
    with suppress(OSError, ValueError):  # only the displayed name would be wrong
        _take_name()


def _take_name() -> None:
    """Show the command line of the replaced process, by which operators and tests find it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = (int(fields[number - 3]) for number in (ARG_START, ARG_END))
    at = ctypes.string_at(begin, end - begin).index(b"\0" + WAITING + b"\0") + 1
    ctypes.memmove(begin + at, COMMAND, len(COMMAND))


def _pipe() -> tuple[int, int]:
    """Return a non-blocking pipe for a liveness signal. The child shares the flags of its end."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    return reader, writer
