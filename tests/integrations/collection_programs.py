"""The runners of Postman's and Bruno's collections, and what a user sets before a run."""

import json
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from integrations.codegen.generated_files import BRUNO_FOLDER, POSTMAN_FILE
from tests.support.stack import Stack
from tests.support.tenants import create_key, create_workspace

RUNNER_FILES = [Path(__file__).parent / "collection_runners" / name for name in ("package.json", "package-lock.json")]
RUNNER_FOLDER = Path(sys.prefix) / "cache" / "collection-runners"
RUN_SECONDS = 300
BRUNO_NAME = re.compile(r"^  name: (.+)$", re.MULTILINE)


def collection_runners() -> Path | None:
    """Return the folder of `newman` and `bru`; None where npm's registry is out of reach."""
    npm = shutil.which("npm")
    tools = RUNNER_FOLDER / "node_modules" / ".bin"
    copies = [RUNNER_FOLDER / file.name for file in RUNNER_FILES]
    pairs = list(zip(copies, RUNNER_FILES, strict=True))
    is_current = all(copy.exists() and copy.read_bytes() == file.read_bytes() for copy, file in pairs)
    if npm and not (is_current and (tools / "bru").exists()):
        RUNNER_FOLDER.mkdir(parents=True, exist_ok=True)
        for copy, file in pairs:
            shutil.copy(file, copy)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=RUNNER_FOLDER, check=False, timeout=600)
    return tools if (tools / "bru").exists() else None


def collection_variables(stack: Stack) -> dict[str, str]:
    """Return what a user sets, for a new workspace with a key that may do everything."""
    stack.until_settled()
    slug = f"tour-{secrets.token_hex(4)}"
    create_workspace(stack.database_url, slug, "Tour")
    key, _ = create_key(stack.database_url, "*", workspace=slug)
    return {"baseUrl": stack.base, "key": key, "tenant": slug}


def newman_statuses(tools: Path, variables: dict[str, str], report: Path, may_fail: bool = False) -> dict[str, int]:
    """Run all of Postman's collection. Return the status of each request that was sent, by its name."""
    options = ["--reporters", "json", "--reporter-json-export", str(report)]
    _run([str(tools / "newman"), "run", str(POSTMAN_FILE), *options], variables, may_fail)
    executions = json.loads(report.read_text(encoding="utf-8"))["run"]["executions"]
    return {each["item"]["name"]: each["response"]["code"] for each in executions if "response" in each}


def bruno_statuses(tools: Path, variables: dict[str, str], report: Path, may_fail: bool = False) -> dict[str, int]:
    """Run all of Bruno's collection. Return the status of each request that was sent, by its name."""
    _run([str(tools / "bru"), "run", "-r", "--env", "local", "--reporter-json", str(report)], variables, may_fail)
    (run,) = json.loads(report.read_text(encoding="utf-8"))
    sent = [each for each in run["results"] if each["response"]["status"] != "skipped"]
    return {_bruno_name(each["test"]["filename"]): each["response"]["status"] for each in sent}


def _bruno_name(file_name: str) -> str:
    found = BRUNO_NAME.search((BRUNO_FOLDER / file_name).read_text(encoding="utf-8"))
    assert found
    return found[1]


def _run(command: list[str], variables: dict[str, str], may_fail: bool) -> None:
    words = [word for name, value in variables.items() for word in ("--env-var", f"{name}={value}")]
    found = subprocess.run(
        [*command, *words], cwd=BRUNO_FOLDER, capture_output=True, text=True, check=False, timeout=RUN_SECONDS
    )
    assert may_fail or found.returncode == 0, found.stdout
