"""Tools for pages: djlint for templates; Biome, TypeScript and esbuild for style sheets and scripts.

djlint is among the packages of the environment. npm installs the others into its cache, as the lock names them.
"""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from embedded.process import PROJECT_ROOT

LINTERS_FOLDER = PROJECT_ROOT / "tests" / "linters"
PACKAGE_FILES = ("package.json", "package-lock.json")
CHECKED_FOLDERS = (
    "services/console/static",
    "services/api/openapi/static",
    "shared/form_pages",
    "integrations/n8n-nodes-leadhub",
    "integrations/pipedream",
    "integrations/typescript",
    "integrations/zapier",
    "integrations/wordpress",
)
TEMPLATE_LINTER_COMMAND = ("djlint", "--lint", "--quiet", "services/console", "shared/form_pages")
INSTALL_FOLDER = Path(sys.prefix) / "cache" / "linters"
NO_NPM_REASON = "skipped: styles and scripts are not checked, since npm is missing or cannot install what checks them"


def page_linter_commands() -> dict[str, tuple[str, ...]]:
    """Return the commands that check style sheets and scripts, by name; none where they cannot be installed."""
    biome, tsc = page_tool("biome"), page_tool("tsc")
    if biome is None or tsc is None:
        return {}
    return {
        "biome check": (biome, "check", f"--config-path={LINTERS_FOLDER}", "--error-on-warnings", *CHECKED_FOLDERS),
        "tsc": (tsc, "--project", str(LINTERS_FOLDER)),
    }


def page_tool(name: str) -> str | None:
    """Return the path of `biome`, `tsc` or `esbuild`, or None where npm is missing or cannot install it."""
    tool = INSTALL_FOLDER / "node_modules" / ".bin" / name
    if not tool.exists() or not _is_current():
        _install(INSTALL_FOLDER)
    return str(tool) if tool.exists() else None


def _is_current() -> bool:
    pairs = [(INSTALL_FOLDER / name, LINTERS_FOLDER / name) for name in PACKAGE_FILES]
    return all(copy.exists() and copy.read_bytes() == original.read_bytes() for copy, original in pairs)


@cache  # a machine without the registry asks for it once
def _install(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in PACKAGE_FILES:
        shutil.copy(LINTERS_FOLDER / name, folder / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=folder, check=False, timeout=300)
