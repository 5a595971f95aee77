"""The linter of style sheets and scripts: Biome, installed by npm into the environment's cache as its lock names it."""

import shutil
import subprocess
import sys
from pathlib import Path

from embedded.process import PROJECT_ROOT

LINTERS_FOLDER = PROJECT_ROOT / "tests" / "linters"
PACKAGE_FILES = ("package.json", "package-lock.json")
CHECKED_FOLDER = "services/console/static"
INSTALL_FOLDER = Path(sys.prefix) / "cache" / "linters"
NO_NPM_REASON = "skipped: styles and scripts are not checked, since npm is missing or cannot install Biome"


def page_linter_command() -> tuple[str, ...] | None:
    """Return the command that checks style sheets and scripts, or None where Biome cannot be installed."""
    biome = INSTALL_FOLDER / "node_modules" / ".bin" / "biome"
    if not biome.exists() or not _is_current():
        _install()
    if not biome.exists():
        return None
    return (str(biome), "check", f"--config-path={LINTERS_FOLDER}", "--error-on-warnings", CHECKED_FOLDER)


def _is_current() -> bool:
    return all(
        (INSTALL_FOLDER / name).read_bytes() == (LINTERS_FOLDER / name).read_bytes()
        for name in PACKAGE_FILES
        if (INSTALL_FOLDER / name).exists()
    )


def _install() -> None:
    npm = shutil.which("npm")
    if npm is None:
        return
    INSTALL_FOLDER.mkdir(parents=True, exist_ok=True)
    for name in PACKAGE_FILES:
        shutil.copy(LINTERS_FOLDER / name, INSTALL_FOLDER / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=INSTALL_FOLDER, check=False, timeout=300)
