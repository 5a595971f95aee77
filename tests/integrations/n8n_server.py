"""A real n8n that runs: its editor's own API, as the owner uses it, and the executions that it made."""

import json
import subprocess
from typing import Any

import httpx

from shared.platform.data_dir import free_port
from tests.integrations.n8n_service import CREDENTIAL_ID, CREDENTIAL_TYPE, N8nService, ready_workflow
from tests.support.waiting import until

START_SECONDS = 180
STOP_SECONDS = 60
OWNER = {"email": "owner@example.com", "firstName": "Grace", "lastName": "Hopper", "password": "Made-up-4-a-test"}


class N8nServer:
    """The server of an n8n, on a port of this machine, whose owner is signed in."""

    def __init__(self, service: N8nService) -> None:
        port = free_port("127.0.0.1")
        self.base = f"http://127.0.0.1:{port}"
        self._service = service
        self._env = {
            **service.env,
            "N8N_PORT": str(port),
            "N8N_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_SECURE_COOKIE": "false",
            "WEBHOOK_URL": f"{self.base}/",
        }
        self._http = httpx.Client(base_url=self.base, timeout=60)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers and its active workflows are."""
        with (self._service.folder / "server.txt").open("ab") as output:
            command = [*self._service.command, "start"]
            self._process = subprocess.Popen(command, env=self._env, stdout=output, stderr=output)
        until(self._is_ready, START_SECONDS, "n8n")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(STOP_SECONDS)
            self._process = None

    def set_up_owner(self) -> None:
        self.ask("POST", "/owner/setup", OWNER)

    def ask(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Any:
        """Return the data of an answer of the editor's API. AssertionError if it is none."""
        answer = self._http.request(method, f"/rest{path}", json=body, params=query)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()["data"]

    def activate(self, workflow: dict[str, Any]) -> str:
        """Make a workflow and activate it. Return its id."""
        made = self.ask("POST", "/workflows", ready_workflow(workflow))
        self.ask("POST", f"/workflows/{made['id']}/activate", {"versionId": made["versionId"]})
        return str(made["id"])

    def deactivate(self, workflow_id: str) -> None:
        self.ask("POST", f"/workflows/{workflow_id}/deactivate", {})

    def check_credential(self, base_url: str, key: str) -> dict[str, str]:
        """Return what the test of a credential says: its `status` and `message`."""
        data = {"baseUrl": base_url, "apiKey": key, "tenant": ""}
        record = {"id": CREDENTIAL_ID, "name": "LeadHub", "type": CREDENTIAL_TYPE, "data": data}
        said: dict[str, str] = self.ask("POST", "/credentials/test", {"credentials": record})
        return said

    def execution_ids(self, workflow_id: str) -> list[str]:
        """Return the executions of a workflow that have ended, oldest first. AssertionError if one failed."""
        found = self.ask("GET", "/executions", query={"filter": json.dumps({"workflowId": workflow_id})})["results"]
        assert all(each["status"] in ("new", "running", "success") for each in found), found
        return sorted((each["id"] for each in found if each["status"] == "success"), key=int)

    def items(self, execution_id: str) -> dict[str, list[dict[str, Any]]]:
        """Return the items that each node of an execution gave."""
        data = unflattened(self.ask("GET", f"/executions/{execution_id}")["data"])
        runs = data["resultData"]["runData"]
        return {name: [item["json"] for item in run[0]["data"]["main"][0]] for name, run in runs.items()}

    def _is_ready(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self._service.folder / "server.txt").read_text()
        try:
            answer = self._http.get("/rest/settings")
        except httpx.TransportError:
            return False
        return answer.is_success and answer.headers["content-type"].startswith("application/json")


def unflattened(text: str) -> Any:
    """Return what n8n keeps of an execution: a list in which each text within a value is the place of another one."""
    parts = json.loads(text)

    def value_of(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: value_at(each) for name, each in part.items()}
        return [value_at(each) for each in part] if isinstance(part, list) else part

    def value_at(place: Any) -> Any:
        return value_of(parts[int(place)]) if isinstance(place, str) else place

    return value_of(parts[0])
