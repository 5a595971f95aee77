"""A real n8n with the nodes installed as docs/n8n.md says, in a folder of its own: its commands."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from shared.platform.data_dir import free_port
from tests.integrations.n8n_package import installed_package, run_node_tool

N8N_FOLDER_SETTING = "LEADHUB_N8N"
NO_N8N_REASON = f"{N8N_FOLDER_SETTING} names no folder in which n8n is installed"
COMMAND_SECONDS = 300
CREDENTIAL_ID = "leadhubcredential"
CREDENTIAL_TYPE = "leadHubApi"


def n8n_folder() -> Path | None:
    """Return the folder in which n8n is installed by npm; None where there is none."""
    folder = Path(os.environ.get(N8N_FOLDER_SETTING) or os.devnull)
    return folder if (folder / "node_modules" / "n8n" / "bin" / "n8n").exists() else None


def packed_nodes(folder: Path) -> Path | None:
    """Return the package as `npm pack` makes it; None where npm's registry is out of reach."""
    package = installed_package()
    if package is None:
        return None
    built = run_node_tool(package, "build")
    assert built.returncode == 0, built.stdout + built.stderr
    command = ["npm", "pack", "--ignore-scripts", "--pack-destination", str(folder)]
    subprocess.run(command, cwd=package, check=True, capture_output=True, timeout=COMMAND_SECONDS)
    (packed,) = folder.glob("*.tgz")
    return packed


def ready_workflow(workflow: dict[str, Any]) -> dict[str, Any]:
    """Return a workflow with the credential in each LeadHub node."""
    chosen = {CREDENTIAL_TYPE: {"id": CREDENTIAL_ID, "name": "LeadHub"}}
    nodes = [
        {"id": f"node-{number}", **node, **({"credentials": chosen} if "leadHub" in node["type"] else {})}
        for number, node in enumerate(workflow["nodes"])
    ]
    return {"settings": {"executionOrder": "v1"}, **workflow, "nodes": nodes}


class N8nService:
    """An n8n. `folder` takes its database and the nodes."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.folder = folder
        self.command = ["node", str(program / "node_modules" / "n8n" / "bin" / "n8n")]
        own = {name: value for name, value in os.environ.items() if not name.startswith(("LEADHUB_", "N8N_"))}
        self.env = {
            **own,
            "N8N_USER_FOLDER": str(folder),
            "N8N_RUNNERS_BROKER_PORT": str(free_port("127.0.0.1")),
            "N8N_ENCRYPTION_KEY": "made-up-for-a-test",
            "N8N_DIAGNOSTICS_ENABLED": "false",
            "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
            "N8N_TEMPLATES_ENABLED": "false",
        }

    def install_nodes(self, packed: Path) -> None:
        """Install the package as the page says."""
        nodes = self.folder / ".n8n" / "nodes"
        nodes.mkdir(parents=True)
        command = ["npm", "install", "--omit=peer", "--no-audit", "--no-fund", str(packed)]
        subprocess.run(command, cwd=nodes, check=True, capture_output=True, timeout=COMMAND_SECONDS)

    def import_credential(self, base_url: str, key: str, tenant: str = "") -> None:
        data = {"baseUrl": base_url, "apiKey": key, "tenant": tenant}
        record = {"id": CREDENTIAL_ID, "name": "LeadHub", "type": CREDENTIAL_TYPE, "data": data}
        self._import("credentials", record)

    def import_workflow(self, workflow: dict[str, Any]) -> None:
        """Import a workflow; each LeadHub node gets the credential."""
        self._import("workflow", {"active": False, **ready_workflow(workflow)})

    def execute(self, workflow_id: str) -> dict[str, list[dict[str, Any]]]:
        """Run a workflow by n8n's command; return the items that each node gave. AssertionError if it failed."""
        said = self._run("execute", f"--id={workflow_id}", "--rawOutput").stdout
        start = said.find('{\n  "data"')
        assert start >= 0, said
        outcome = json.JSONDecoder().raw_decode(said[start:])[0]
        runs = outcome["data"]["resultData"]["runData"]
        return {name: [item["json"] for item in run[0]["data"]["main"][0]] for name, run in runs.items()}

    def _import(self, kind: str, record: dict[str, Any]) -> None:
        file = self.folder / f"{kind}.json"
        file.write_text(json.dumps([record]))
        self._run(f"import:{kind}", f"--input={file}")
        file.unlink()

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command. Its output goes to a file: n8n ends without waiting for a pipe to take it."""
        output = self.folder / "output.txt"
        with output.open("wb") as file:
            found = subprocess.run(
                [*self.command, *words], env=self.env, stdout=file, stderr=file, check=False, timeout=COMMAND_SECONDS
            )
        said = output.read_text()
        assert found.returncode == 0, said
        return subprocess.CompletedProcess(found.args, 0, said)
