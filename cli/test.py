"""`test`: run the checks and the test suite."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from cli.affected_tests import UnknownBase, affected_files
from cli.common import data_dir_option, make_settings, notify_operator
from cli.failed_test_reruns import SuiteRunner, summary_lines
from cli.page_linters import NO_NPM_REASON, TEMPLATE_LINTER_COMMAND, page_linter_commands
from cli.schema import check_models
from cli.test_history import REPORT_VARIABLE, SuiteReport, TestHistory
from embedded.process import PROJECT_ROOT
from embedded.servers import ensure_database
from shared.platform.settings import Settings

CACHE_FOLDER = Path(sys.prefix) / "cache"  # caches of the tools; nothing is written outside the environment
BIN_FOLDER = Path(sys.prefix) / "bin"
PYTEST_CACHE = CACHE_FOLDER / "pytest"
REPORT_FILE = CACHE_FOLDER / "test-report.json"
HISTORY_FILE = CACHE_FOLDER / "test-history.jsonl"
PYTEST_COMMAND = (sys.executable, "-m", "pytest", "-o", f"cache_dir={PYTEST_CACHE}")
QUICK_CHECKS = (
    ("ruff", "check", "--quiet"),
    ("ruff", "format", "--check", "--quiet"),
    ("lint-imports", "--cache-dir", str(CACHE_FOLDER / "import-linter")),
    TEMPLATE_LINTER_COMMAND,
)
IN_ORDER = ("--dist", "loadfile", "--no-loadscope-reorder")  # the order of tests/conftest.py
# The parts of the suite. Tests of the first wait most of the time, so that more of them fit side by side than there are
# cores. A process of the others has a whole LeadHub; a third one made restarts too slow for what faults promise.
WITHOUT_STACK = ("-n", "4", *IN_ORDER, "tests/unit", "tests/integration", "tests/concurrency")
WITH_STACK = ("-n", "2", *IN_ORDER, "tests/console", "tests/contract", "tests/e2e", "tests/forms", "tests/integrations")
FAULTS = ("-n", "3", "--dist", "load", "tests/faults")
DEFAULT_BASE = "origin/main"


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--all", "everything", is_flag=True, help="The extended tests, too: a quarter of an hour more.")
@click.option(
    "--affected",
    "base",
    metavar="[BASE]",
    is_flag=False,
    flag_value=DEFAULT_BASE,
    help=f"The extended tests, too, of what changed since the commit BASE ({DEFAULT_BASE} unless given).",
)
@click.option("--faults", is_flag=True, help="The long fault runs, which take an hour or more, and nothing else.")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
@data_dir_option
def test(everything: bool, base: str | None, faults: bool, pytest_arguments: tuple[str, ...]) -> None:
    """Run the checks and the tests.

    The checks are ruff, mypy, import-linter, djlint, Alembic's, and Biome and TypeScript where npm is there. The
    tests are those of all areas that take a quarter of an hour together; the extended ones come with --all or
    --affected. A test that fails runs once more at the end, alone: if it passes then, it is named as flaky and the
    run succeeds. The last lines name the slowest files, what was skipped, and what failed. With PYTEST_ARGUMENTS it
    is only pytest, with them, and each test runs once. Needs nothing but this project: databases are started for the
    length of the tests.

    Examples:

    \b
      leadhub test                           before each change lands
      leadhub test --affected                the same, and what else the change concerns
      leadhub test tests/unit -k merge       these tests alone
    """
    if faults:
        sys.exit(_run_pytest("-m", "long", *pytest_arguments))
    if pytest_arguments:
        sys.exit(_run_pytest(*pytest_arguments))
    try:
        extended = affected_files(base) if base and not everything else []
    except UnknownBase as problem:
        raise click.UsageError(str(problem)) from None
    sys.exit(0 if _run_suite(everything, extended) else 1)


def _run_suite(everything: bool, extended: list[str]) -> bool:
    """Run checks and tests, print the last lines, and return whether all is well.

    `everything` adds all extended tests, `extended` names files whose extended tests are added.
    """
    started = time.monotonic()
    types = BackgroundCheck("mypy")  # beside the first tests, which leave it some time
    failed = [
        " ".join(command[:2]) for command in QUICK_CHECKS if _run_command(str(BIN_FOLDER / command[0]), *command[1:])
    ]
    page_linters = page_linter_commands()
    failed += [name for name, command in page_linters.items() if _run_command(*command)]
    failed += [] if _models_match_migrations() else ["alembic check"]
    report = SuiteReport()
    suite = SuiteRunner(PYTEST_CACHE, lambda *arguments: _run_reported(report, *arguments))
    without = "" if everything else " and not extended"
    profile = ("--hypothesis-profile", "extended") if everything else ()
    suite.run(*WITHOUT_STACK, *profile, "-m", f"not long{without}")
    failed += [] if types.wait() == 0 else ["mypy"]
    suite.run(*WITH_STACK, *profile, "-m", f"not long{without}")
    if extended:
        suite.run("-n", "2", *IN_ORDER, "-m", "extended and not long", *extended)
    # These run last: they measure for how long a killed process shows.
    suite.run(*FAULTS, "-m", f"not long{without}")
    reruns = suite.rerun_failed()
    history = TestHistory(HISTORY_FILE)
    report.finish("all" if everything else "tier", datetime.now(UTC), time.monotonic() - started, reruns.flaky)
    history.append(report)
    skipped = [] if page_linters else [NO_NPM_REASON]
    for line in (*report.lines(), *history.lines(), *skipped, *summary_lines(failed, suite.broken, reruns)):
        notify_operator(line)
    return not (failed or suite.broken or reruns.failed)


class BackgroundCheck:
    """A check that runs beside others and prints what it found when it is waited for."""

    def __init__(self, name: str) -> None:
        self._output = TemporaryDirectory(prefix="leadhub-")
        self._file = Path(self._output.name) / name
        with self._file.open("wb") as file:
            self._process = subprocess.Popen(
                [BIN_FOLDER / name], cwd=PROJECT_ROOT, env=_environment(), stdout=file, stderr=file
            )
        self._name = name

    def wait(self) -> int:
        """Wait for its end, print its output, and return its exit status."""
        status = self._process.wait()
        notify_operator(f"$ {self._name}\n{self._file.read_text().strip()}")
        self._output.cleanup()
        return status


def _run_reported(report: SuiteReport, *arguments: str) -> int:
    """Run pytest and add what it reports of its tests to `report`."""
    REPORT_FILE.unlink(missing_ok=True)
    status = _run_pytest(*arguments)
    report.add(REPORT_FILE)
    return status


def _run_pytest(*arguments: str) -> int:
    return _run_command(*PYTEST_COMMAND, *arguments)


def _run_command(*command: str) -> int:
    notify_operator("$ " + " ".join(Path(word).name if word.startswith(sys.prefix) else word for word in command))
    return subprocess.run(command, cwd=PROJECT_ROOT, env=_environment(), check=False).returncode


def _environment() -> dict[str, str]:
    caches = {
        "RUFF_CACHE_DIR": str(CACHE_FOLDER / "ruff"),
        "MYPY_CACHE_DIR": str(CACHE_FOLDER / "mypy"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(CACHE_FOLDER / "hypothesis"),
        REPORT_VARIABLE: str(REPORT_FILE),
    }
    return {**os.environ, **caches}


def _models_match_migrations() -> bool:
    """Return whether the migrations make the tables of the models, on a database of its own."""
    make_settings()  # reports an invalid environment
    notify_operator("$ alembic check")
    with TemporaryDirectory(prefix="leadhub-") as folder:
        settings = Settings(data_dir=Path(folder), database_url="")
        with ensure_database(settings) as url:
            return check_models(url)
