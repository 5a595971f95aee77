"""The nodes for n8n: compiled, and run by Node as n8n runs them, against a running LeadHub."""

import asyncio
import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from leadhub_client import ApiError, LeadHub
from shared import __version__
from shared.platform.installation import PROJECT_ROOT
from tests.integrations.client_programs import NO_NPM_REASON, run_program
from tests.integrations.n8n_package import (
    N8N_PACKAGE,
    N8N_PROGRAM,
    bundled_nodes,
    installed_package,
    run_node_tool,
)
from tests.support.receivers import receiving
from tests.support.stack import Stack
from tests.support.tenants import create_key

BERLIN_NOON = "2027-01-15T12:00:00"


@pytest.fixture(scope="module")
def n8n_stack(open_stack: Stack) -> Stack:
    """A LeadHub that may send to this machine, where n8n's addresses are played."""
    open_stack.until_settled()
    return open_stack


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nodes")
    if not bundled_nodes(folder):
        pytest.skip(NO_NPM_REASON)
    return folder


@pytest.fixture
def client(n8n_stack: Stack) -> Iterator[LeadHub]:
    with LeadHub(n8n_stack.base, n8n_stack.key) as made:
        yield made


def run_nodes(nodes: Path, stack: Stack, scenario: str, **more: Any) -> Any:
    settings = {"nodes": str(nodes), "url": stack.base, "key": stack.key, **more}
    return run_program(N8N_PROGRAM, scenario, settings)


def execute_nodes(nodes: Path, stack: Stack, *runs: dict[str, Any], **more: Any) -> list[Any]:
    """What each run of the node gives: its items, or the error that n8n shows."""
    return list(run_nodes(nodes, stack, "execute", runs=runs, **more)["outcomes"])


def lead_run(operation: str, **parameters: Any) -> dict[str, Any]:
    return {"resource": "lead", "operation": operation, **parameters}


def new_email() -> str:
    return f"n8n-{secrets.token_hex(4)}@example.com"


def test_package_is_as_n8n_wants_it() -> None:
    package = json.loads((N8N_PACKAGE / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == __version__
    assert "dependencies" not in package
    assert "n8n-community-node-package" in package["keywords"]
    for compiled in (*package["n8n"]["nodes"], *package["n8n"]["credentials"]):
        source = N8N_PACKAGE / compiled.removeprefix("dist/").replace(".js", ".ts")
        assert source.exists()
    for codex in N8N_PACKAGE.glob("nodes/*/*.node.json"):
        assert json.loads(codex.read_text(encoding="utf-8"))["node"].startswith("n8n-nodes-leadhub.")


def test_credential_is_tested(nodes: Path, n8n_stack: Stack) -> None:
    statuses = [run_nodes(nodes, n8n_stack, "credential", key=key) for key in (n8n_stack.key, "lh_unknown")]
    assert statuses == [200, 401]


async def test_a_key_follows_no_redirect(nodes: Path, n8n_stack: Stack) -> None:
    async with receiving() as elsewhere, receiving() as moved:
        moved.status(302, {"Location": f"{elsewhere.url}/api/v1/me"})
        settings = {"nodes": str(nodes), "url": moved.url, "key": n8n_stack.key}
        assert await asyncio.to_thread(run_program, N8N_PROGRAM, "credential", settings) == 302
        more = {**settings, "runs": [lead_run("get", leadId=1)]}
        outcome = await asyncio.to_thread(run_program, N8N_PROGRAM, "execute", more)
    assert outcome["outcomes"][0]["error"]["message"] == "The answer is not from LeadHub. Is the base URL right?"
    assert (len(moved.requests), elsewhere.requests) == (2, [])


def test_a_tag_of_dots_is_refused(nodes: Path, n8n_stack: Stack) -> None:
    """As a part of a path it would name the lead."""
    runs = [{"resource": "tag", "operation": "remove", "leadId": 1, "tag": tag} for tag in ("..", ".", "")]
    found = execute_nodes(nodes, n8n_stack, *runs)
    assert [each["error"]["message"] for each in found] == ["Enter another tag."] * 3


def test_a_lead_is_created_found_moved_and_changed(nodes: Path, n8n_stack: Stack, client: LeadHub) -> None:
    email = new_email()
    fields = {
        "first_name": "Ada",
        "source": "n8n",
        "tags": "from n8n, vip",
        "company": "",
        "custom_fields": {"values": [{"key": "seats", "value": "3"}]},
    }
    create = lead_run("upsert", email=email, additionalFields=fields, options={"returnLead": True})
    ((created,), (again,)) = execute_nodes(nodes, n8n_stack, create, create)
    assert (created["status"], created["is_duplicate"], created["item"]) == ("created", False, 0)
    assert again["submission_id"] == created["submission_id"]  # the same execution: a repeat
    assert created["lead"]["tags"] == ["from n8n", "vip"]
    lead_id = created["lead_id"]
    stage = client.pipelines.list().first()["stages"][1]  # type: ignore[index]
    found, moved, changed, missing = execute_nodes(
        nodes,
        n8n_stack,
        lead_run("find", findEmail=email.upper()),
        lead_run("move", leadId=str(lead_id), stageId=stage["id"]),
        lead_run("update", leadId=lead_id, updateFields={"last_name": "Lovelace", "starred": True}),
        lead_run("find", findEmail=new_email()),
    )
    assert [each["id"] for each in found] == [lead_id]
    assert moved[0]["pipeline_stage_id"] == stage["id"]
    assert (changed[0]["last_name"], changed[0]["starred"], changed[0]["custom_fields"]) == (
        "Lovelace",
        True,
        {"seats": "3"},
    )
    assert missing == []
    assert client.leads.get(lead_id)["company"] is None


def test_another_execution_is_another_request(nodes: Path, n8n_stack: Stack) -> None:
    create = lead_run("upsert", email=new_email())
    (first,) = execute_nodes(nodes, n8n_stack, create, execution="one")
    (second,) = execute_nodes(nodes, n8n_stack, create, execution="two")
    assert first[0]["submission_id"] != second[0]["submission_id"]
    assert (second[0]["is_duplicate"], second[0]["lead_id"]) == (True, first[0]["lead_id"])


def test_many_leads_are_walked_by_cursor(nodes: Path, n8n_stack: Stack, client: LeadHub) -> None:
    source = f"walk-{secrets.token_hex(4)}"
    client.submit_leads([{"email": f"{source}-{number}@example.com", "source": source} for number in range(205)])
    n8n_stack.until_settled()
    walk = lead_run("getAll", filters={"source": source}, returnAll=True)
    outcome = run_nodes(nodes, n8n_stack, "execute", runs=[walk])
    assert len({each["id"] for each in outcome["outcomes"][0]}) == 205
    assert outcome["requests"] == 3
    (some,) = execute_nodes(nodes, n8n_stack, lead_run("getAll", filters={"source": source}, limit=7))
    assert len(some) == 7


def test_tags_tasks_and_activities(nodes: Path, n8n_stack: Stack) -> None:
    ((created,),) = execute_nodes(nodes, n8n_stack, lead_run("upsert", email=new_email()))
    lead = str(created["lead_id"])
    tagged, untagged, task, note, call, timeline = execute_nodes(
        nodes,
        n8n_stack,
        {"resource": "tag", "operation": "add", "leadId": lead, "tag": "Ask/for prices"},
        {"resource": "tag", "operation": "remove", "leadId": lead, "tag": "ask/FOR prices"},
        {
            "resource": "task",
            "operation": "create",
            "title": "Call",
            "additionalFields": {"lead_id": lead, "due_at": BERLIN_NOON},
        },
        {"resource": "activity", "operation": "create", "leadId": lead, "activityType": "note", "text": "Likes n8n"},
        {"resource": "activity", "operation": "create", "leadId": lead, "activityType": "call", "outcome": "no_answer"},
        {"resource": "activity", "operation": "getAll", "leadId": lead, "returnAll": True},
    )
    assert (tagged[0]["tags"], untagged[0]["tags"]) == (["Ask/for prices"], [])
    assert task[0]["lead_id"] == created["lead_id"]
    assert task[0]["due_at"].startswith("2027-01-15T11:00:00")  # noon in the workflow's zone
    assert note[0]["data"]["text"] == "Likes n8n"
    assert {each["type"] for each in timeline} >= {note[0]["type"], call[0]["type"]}
    done, tasks = execute_nodes(
        nodes,
        n8n_stack,
        {"resource": "task", "operation": "update", "taskId": task[0]["id"], "updateFields": {"done_at": BERLIN_NOON}},
        {"resource": "task", "operation": "getAll", "filters": {"lead_id": lead, "done": True}},
    )
    assert done[0]["done_at"]
    assert [each["id"] for each in tasks] == [task[0]["id"]]


def test_forms_are_filled_in_and_offered(nodes: Path, n8n_stack: Stack, client: LeadHub) -> None:
    form = client.forms.create(
        {"name": "From n8n", "fields": [{"key": "mail", "label": "E-mail", "type": "email", "maps_to": "email"}]}
    )
    values = {"values": [{"key": "mail", "value": new_email()}]}
    filled, submissions = execute_nodes(
        nodes,
        n8n_stack,
        {"resource": "formSubmission", "operation": "create", "formId": form["id"], "formValues": values},
        {"resource": "formSubmission", "operation": "getAll", "formId": form["id"]},
    )
    assert [each["id"] for each in submissions] == [filled[0]["submission_id"]]
    lists = run_nodes(nodes, n8n_stack, "options", options={"formId": form["id"]})
    assert {"name": "From n8n", "value": form["id"]} in lists["getForms"]
    assert lists["getFormFields"] == [{"name": "E-mail", "value": "mail", "description": "email"}]
    assert lists["getStages"][0]["name"].count(": ") == 1


def test_errors_are_those_that_n8n_shows(nodes: Path, n8n_stack: Stack) -> None:
    wrong = lead_run("upsert", email="no address")
    failed, stranger = execute_nodes(nodes, n8n_stack, wrong, lead_run("get", leadId="999999999"))
    error = failed["error"]
    assert (error["name"], error["httpCode"], error["itemIndex"]) == ("NodeApiError", "422", 0)
    assert "email" in error["message"]
    assert "422 (VALIDATION_FAILED), request " in error["description"]
    assert stranger["error"]["httpCode"] == "404"
    both = {**wrong, "continueOnFail": True, "items": [{"email": "no address"}, {"email": new_email()}]}
    (outcome,) = execute_nodes(nodes, n8n_stack, both)
    assert [("error" in each, each["item"]) for each in outcome] == [(True, 0), (False, 1)]


def test_a_used_up_key_is_said_to_be_so(nodes: Path, n8n_stack: Stack) -> None:
    limited, _ = create_key(n8n_stack.database_url, "*", rate_limit=1)
    runs = [lead_run("get", leadId=1)] * 3  # the hour may turn in between
    *_, last = execute_nodes(nodes, n8n_stack, *runs, key=limited)
    assert last["error"]["httpCode"] == "429"
    assert "Try again in " in last["error"]["message"]


def test_a_trigger_takes_what_is_signed_and_nothing_else(nodes: Path, n8n_stack: Stack, client: LeadHub) -> None:
    source = f"Hook {secrets.token_hex(4)}"
    email = new_email()
    found = run_nodes(
        nodes,
        n8n_stack,
        "trigger",
        trigger={"events": ["lead.created", "tag.added"], "filters": {"sources": [source.lower(), " "]}},
        happenings=[
            lead_run("upsert", email=new_email(), additionalFields={"source": "another"}),
            lead_run("upsert", email=email, additionalFields={"source": source}),
        ],
    )
    assert (found["before"], found["there"], found["after"], found["kept"]) == (False, True, False, [])
    (event,) = found["taken"]["items"]
    assert (event["event"], event["lead"]["email"]) == ("lead.created", email)
    assert found["messages"] == 1
    assert found["forged"] == {"changed": 401, "old": 401, "unsigned": 401, "stranger": 401, "again": 200}
    with pytest.raises(ApiError, match="404"):
        client.webhooks.get(found["webhookId"])


def test_a_changed_trigger_has_a_new_subscription(nodes: Path, n8n_stack: Stack, client: LeadHub) -> None:
    found = run_nodes(nodes, n8n_stack, "change", trigger={"events": ["lead.created"]})
    assert (found["listening"], found["unharmed"], found["exists"]) == (False, True, False)
    assert client.webhooks.get(found["second"])["events"] == ["lead.deleted"]
    with pytest.raises(ApiError):
        client.webhooks.get(found["first"])
    client.webhooks.delete(found["second"])


def test_workflow_of_the_page_runs(nodes: Path, n8n_stack: Stack) -> None:
    page = (PROJECT_ROOT / "docs" / "n8n.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    workflow = json.loads(block)
    _, create, task = (node["parameters"] for node in workflow["nodes"])
    assert {node["type"].rpartition(".")[0] for node in workflow["nodes"][1:]} == {"n8n-nodes-leadhub"}
    assert set(workflow["connections"]) < {node["name"] for node in workflow["nodes"]}
    ((created,),) = execute_nodes(nodes, n8n_stack, create)
    assert created["lead"]["tags"] == ["newsletter", "from n8n"]
    lead_id = task["additionalFields"]["lead_id"].replace("={{ $json.lead_id }}", str(created["lead_id"]))
    ((planned,),) = execute_nodes(nodes, n8n_stack, {**task, "additionalFields": {"lead_id": lead_id}})
    assert planned["lead_id"] == created["lead_id"]


@pytest.mark.extended
def test_n8ns_own_tool_lints_and_builds_it(n8n_stack: Stack) -> None:
    """It is also run with n8n's own packages: the errors are those of n8n."""
    folder = installed_package()
    if folder is None:
        pytest.skip(NO_NPM_REASON)
    for command in ("lint", "build"):
        found = run_node_tool(folder, command)
        assert found.returncode == 0, found.stdout + found.stderr
        assert "warning" not in found.stdout
    built = folder / "dist"
    assert (built / "icons" / "leadhub.dark.svg").exists()
    test_errors_are_those_that_n8n_shows(built, n8n_stack)
