"""Runs programs that use a client in another language, and builds the TypeScript client that they use."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from shared.platform.installation import PROJECT_ROOT

TYPESCRIPT = PROJECT_ROOT / "integrations" / "typescript"
PROGRAMS = Path(__file__).parent / "programs"
INSTALL_FOLDER = Path(sys.prefix) / "cache" / "typescript-client"
PACKAGE_FILES = ("package.json", "package-lock.json")
PROGRAM_SECONDS = 180
NO_NPM_REASON = "needs node and npm, and npm's registry for the first time"


@cache
def typescript_tool(name: str) -> str | None:
    """Return the path of `tsc` or `openapi-typescript` as the client's lock names them, or None without npm."""
    tool = INSTALL_FOLDER / "node_modules" / ".bin" / name
    if not tool.exists() or not _is_current():
        _install()
    return str(tool) if tool.exists() and shutil.which("node") else None


def built_typescript_client(folder: Path) -> str:
    """Return why the client cannot be built; empty once it is in the `node_modules` of the folder."""
    tsc = typescript_tool("tsc")
    if tsc is None:
        return NO_NPM_REASON
    package = folder / "node_modules" / "leadhub-client"
    package.mkdir(parents=True)
    shutil.copy(TYPESCRIPT / "package.json", package)
    command = [tsc, "--project", str(TYPESCRIPT), "--outDir", str(package / "dist")]
    built = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROGRAM_SECONDS)
    assert built.returncode == 0, built.stdout
    return ""


def run_program(command: list[str], scenario: str, settings: dict[str, Any]) -> Any:
    """Return what a program prints, which is one line of JSON."""
    found = subprocess.run(
        [*command, scenario],
        env=_environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=PROGRAM_SECONDS,
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout.splitlines()[-1])


def run_program_through(
    command: list[str], scenario: str, settings: dict[str, Any], line: int, interrupt: Callable[[], object]
) -> list[Any]:
    """Return the lines of JSON that a program prints; `interrupt` is called when it has printed that many."""
    process = subprocess.Popen(
        [*command, scenario],
        env=_environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        assert process.stderr
        answers: list[Any] = []
        for text in process.stdout:
            answers.append(json.loads(text))
            if len(answers) == line:
                interrupt()
        problems = process.stderr.read()
        assert process.wait(PROGRAM_SECONDS) == 0, problems
    return answers


def _environment(settings: dict[str, Any]) -> dict[str, str]:
    return {**os.environ, "SETTINGS": json.dumps(settings)}


def _is_current() -> bool:
    pairs = [(INSTALL_FOLDER / name, TYPESCRIPT / name) for name in PACKAGE_FILES]
    return all(copy.exists() and copy.read_bytes() == original.read_bytes() for copy, original in pairs)


def _install() -> None:
    npm = shutil.which("npm")
    if npm is None:
        return
    INSTALL_FOLDER.mkdir(parents=True, exist_ok=True)
    for name in PACKAGE_FILES:
        shutil.copy(TYPESCRIPT / name, INSTALL_FOLDER / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=INSTALL_FOLDER, check=False, timeout=300)
