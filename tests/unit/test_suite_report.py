"""The last lines of `./leadhub test`: what took long, what was skipped, what to mend first."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.test import FAULTS, WITH_STACK, WITHOUT_STACK
from cli.test_history import KEPT_RUNS, REPORT_VARIABLE, SuiteReport, TestHistory

pytestmark = pytest.mark.unit

pytest_plugins = ["pytester"]
AT = datetime(2027, 1, 31, 9, 0, tzinfo=UTC)
OUTCOMES = """
import pytest

def test_promise(): pass
def test_fault(): assert False
@pytest.mark.skipif(True, reason="there is no chromium here")
def test_page(): pass
@pytest.fixture
def server(): raise OSError
def test_server(server): pass
"""
SKIPPED_FILE = "import pytest\npytest.skip('no corpus', allow_module_level=True)"
MISSING_CASES = """
import pytest
from tests.support.wider_samples import cases_or_skip

@pytest.mark.parametrize("case", cases_or_skip([]))
def test_case(case): assert False
"""
CONFTEST = """
from tests.support.run_report import register_reporter

def pytest_configure(config): register_reporter(config)
"""


def report_of(tests: dict[str, str], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> SuiteReport:
    """What a run of these test files reports."""
    root = Path(__file__).parents[2]
    file = pytester.path / "report.json"
    monkeypatch.setenv(REPORT_VARIABLE, str(file))
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(**tests)
    pytester.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider", "-o", f"pythonpath={root}")
    report = SuiteReport()
    report.add(file)
    return report


def test_a_run_reports_outcomes_and_reasons(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_of({"test_one": OUTCOMES, "test_two": SKIPPED_FILE}, pytester, monkeypatch)
    assert (report.passed, report.failed) == (1, 2)
    assert report.skipped == {"there is no chromium here": 1, "no corpus": 1}
    assert set(report.seconds) == {"test_one.py"}


def test_cases_of_samples_that_are_not_here_are_named(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = report_of({"test_samples": MISSING_CASES}, pytester, monkeypatch)
    assert report.skipped == {"the wider corpus of samples is not here": 1}
    assert "skipped: 1 × the wider corpus of samples is not here" in report.lines()


def test_the_last_line_counts_a_flaky_test_as_passed_once_more(tmp_path: Path) -> None:
    part = {"passed": 3, "failed": 2, "seconds": {"tests/a.py": 4.0, "tests/b.py": 9.0}, "skipped": {"no Node": 2}}
    (tmp_path / "report.json").write_text(json.dumps(part))
    report = SuiteReport()
    report.add(tmp_path / "report.json")
    report.add(tmp_path / "absent.json")
    report.finish("tier", AT, 90, ["tests/a.py::test_x"])
    lines = list(report.lines())
    assert lines[1:4] == ["      9  tests/b.py", "      4  tests/a.py", "skipped: 2 × no Node"]
    assert lines[-1] == "tier: 3 passed, 1 failed, 2 skipped in 1.5 minutes"


def test_a_test_that_was_flaky_twice_is_to_mend_first(tmp_path: Path) -> None:
    history = TestHistory(tmp_path / "cache" / "history.jsonl")
    assert list(history.lines()) == []
    for flaky in (["a"], [], ["a", "b"]):
        report = SuiteReport(flaky=flaky)
        report.seconds["tests/a.py"] += 4
        history.append(report)
    assert list(history.lines()) == ["mend first: a was flaky in 2 of the last 3 runs"]


def test_old_runs_are_forgotten(tmp_path: Path) -> None:
    history = TestHistory(tmp_path / "history.jsonl")
    for flaky in (["a"], ["a"], *([[]] * KEPT_RUNS)):
        history.append(SuiteReport(flaky=flaky))
    assert list(history.lines()) == []


def test_each_folder_of_tests_is_in_one_part_of_the_suite() -> None:
    root = Path(__file__).parents[2]
    parts = [word for part in (WITHOUT_STACK, WITH_STACK, FAULTS) for word in part if word.startswith("tests/")]
    folders = {file.relative_to(root).parts[1] for file in (root / "tests").rglob("test_*.py")}
    assert sorted(parts) == sorted(f"tests/{folder}" for folder in folders)
