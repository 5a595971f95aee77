"""Whole collections for Postman and Bruno, run by their own runners: what is answered, and what is left alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from integrations.codegen.collection_records import NEEDED_INPUT, RISKY_OPERATIONS
from integrations.codegen.collection_requests import RISK_VALUE, RISK_VARIABLE, CollectionRequest, operation_requests
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


@pytest.mark.extended
@pytest.mark.parametrize("runner", RUNS)
def test_run_of_all_leaves_alone_what_it_has_not_made(
    runners: Path, shared_stack: Stack, tmp_path: Path, runner: str
) -> None:
    variables = collection_variables(shared_stack)
    with LeadHub(variables["baseUrl"], variables["key"]) as client:
        form = client.forms.create({"name": "Mine", "fields": [{"key": "mail", "label": "E-mail", "type": "email"}]})
        client.submit_lead({"email": "mine@example.com", "tags": ["mine"]}, wait=30)
        before = what_is_there(client, form["id"])
        statuses = RUNS[runner](runners, variables, tmp_path / "report.json")
        assert what_is_there(client, form["id"]) == before
    assert not [name for name in statuses if name in REQUESTS and REQUESTS[name].is_risky]
    assert wrong_answers(statuses) == []


@pytest.mark.extended
@pytest.mark.parametrize("runner", RUNS)
def test_run_with_risks_is_answered_as_documented(
    runners: Path, shared_stack: Stack, tmp_path: Path, runner: str
) -> None:
    variables = {**collection_variables(shared_stack), RISK_VARIABLE: RISK_VALUE}
    statuses = RUNS[runner](runners, variables, tmp_path / "report.json")
    assert set(REQUESTS) <= set(statuses)
    assert wrong_answers(statuses) == []


def what_is_there(client: LeadHub, form_id: int) -> list[Any]:
    """What was there before a run, as it may have been changed."""
    (lead,) = client.leads.list(email="mine@example.com")
    tags = [tag for tag in client.tags.list() if tag["name"] == "mine"]
    return [lead, tags, client.forms.get(form_id), client.me(), client.workspace.get(), client.retention.get()]


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
