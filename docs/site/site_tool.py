"""Zensical: installed into an environment of its own as requirements-docs.lock says, and run strictly."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from docs.site.page_sources import PROJECT_ROOT

LOCK_FILE = PROJECT_ROOT / "requirements-docs.lock"
TOOL_FOLDER = Path(sys.prefix) / "cache" / "docs-site"
STAMP_NAME = "lock.sha256"
ANSI_CODE = re.compile(r"\x1b\[[0-9;]*m")
INSTALL_SECONDS, BUILD_SECONDS = 600, 300


class ToolUnavailable(Exception):
    """Zensical cannot be installed; the message has the last lines of the installer."""


class BuildFailed(Exception):
    """Zensical refused the pages; the message is what it said."""


def site_tool() -> Path:
    """Return the path of `zensical`, and install it first if it is missing or old. Raises ToolUnavailable."""
    stamp = TOOL_FOLDER / STAMP_NAME
    digest = hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()
    if not (stamp.exists() and stamp.read_text(encoding="utf-8") == digest):
        shutil.rmtree(TOOL_FOLDER, ignore_errors=True)
        _install()
        stamp.write_text(digest, encoding="utf-8")
    return TOOL_FOLDER / "bin" / "zensical"


def build_pages(folder: Path) -> None:
    """Build the staged pages of a folder. Raises BuildFailed for a broken link or anchor too."""
    command = [str(site_tool()), "build", "--strict", "--clean", "--config-file", str(folder / "mkdocs.yml")]
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise BuildFailed(ANSI_CODE.sub("", done.stdout).partition("Traceback")[0])


def _install() -> None:
    python, uv = str(TOOL_FOLDER / "bin" / "python"), shutil.which("uv")
    options = ["--quiet", "--require-hashes", "--requirement", str(LOCK_FILE)]
    if uv:
        _run([uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(TOOL_FOLDER)])
        _run([uv, "pip", "install", "--python", python, *options])
        return
    try:
        venv.create(TOOL_FOLDER, with_pip=True)
    except subprocess.CalledProcessError as error:
        raise ToolUnavailable("this Python cannot make environments") from error
    _run([python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *options])


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode != 0:
        raise ToolUnavailable("\n".join(done.stdout.strip().splitlines()[-4:]))
