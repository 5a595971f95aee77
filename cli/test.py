"""`test`: run the checks and the test suite."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from cli.common import data_dir_option, make_settings, say
from cli.reruns import SuiteRunner, summary_lines
from cli.schema import check
from shared.embedded.process import PROJECT_ROOT
from shared.embedded.servers import database
from shared.settings import Settings

CACHE = Path(sys.prefix) / "cache"  # caches of the tools; nothing is written outside the environment
BIN = Path(sys.prefix) / "bin"
PYTEST_CACHE = CACHE / "pytest"
PYTEST = (sys.executable, "-m", "pytest", "-o", f"cache_dir={PYTEST_CACHE}")
CHECKS = (
    ("ruff", "check", "--quiet"),
    ("ruff", "format", "--check", "--quiet"),
    ("mypy",),
    ("lint-imports", "--cache-dir", str(CACHE / "import-linter")),
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
        sys.exit(_pytest("-m", "long", *pytest_arguments))
    if pytest_arguments:
        sys.exit(_pytest(*pytest_arguments))
    failed = [" ".join(command[:2]) for command in CHECKS if _run(str(BIN / command[0]), *command[1:])]
    failed += [] if _schema_fits() else ["alembic check"]
    suite = SuiteRunner(PYTEST_CACHE, _pytest)
    suite.run("-n", "2", "--dist", "loadfile", "-m", "not faults and not long")
    # These run last: they kill processes and measure for how long that shows. Most of the time they wait.
    suite.run("-n", "2", "--dist", "load", "-m", "faults and not long", "tests/faults")
    reruns = suite.rerun()
    for line in summary_lines(failed, suite.broken, reruns):
        say(line)
    sys.exit(1 if failed or suite.broken or reruns.failed else 0)


def _pytest(*arguments: str) -> int:
    return _run(*PYTEST, *arguments)


def _run(*command: str) -> int:
    caches = {
        "RUFF_CACHE_DIR": str(CACHE / "ruff"),
        "MYPY_CACHE_DIR": str(CACHE / "mypy"),
        "HYPOTHESIS_STORAGE_DIRECTORY": str(CACHE / "hypothesis"),
    }
    say("$ " + " ".join(Path(word).name if word.startswith(sys.prefix) else word for word in command))
    return subprocess.run(command, cwd=PROJECT_ROOT, env={**os.environ, **caches}, check=False).returncode


def _schema_fits() -> bool:
    """Return whether the migrations make the tables of the models, on a database of its own."""
    make_settings()  # reports an invalid environment
    say("$ alembic check")
    with TemporaryDirectory(prefix="leadhub-") as folder:
        settings = Settings(data_dir=Path(folder), database_url="")
        with database(settings) as url:
            return check(url)
