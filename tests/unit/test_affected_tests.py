"""Which extended tests a change concerns: the table names each of them, and nothing that is not there."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import affected_tests
from cli.affected_tests import TABLE_FILE, UnknownBase, read_table, select_files

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
TABLE = {"services/console/*": ["tests/console/test_a.py"], "shared/*": ["tests/e2e/test_b.py"], "docs/*": []}
EXTENDED = re.compile(r"pytest\.mark\.extended\b|_in_tier\(")
EVERYTHING = ["tests/console/test_a.py", "tests/e2e/test_b.py"]


@pytest.mark.parametrize(
    ("paths", "files"),
    [
        ([], []),
        (["docs/index.md"], []),
        (["services/console/now/now_page.py", "docs/index.md"], ["tests/console/test_a.py"]),
        (["services/console/app.py", "shared/platform/ids.py"], EVERYTHING),
        (["a/new/folder.py", "docs/index.md"], EVERYTHING),
        (["tests/e2e/test_b.py"], ["tests/e2e/test_b.py"]),
    ],
)
def test_files_are_those_of_the_changed_paths(paths: list[str], files: list[str]) -> None:
    assert select_files(paths, TABLE) == files


def test_the_table_names_each_extended_file_and_paths_that_exist() -> None:
    table = read_table(TABLE_FILE)
    assert {file for files in table.values() for file in files} == set(extended_files())
    assert [pattern for pattern in table if not any(ROOT.glob(pattern))] == []


def test_a_commit_that_git_does_not_know_is_said() -> None:
    with pytest.raises(UnknownBase, match="no-such-commit"):
        affected_tests.affected_files("no-such-commit")


def test_changes_are_those_since_the_branch_began_and_new_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.setattr(affected_tests, "PROJECT_ROOT", tmp_path)
    git("init", "--initial-branch", "base")
    git("commit", "--allow-empty", "--message", "first")
    git("switch", "--create", "work")
    (tmp_path / "committed.py").touch()
    git("add", ".")
    git("commit", "--message", "second")
    (tmp_path / "new.py").touch()
    assert affected_tests.changed_paths("base") == ["committed.py", "new.py"]


def extended_files() -> Iterator[str]:
    """Test files in which something is marked as extended, or a table of cases has its first one in the tier."""
    for file in (ROOT / "tests").rglob("test_*.py"):
        if EXTENDED.search(file.read_text()):
            yield str(file.relative_to(ROOT))
