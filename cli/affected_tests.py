"""Find the extended tests of what a change touches, by the table `tests/affected_tests.toml`."""

import subprocess
import tomllib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from embedded.process import PROJECT_ROOT

TABLE_FILE = PROJECT_ROOT / "tests" / "affected_tests.toml"


class UnknownBase(Exception):
    """Git does not know the commit; the message says what to do."""


def affected_files(base: str) -> list[str]:
    """Return the test files whose extended tests concern what changed since `base`, with what is not committed yet."""
    return select_files(changed_paths(base), read_table(TABLE_FILE))


def changed_paths(base: str) -> list[str]:
    """Return the paths that differ from the commit where this branch left `base`, and those that Git does not know."""
    fork = _git("merge-base", base, "HEAD")
    if not fork:
        raise UnknownBase(f"git knows no commit {base!r} before this one: name one, such as `--affected HEAD~3`")
    return [*_git("diff", "--name-only", fork[0]), *_git("ls-files", "--others", "--exclude-standard")]


def read_table(file: Path) -> dict[str, list[str]]:
    """Return the patterns of paths, each with its test files; `*` in a pattern also stands for slashes."""
    areas = tomllib.loads(file.read_text())["area"]
    return {pattern: area["tests"] for area in areas for pattern in area["paths"]}


def select_files(paths: Iterable[str], table: dict[str, list[str]]) -> list[str]:
    """Return the test files of all patterns that a path fits, sorted; all there are for a path that fits none."""
    everything = {file for files in table.values() for file in files}
    selected: set[str] = set()
    for path in paths:
        fitting = [files for pattern, files in table.items() if fnmatchcase(path, pattern)]
        selected |= {path} & everything if path in everything else set().union(*fitting) if fitting else everything
    return sorted(selected)


def _git(*arguments: str) -> list[str]:
    """The lines that a command of Git prints; none if it fails or there is no Git."""
    try:
        done = subprocess.run(["git", *arguments], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []
