"""The files in which the processes of a machine pool what they count. They are made before prometheus-client maps them.

It would make them with holes, and on a full disk to count into a hole ends the process with SIGBUS.
"""

import errno
import os
from pathlib import Path

KINDS = ("counter", "histogram", "gauge_livesum", "gauge_mostrecent")  # of metrics: a process has a file for each
ROOM = 1 << 20  # bytes of a file; the library makes 64 KiB, which it has to enlarge, with holes, for some twenty routes


def has_room(folder: Path) -> bool:
    """Makes this process's files. Where the disk is full there are none: it counts for itself alone then, and lives."""
    files = [folder / f"{kind}_{os.getpid()}.db" for kind in KINDS]
    try:
        for path in files:
            with path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, ROOM)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        for path in files:
            path.unlink(missing_ok=True)
        return False
    return True
