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

from embedded.process import LIVENESS_FD_VARIABLE, ChildProgram, spawn_program

STANDBY_VARIABLE = "LEADHUB_STANDBY"  # in the environment of a spare: the descriptor of the pipe that tells it to start
ACTIVE_COMMAND, SPARE_COMMAND = b"gateway", b"standby"  # of one length: one replaces the other in place
ARG_START_FIELD, ARG_END_FIELD = 48, 49  # fields of /proc/PID/stat


@dataclass(frozen=True)
class SpareProcess:
    """A waiting process. The supervisor reads the pipe `pulse` and writes to the pipe `go`."""

    process: "subprocess.Popen[bytes]"
    liveness_pipe: int
    start_pipe: int
    name: str

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self.process.poll() is None

    def take_over(self) -> bool:
        """Tell it to take over. Return False if it has died; its resources are released then."""
        try:
            os.write(self.start_pipe, b"g")
        except BrokenPipeError:
            self.kill()
            return False
        os.close(self.start_pipe)
        return True

    def kill(self) -> None:
        """Kill it. It holds no data."""
        self.process.kill()
        self.process.wait()
        os.close(self.start_pipe)
        os.close(self.liveness_pipe)


def start_spare(program: ChildProgram, name: str) -> SpareProcess:
    """Start a spare of a gateway program. OSError if it cannot be started.

    `name` keeps its metrics apart from those of the process that it can replace.
    """
    argv = [word if word != ACTIVE_COMMAND.decode() else SPARE_COMMAND.decode() for word in program.argv]
    waiting = replace(program, argv=argv, env={**program.env, "LEADHUB_PROCESS_NAME": name})
    pulse, beat = _nonblocking_pipe()
    told, go = os.pipe()
    try:
        return SpareProcess(
            spawn_program(waiting, {LIVENESS_FD_VARIABLE: beat, STANDBY_VARIABLE: told}), pulse, go, name
        )
    except OSError:
        os.close(pulse)
        os.close(go)
        raise
    finally:
        os.close(beat)
        os.close(told)


def wait_until_needed() -> None:
    """Return at once, except in a spare: it waits until it is needed, and exits if its supervisor is gone."""
    descriptor = os.environ.pop(STANDBY_VARIABLE, "")
    if not descriptor:
        return
    is_needed = os.read(int(descriptor), 1)
    os.close(int(descriptor))
    if not is_needed:
        sys.exit(0)
    with suppress(OSError, ValueError):  # only the displayed name would be wrong
        _take_over_name()


def _take_over_name() -> None:
    """Show the command line of the replaced process, by which operators and tests find it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    begin, end = (int(fields[number - 3]) for number in (ARG_START_FIELD, ARG_END_FIELD))
    at = ctypes.string_at(begin, end - begin).index(b"\0" + SPARE_COMMAND + b"\0") + 1
    ctypes.memmove(begin + at, ACTIVE_COMMAND, len(ACTIVE_COMMAND))


def _nonblocking_pipe() -> tuple[int, int]:
    """Return a non-blocking pipe for a liveness signal. The child shares the flags of its end."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    return reader, writer
