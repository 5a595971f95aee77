"""`test`: run the checks and the test suite."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from cli.common import data_dir_option, make_settings, notify_operator
from cli.failed_test_reruns import SuiteRunner, summary_lines
from cli.schema import check_models
from embedded.process import PROJECT_ROOT
from embedded.servers import ensure_database
from shared.settings import Settings

CACHE_FOLDER = Path(sys.prefix) / "cache"  # caches of the tools; nothing is written outside the environment
BIN_FOLDER = Path(sys.prefix) / "bin"
PYTEST_CACHE = CACHE_FOLDER / "pytest"
PYTEST_COMMAND = (sys.executable, "-m", "pytest", "-o", f"cache_dir={PYTEST_CACHE}")
CHECK_COMMANDS = (
    ("ruff", "check", "--quiet"),
    ("ruff", "format", "--check", "--quiet"),
    ("mypy",),
    ("lint-imports", "--cache-dir", str(CACHE_FOLDER / "import-linter")),
)


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--faults", is_flag=True, help="The long fault runs, which take an hour or more, and nothing else.")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
@data_dir_option
def test(faults: bool, pytest_arguments: tuple[str, ...]) -> None:
    """Run the checks and every test.

    The checks are ruff, mypy, import-linter and Alembic's. A test that fails runs once more at the end, alone: if it
    passes then, it is named as flaky and the run succeeds. With PYTEST_ARGUMENTS it is only pytest, with them, and
    each test runs once. Needs nothing but this project: databases are started for the length of the tests.

    Example: leadhub test tests/unit -k merge
    """
    if faults:
        sys.exit(_run_pytest("-m", "long", *pytest_arguments))
    if pytest_arguments:
        sys.exit(_run_pytest(*pytest_arguments))
    failed = [
        " ".join(command[:2]) for command in CHECK_COMMANDS if _run_command(str(BIN_FOLDER / command[0]), *command[1:])
    ]
    failed += [] if _models_match_migrations() else ["alembic check"]
    suite = SuiteRunner(PYTEST_CACHE, _run_pytest)
    suite.run("-n", "2", "--dist", "loadfile", "-m", "not faults and not long")
    # These run last: they kill processes and measure for how long that shows. Most of the time they wait.
    suite.run("-n", "2", "--dist", "load", "-m", "faults and not long", "tests/faults")
    reruns = suite.rerun_failed()
    for line in summary_lines(failed, suite.broken, reruns):
        notify_operator(line)
    sys.exit(1 if failed or suite.broken or reruns.failed else 0)


def _run_pytest(*arguments: str) -> int:
    return _run_command(*PYTEST_COMMAND, *arguments)


def _run_command(*command: str) -> int:
    caches = {
        "RUFF_CACHE_DIR": str(CACHE_FOLDER / "ruff"),
        "MYPY_CACHE_DIR": str(CACHE_FOLDER / "mypy"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(CACHE_FOLDER / "hypothesis"),
    }
    notify_operator("$ " + " ".join(Path(word).name if word.startswith(sys.prefix) else word for word in command))
    return subprocess.run(command, cwd=PROJECT_ROOT, env={**os.environ, **caches}, check=False).returncode


def _models_match_migrations() -> bool:
    """Return whether the migrations make the tables of the models, on a database of its own."""
    make_settings()  # reports an invalid environment
    notify_operator("$ alembic check")
    with TemporaryDirectory(prefix="leadhub-") as folder:
        settings = Settings(data_dir=Path(folder), database_url="")
        with ensure_database(settings) as url:
            return check_models(url)
