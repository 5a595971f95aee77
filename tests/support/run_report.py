"""Writes down what a run of pytest took, passed and skipped, where `./leadhub test` asks for it."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from cli.test_history import REPORT_VARIABLE


class RunReporter:
    """A plugin of the process that collects the reports of all others."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._outcomes: dict[str, str] = {}  # by test: the last of set-up, call and tear-down that was not passed
        self._seconds: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one phase of a test."""
        self._seconds[report.nodeid.partition("::")[0]] += report.duration  # type: ignore[assignment]
        if report.skipped:
            self._skipped[reason_of(report)] += 1
            self._outcomes[report.nodeid] = "skipped"
        elif report.failed or report.nodeid not in self._outcomes:
            self._outcomes[report.nodeid] = report.outcome

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that is skipped as a whole."""
        if report.skipped:
            self._skipped[reason_of(report)] += 1

    def pytest_sessionfinish(self) -> None:
        """Write the file."""
        outcomes = Counter(self._outcomes.values())
        seconds = {name: round(value, 1) for name, value in self._seconds.items()}
        body = {"passed": outcomes["passed"], "failed": outcomes["failed"]}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps({**body, "seconds": seconds, "skipped": self._skipped}))


def reason_of(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The sentence with which something was skipped."""
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")


def register_reporter(config: pytest.Config) -> None:
    """Report if somebody asks, in the one process that sees all reports."""
    name = os.environ.get(REPORT_VARIABLE)
    if name and not hasattr(config, "workerinput"):
        config.pluginmanager.register(RunReporter(Path(name)))
