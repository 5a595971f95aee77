"""Installs npm packages for tests, as a committed lock names them, into the environment's cache."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

CACHE_FOLDER = Path(sys.prefix) / "cache"
LOCK_FILES = ("package.json", "package-lock.json")
NO_NODE_REASON = "needs node and npm, and npm's registry for the first time"


@cache  # a machine without the registry asks for it once
def installed_packages(package: Path, needed: str) -> Path | None:
    """Return the `node_modules` of a package that has a lock; None where `needed` cannot be installed."""
    folder = CACHE_FOLDER / f"{package.name}-packages"
    modules = folder / "node_modules"
    if not (modules / needed).exists() or not _is_current(package, folder):
        _install(package, folder)
    return modules if (modules / needed).exists() and shutil.which("node") else None


def _is_current(package: Path, folder: Path) -> bool:
    pairs = [(folder / name, package / name) for name in LOCK_FILES]
    return all(copy.exists() and copy.read_bytes() == original.read_bytes() for copy, original in pairs)


def _install(package: Path, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in LOCK_FILES:
        shutil.copy(package / name, folder / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=folder, check=False, timeout=300)
