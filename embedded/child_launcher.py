"""The launcher of a child process, run between fork and exec: `python -m … PARENT SIGNAL RUN_AS COMMAND…`.

It is a program of its own because Popen's `preexec_fn` is unsafe once the parent has threads, and because only a
process with a single thread can enter a user namespace. It imports the standard library alone.
"""

import ctypes
import os
import signal
import sys

from embedded import unprivileged

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become a command that is tied to the life of a process; the arguments name both. This never returns."""
    parent, death_signal, run_as, *command = arguments
    os.umask(0o077)
    for ignored in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)  # Python, and a shell's `&`, leave these ignored in their children
    unprivileged.drop_privileges(unprivileged.RunAs(run_as))
    die_with_parent(int(parent), int(death_signal))
    os.execv(command[0], command)  # noqa: S606 - the point of this program


def die_with_parent(parent: int, death_signal: int) -> None:
    """Have the kernel send `death_signal` when `parent` dies, even by SIGKILL.

    This must come last before exec: a change of credentials clears it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before the line above
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
