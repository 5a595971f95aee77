"""The nodes for n8n, compiled: by esbuild in a second, or by n8n's own tool with n8n's own packages."""

import shutil
import subprocess
import sys
from pathlib import Path

from cli.page_linters import page_tool
from shared.platform.installation import PROJECT_ROOT
from tests.integrations.client_programs import PROGRAMS

N8N_PACKAGE = PROJECT_ROOT / "integrations" / "n8n-nodes-leadhub"
INSTALL_FOLDER = Path(sys.prefix) / "cache" / "n8n-nodes"
PACKAGE_FILES = ("package.json", "package-lock.json")
SOURCE_FILES = ("tsconfig.json", "eslint.config.mjs", "credentials", "icons", "nodes")
ENTRIES = (
    "credentials/LeadHubApi.credentials.ts",
    "nodes/LeadHub/LeadHub.node.ts",
    "nodes/LeadHubTrigger/LeadHubTrigger.node.ts",
)
INSTALL_SECONDS = 900
TOOL_SECONDS = 300
N8N_PROGRAM = ["node", str(PROGRAMS / "n8n.cjs")]


def bundled_nodes(folder: Path) -> bool:
    """Compile the nodes into a folder, with a small stand-in for n8n's package. False where npm is missing."""
    esbuild = page_tool("esbuild")
    if esbuild is None or shutil.which("node") is None:
        return False
    options = (
        "--bundle",
        "--platform=node",
        "--format=cjs",
        "--outbase=.",
        f"--outdir={folder}",
        "--log-level=warning",
    )
    stand_in = f"--alias:n8n-workflow={PROGRAMS / 'n8n_workflow.cjs'}"
    subprocess.run([esbuild, *ENTRIES, *options, stand_in], cwd=N8N_PACKAGE, check=True, timeout=TOOL_SECONDS)
    return True


def installed_package() -> Path | None:
    """Return a copy of the package with its tools, outside the checkout; None where npm is missing."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    pairs = [(INSTALL_FOLDER / name, N8N_PACKAGE / name) for name in PACKAGE_FILES]
    is_current = all(copy.exists() and copy.read_bytes() == original.read_bytes() for copy, original in pairs)
    INSTALL_FOLDER.mkdir(parents=True, exist_ok=True)
    for copy, original in pairs:
        shutil.copy(original, copy)
    if not is_current or not (INSTALL_FOLDER / "node_modules" / ".bin" / "n8n-node").exists():
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        if subprocess.run(command, cwd=INSTALL_FOLDER, check=False, timeout=INSTALL_SECONDS).returncode:
            return None
    for name in SOURCE_FILES:
        _replace(N8N_PACKAGE / name, INSTALL_FOLDER / name)
    return INSTALL_FOLDER


def run_node_tool(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run n8n's tool on the copy: `lint` or `build`."""
    tool = folder / "node_modules" / ".bin" / "n8n-node"
    return subprocess.run(
        [tool, command], cwd=folder, capture_output=True, text=True, check=False, timeout=TOOL_SECONDS
    )


def _replace(original: Path, copy: Path) -> None:
    if original.is_dir():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(original, copy)
    else:
        shutil.copy(original, copy)
