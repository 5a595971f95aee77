"""Whole collections for Postman and Bruno, run by their own runners: what is answered, and what is left alone."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from integrations.codegen.collection_people import MARK_PLACE
from integrations.codegen.collection_records import NEEDED_INPUT, RISKY_OPERATIONS
from integrations.codegen.collection_requests import RISK_VALUE, RISK_VARIABLE, CollectionRequest, operation_requests
from integrations.codegen.collection_tour import tour_requests
from integrations.codegen.generated_files import OPENAPI_FILE
from leadhub_client import LeadHub
from tests.integrations.client_programs import NO_NPM_REASON
from tests.integrations.collection_programs import (
    bruno_statuses,
    collection_runners,
    collection_variables,
    newman_statuses,
)
from tests.support.stack import Stack

DOCUMENT = json.loads(OPENAPI_FILE.read_text(encoding="utf-8"))
OPERATIONS = {operation["operationId"]: operation for item in DOCUMENT["paths"].values() for operation in item.values()}
REQUESTS = {request.name: request for requests in operation_requests(DOCUMENT).values() for request in requests}
SAFE_REQUESTS = [request for request in (*REQUESTS.values(), *tour_requests()) if not request.is_risky]
RUN_AUTOMATION = next(name for name, each in REQUESTS.items() if each.operation_id == "run_automation")
NAMES: dict[str, Any] = {  # of those whom the examples would be taken for
    "sarah@example.com": {"first_name": "Sarah", "last_name": "Johnson"},
    "grace@example.com": {"first_name": "Grace", "last_name": "Hopper"},
    "mary@example.com": {"first_name": "Mary", "last_name": "Jackson"},
    "annie@example.com": {"first_name": "Annie", "last_name": "Easley"},
}
PLACE = re.compile(r"\{\{\w+\}\}")
FIXED_ID = re.compile(r'"(\w+)": (\d+)')
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.\w+")  # one without a mark
RUNS = {"newman": newman_statuses, "bruno": bruno_statuses}


@pytest.fixture(scope="module")
def runners() -> Path:
    tools = collection_runners()
    if tools is None:
        pytest.skip(NO_NPM_REASON)
    return tools


def test_tables_of_operations_name_those_that_are_there() -> None:
    assert set(OPERATIONS) >= RISKY_OPERATIONS | set(NEEDED_INPUT)


def test_all_that_deletes_is_risky() -> None:
    assert all(request.is_risky for request in REQUESTS.values() if request.http_method == "DELETE")


def test_ids_are_those_of_the_run() -> None:
    """In a path, a query or a body that is sent without the user's consent."""
    assert [request.name for request in SAFE_REQUESTS if fixed_ids(request)] == []


def test_addresses_of_a_run_are_new() -> None:
    assert [request.name for request in SAFE_REQUESTS if request.body and ADDRESS.search(request.body_text)] == []


@pytest.mark.extended
@pytest.mark.parametrize("runner", RUNS)
def test_run_of_all_leaves_alone_what_it_has_not_made(
    runners: Path, shared_stack: Stack, tmp_path: Path, runner: str
) -> None:
    variables = collection_variables(shared_stack)
    with LeadHub(variables["baseUrl"], variables["key"]) as client:
        fill_workspace(client)
        before = what_is_there(client)
        statuses = RUNS[runner](runners, variables, tmp_path / "report.json")
        after = what_is_there(client)
        assert [each for name in before for each in changes(name, before[name], after[name])] == []
        assert len(after["leads"]) > len(before["leads"])
    assert not [name for name in statuses if name in REQUESTS and REQUESTS[name].is_risky]
    assert {name for name, each in REQUESTS.items() if needs_nothing(each) and not each.is_risky} <= set(statuses)
    assert statuses[RUN_AUTOMATION] < 300
    assert wrong_answers(statuses) == []


@pytest.mark.extended
@pytest.mark.parametrize("runner", RUNS)
def test_run_with_the_key_of_another_workspace_ends_soon(
    runners: Path, shared_stack: Stack, tmp_path: Path, runner: str
) -> None:
    """Its leads are refused. What asks for them is not sent, and nothing waits for them."""
    variables = {**collection_variables(shared_stack), "tenant": "main"}
    statuses = RUNS[runner](runners, variables, tmp_path / "report.json", may_fail=True)
    assert statuses["01 Post a lead"] >= 400
    missing = {"06 See what became of it", "11 Look for duplicates", "12 Merge two leads that are one person"}
    assert missing & set(statuses) == set()
    assert "19 See what every step did" not in statuses


@pytest.mark.extended
@pytest.mark.parametrize("runner", RUNS)
def test_run_with_risks_is_answered_as_documented(
    runners: Path, shared_stack: Stack, tmp_path: Path, runner: str
) -> None:
    variables = {**collection_variables(shared_stack), RISK_VARIABLE: RISK_VALUE}
    statuses = RUNS[runner](runners, variables, tmp_path / "report.json")
    assert {name for name, each in REQUESTS.items() if needs_nothing(each)} <= set(statuses)
    assert wrong_answers(statuses) == []


def fixed_ids(request: CollectionRequest) -> list[str]:
    """Ids that are sent as they stand, whoever's record has them."""
    sent = [each for each in (*request.path_values, *request.query) if each.is_sent]
    named = [(each.name, each.value) for each in sent] + FIXED_ID.findall(request.body_text)
    return [value for name, value in named if name.endswith(("id", "ids", "into")) and not PLACE.fullmatch(value)]


def fill_workspace(client: LeadHub) -> None:
    """Records with the addresses, phones, tags and names of the examples, that a run would meet first."""
    texts = [example_text(request) for request in (*REQUESTS.values(), *tour_requests())]
    addresses = sorted({address.lower() for text in texts for address in ADDRESS.findall(text)})
    assert set(NAMES) <= set(addresses)
    client.submit_lead({"email": "first@example.com", "phone": "+14155551234", "tags": ["newsletter"]}, wait=30)
    for address in addresses:
        lead: Any = {"email": address, "tags": ["pricing"], **NAMES.get(address, {})}
        client.submit_lead(lead, wait=30)
    for name in ("partner", "vip-client"):
        client.tags.create({"name": name})
    client.automations.create(
        {
            "name": "Asked for prices",
            "trigger": {"type": "tag_added", "tag": "pricing"},
            "steps": [{"action": {"type": "set_status", "status": "qualified"}}],
        }
    )
    client.forms.create({"name": "Ask for prices", "fields": [{"key": "mail", "label": "E-mail", "type": "email"}]})
    client.webhooks.create({"url": "https://example.com/hook", "events": ["lead.deleted"]})
    client.pipelines.create({"name": "Partners", "stages": [{"name": "New"}]})
    client.integrations.create({"type": "zapier", "name": "Webinar sign-ups"})
    client.tasks.create({"title": "Call back"})


def example_text(request: CollectionRequest) -> str:
    """The body as another collection would have it that marks nobody."""
    text = request.body_text if request.body else ""
    return text.replace(f".{MARK_PLACE}@", "@").replace(f"-{MARK_PLACE}", "")


def what_is_there(client: LeadHub) -> dict[str, list[Any]]:
    """All records that a run could change, the newest first, and the workspace itself."""
    lists = ("leads", "tags", "automations", "webhooks", "forms", "pipelines", "integrations", "tasks", "users")
    found = {name: list(getattr(client, name).list()) for name in lists}
    found = {name: sorted(records, key=lambda record: -record["id"]) for name, records in found.items()}
    found["activities"] = [each for lead in found["leads"] for each in client.leads.list_activities(lead["id"])]
    own: dict[str, list[Any]] = {
        "me": [client.me()],
        "workspace": [client.workspace.get()],
        "retention": [client.retention.get()],
    }
    return {**found, **own}


def changes(name: str, before: list[Any], after: list[Any]) -> list[tuple[Any, ...]]:
    """What became of the records that were there before a run, where it is not the same."""
    now = {record.get("id"): record for record in after}
    return [
        (name, record.get("id"), key, value, now.get(record.get("id"), {}).get(key))
        for record in before
        for key, value in record.items()
        if now.get(record.get("id"), {}).get(key) != value
    ]


def needs_nothing(request: CollectionRequest) -> bool:
    return request.operation_id not in NEEDED_INPUT


def wrong_answers(statuses: dict[str, int]) -> list[str]:
    """Requests whose status the document does not have, or that failed though they need no input."""
    return [
        f"{request.operation_id}: {status}"
        for name, status in statuses.items()
        if (request := REQUESTS.get(name)) and not is_right(request, status)
    ]


def is_right(request: CollectionRequest, status: int) -> bool:
    is_documented = str(status) in OPERATIONS[request.operation_id]["responses"]
    return is_documented and (status < 300 or request.operation_id in NEEDED_INPUT)
