"""`./leadhub test` runs a failed test once more: a passing moment does not fail it, a fault does."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.failed_test_reruns import MAX_RERUNS, SuiteRunner, summary_lines

pytestmark = pytest.mark.integration

PASSES_AT_THE_SECOND_RUN = """
from pathlib import Path

def test_bad_moment():
    mark = Path(__file__).with_name("mark")
    ran_before = mark.exists()
    mark.touch()
    assert ran_before
"""
FAILS = "def test_fault(): assert False"
SETUP_FAILS = """
import pytest

@pytest.fixture
def server(): raise OSError

def test_server(server): pass
"""
PASSES = "def test_promise(): pass"


def suite(folder: Path, **files: str) -> SuiteRunner:
    """A suite of these test files."""
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(text)
    cache = folder / "cache"
    command = (sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "--rootdir", ".", "-o", f"cache_dir={cache}")

    def run_pytest(*arguments: str) -> int:
        return subprocess.run([*command, *arguments], cwd=folder, check=False).returncode

    return SuiteRunner(cache, run_pytest)


@pytest.mark.extended
def test_a_test_that_passes_alone_is_flaky_and_one_that_fails_again_is_not(tmp_path: Path) -> None:
    runner = suite(tmp_path, moment=PASSES_AT_THE_SECOND_RUN, fault=FAILS, server=SETUP_FAILS, promise=PASSES)
    runner.run("-n", "2")
    reruns = runner.rerun_failed()
    assert reruns.flaky == ["test_moment.py::test_bad_moment"]
    assert sorted(reruns.failed) == ["test_fault.py::test_fault", "test_server.py::test_server"]
    assert summary_lines(["mypy"], [], reruns)[:2] == ["flaky: test_moment.py::test_bad_moment", "failed: mypy"]
    assert runner.broken == []


@pytest.mark.extended
def test_failures_of_one_part_are_not_forgotten_by_the_next(tmp_path: Path) -> None:
    runner = suite(tmp_path, fault=FAILS, promise=PASSES)
    runner.run("test_fault.py")
    runner.run("test_promise.py")
    runner.run("-k", "no_such_test")
    assert runner.rerun_failed().failed == ["test_fault.py::test_fault"]
    assert runner.broken == []


def test_a_part_that_ends_without_a_failed_test_is_broken(tmp_path: Path) -> None:
    runner = suite(tmp_path, promise=PASSES)
    runner.run("--no-such-option")
    assert runner.broken == ["pytest --no-such-option (exit status 4)"]
    assert runner.rerun_failed().failed == []


def test_many_failures_are_not_run_again(tmp_path: Path) -> None:
    many = "import pytest\n\n@pytest.mark.parametrize('n', range(%d))\ndef test_fault(n): assert False"
    runner = suite(tmp_path, many=many % (MAX_RERUNS + 1))
    runner.run()
    (tmp_path / "test_many.py").write_text(PASSES)
    reruns = runner.rerun_failed()
    assert (reruns.flaky, len(reruns.failed)) == ([], MAX_RERUNS + 1)
