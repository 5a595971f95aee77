"""Run failed tests once more, alone: a slow moment of a busy machine must not fail a run, but a bug must."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LAST_FAILED_FILE = Path("v/cache/lastfailed")  # in pytest's cache
MAX_RERUNS = 20  # more failures than these have a common cause, not a slow moment

RunPytest = Callable[..., int]


@dataclass
class RerunResults:
    """The outcome of the second runs, by test id: `flaky` passed then, `failed` did not."""

    flaky: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class SuiteRunner:
    """Runs parts of the test suite and remembers their failures. `run_pytest` takes arguments and returns a status."""

    def __init__(self, cache: Path, run_pytest: RunPytest) -> None:
        self._failed_file = cache / LAST_FAILED_FILE
        self._run_pytest = run_pytest
        self._failed: list[str] = []
        self.broken: list[str] = []  # parts that ended without naming the tests at fault

    def run(self, *arguments: str) -> None:
        """Run one part of the suite."""
        self._failed_file.unlink(missing_ok=True)
        status = self._run_pytest(*arguments)
        failed = self._read_failed()
        self._failed += failed
        if status not in (0, 1, 5) or (status == 1 and not failed):  # 5: it has no tests
            self.broken.append(f"pytest {' '.join(arguments)} (exit status {status})")

    def rerun_failed(self) -> RerunResults:
        """Run each failed test once more, one after the other; none if there are more than MAX_RERUNS."""
        if len(self._failed) > MAX_RERUNS:
            return RerunResults(failed=self._failed)
        reruns = RerunResults()
        for test in self._failed:
            (reruns.flaky if self._run_pytest(test) == 0 else reruns.failed).append(test)
        return reruns

    def _read_failed(self) -> list[str]:
        try:
            return list(json.loads(self._failed_file.read_text()))
        except FileNotFoundError:
            return []


def summary_lines(checks: Iterable[str], broken: Sequence[str], reruns: RerunResults) -> list[str]:
    """The last lines of a run: failed checks and parts, then tests, `failed: …` or `flaky: …` each."""
    failed = [*checks, *broken, *reruns.failed]
    return [*(f"flaky: {test}" for test in reruns.flaky), *(f"failed: {name}" for name in failed)]
