"""Run PostgreSQL as another user: it refuses to run as root, or as a user without a name."""

import ctypes
import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[__name__.count(".")]  # the folder that holds the top package

CLONE_NEWUSER = 0x10000000
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522

# Checked with effective ids: otherwise `access` answers as if the process had no capabilities.
ACCESS_CHECK = """
import os, sys
folder, binary = sys.argv[1:]
writable = os.access(folder, os.W_OK | os.X_OK, effective_ids=True)
sys.exit(not (writable and os.access(binary, os.X_OK, effective_ids=True)))
"""

ROOT_ADVICE = (
    "PostgreSQL refuses to run as root, and this machine allows neither a user namespace nor the user `nobody` with "
    "CAP_DAC_OVERRIDE. Run leadhub as an ordinary user, or name a PostgreSQL in LEADHUB_DATABASE_URL."
)


class RunAs(StrEnum):
    NONE = "none"
    NAMESPACE = "namespace"
    NOBODY = "nobody"


def choose_run_as(folder: Path, binary: Path) -> RunAs:
    """Return the first way in which `folder` can be written and `binary` run.

    RuntimeError with advice if there is none.
    """
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return RunAs.NONE
    for run_as in (RunAs.NAMESPACE, RunAs.NOBODY):
        if _can_run_as(run_as, folder, binary):
            return run_as
    raise RuntimeError(ROOT_ADVICE)


def drop_privileges(run_as: RunAs) -> None:
    """Change the user of this process, which must have one thread only."""
    if run_as is RunAs.NAMESPACE:
        enter_namespace()
    elif run_as is RunAs.NOBODY:
        become_nobody()


def enter_namespace() -> None:
    """Become `nobody` in a user namespace. Outside it this user still owns the files, so a 0700 parent does no harm."""
    nobody = pwd.getpwnam("nobody")
    uid, gid = os.geteuid(), os.getegid()
    _call_libc("unshare", CLONE_NEWUSER)
    # The kernel demands this before gid_map is written without privilege.
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{nobody.pw_uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{nobody.pw_gid} {gid} 1")


def become_nobody() -> None:
    """Become `nobody` with CAP_DAC_OVERRIDE alone, kept over exec: enough to pass through folders of root."""
    nobody = pwd.getpwnam("nobody")
    _call_libc("prctl", PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    mask = 1 << CAP_DAC_OVERRIDE
    _call_libc("capset", header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0))
    _call_libc("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def chown_tree(folder: Path, run_as: RunAs) -> None:
    """Give `folder` the owner that PostgreSQL demands: the user that it runs as in its own view."""
    entry = pwd.getpwnam("nobody") if run_as is RunAs.NOBODY else None
    owner = (entry.pw_uid, entry.pw_gid) if entry else (os.geteuid(), os.getegid())
    if folder.stat().st_uid == owner[0]:
        return
    for parent, _, files in os.walk(folder):
        for path in (parent, *(os.path.join(parent, name) for name in files)):
            os.chown(path, *owner, follow_symlinks=False)


def guarded_command(command: Sequence[str], run_as: RunAs, death_signal: int) -> list[str]:
    """Return the command line that runs `command` as that user, tied to the life of this process."""
    guard = [sys.executable, "-EsSB", "-m", f"{__package__}.child_launcher"]
    return [*guard, str(os.getpid()), str(int(death_signal)), run_as, *command]


def _can_run_as(run_as: RunAs, folder: Path, binary: Path) -> bool:
    command = [sys.executable, "-ISB", "-c", ACCESS_CHECK, str(folder), str(binary)]
    probe = subprocess.run(guarded_command(command, run_as, 9), cwd=PROJECT_ROOT, capture_output=True, check=False)
    return probe.returncode == 0


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _call_libc(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
