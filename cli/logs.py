"""The children's log files, kept from growing without end."""

import os
import shutil
from pathlib import Path

LIMIT = 64 * 1024 * 1024  # bytes


def rotate(log: Path) -> None:
    """Past the limit, move what it holds to `<name>.1`, in place of what was there.

    Copied and emptied, since its writer keeps it open (for appending, so it goes on at the start). What is written
    between copy and emptying is lost; a log may.
    """
    try:
        if log.stat().st_size < LIMIT:
            return
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)
    except OSError:  # a full disk: the next look tries again
        return
