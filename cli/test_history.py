"""What a run of the test suite took, skipped and called flaky, kept for the runs that follow."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

REPORT_VARIABLE = "PYTEST_RUN_REPORT"  # names the file that tests/support/run_report.py writes
SHOWN_FILES = 10
KEPT_RUNS = 50
FLAKY_TWICE = 2


@dataclass
class SuiteReport:
    """One run. `seconds` is by test file and added up over processes, `skipped` counts tests by reason."""

    tier: str = ""
    ended_at: str = ""
    minutes: float = 0.0
    passed: int = 0
    failed: int = 0
    seconds: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    flaky: list[str] = field(default_factory=list)

    def add(self, file: Path) -> None:
        """Add what one run of pytest wrote; nothing if it wrote nothing."""
        try:
            part = json.loads(file.read_text())
        except FileNotFoundError:
            return
        self.passed += part["passed"]
        self.failed += part["failed"]
        self.seconds.update(part["seconds"])
        self.skipped.update(part["skipped"])

    def finish(self, tier: str, ended_at: datetime, seconds: float, flaky: list[str]) -> None:
        """Say of which tier it was and how it ended. A flaky test failed once and passed once."""
        self.tier, self.ended_at, self.minutes = tier, ended_at.isoformat(timespec="seconds"), round(seconds / 60, 1)
        self.flaky = flaky
        self.failed -= len(flaky)

    def lines(self) -> Iterable[str]:
        """The slowest files, what was skipped and why, and how many tests ran."""
        yield f"the {SHOWN_FILES} slowest files, in seconds:"
        yield from (f"{seconds:7.0f}  {name}" for name, seconds in self.seconds.most_common(SHOWN_FILES))
        yield from (f"skipped: {count} × {reason}" for reason, count in self.skipped.most_common())
        skipped = sum(self.skipped.values())
        yield f"{self.tier}: {self.passed} passed, {self.failed} failed, {skipped} skipped in {self.minutes} minutes"


class TestHistory:
    """The last runs, as lines of JSON in a file."""

    __test__ = False  # its name begins as those of tests do

    def __init__(self, file: Path) -> None:
        self._file = file

    def append(self, report: SuiteReport) -> None:
        """Add a run; the oldest ones go."""
        lines = [*self._read(), json.dumps(vars(report))]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text("".join(f"{line}\n" for line in lines[-KEPT_RUNS:]))

    def lines(self) -> Iterable[str]:
        """The tests that were flaky in two runs or more: the first thing to mend."""
        counts = Counter(test for line in self._read() for test in set(json.loads(line)["flaky"]))
        for test, count in counts.most_common():
            if count >= FLAKY_TWICE:
                yield f"mend first: {test} was flaky in {count} of the last {len(self._read())} runs"

    def _read(self) -> list[str]:
        try:
            return self._file.read_text().splitlines()
        except FileNotFoundError:
            return []
