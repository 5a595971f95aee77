"""The trigger in a real n8n that runs: it subscribes, starts workflows once, and refuses what nobody signed.

It needs `LEADHUB_N8N`, as `test_real_n8n.py` does.
"""

import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from leadhub_client import LeadHub
from tests.integrations.client_programs import NO_NPM_REASON
from tests.integrations.conftest import Site, make_site
from tests.integrations.n8n_server import N8nServer
from tests.integrations.n8n_service import NO_N8N_REASON, N8nService, n8n_folder, packed_nodes
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = [pytest.mark.extended, pytest.mark.skipif(n8n_folder() is None, reason=NO_N8N_REASON)]

TRIGGER = "LeadHub Trigger"
FIND = "Find"
TAG = "Tag"
SECONDS = 60


@pytest.fixture(scope="module")
def n8n_site(open_stack: Stack) -> Site:
    open_stack.until_settled()
    return make_site(open_stack, "Trigger")


@pytest.fixture(scope="module")
def n8n(n8n_site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[N8nServer]:
    """An n8n that runs, with the nodes, a credential and an owner."""
    program = n8n_folder()
    packed = packed_nodes(tmp_path_factory.mktemp("packed"))
    if program is None or packed is None:
        pytest.skip(NO_NPM_REASON)
    service = N8nService(program, tmp_path_factory.mktemp("n8n"))
    service.install_nodes(packed)
    service.import_credential(n8n_site.url, n8n_site.key)
    server = N8nServer(service)
    try:
        server.start()
        server.set_up_owner()
        yield server
    finally:
        server.stop()


@pytest.fixture
def client(n8n_site: Site) -> Iterator[LeadHub]:
    with LeadHub(n8n_site.url, n8n_site.key, tenant=n8n_site.slug) as made:
        yield made


@pytest.fixture
def workflow_id(n8n: N8nServer) -> Iterator[str]:
    """An active workflow: a created lead is found by its email, and tagged."""
    active_id = n8n.activate(trigger_workflow())
    yield active_id
    n8n.deactivate(active_id)


def trigger_workflow() -> dict[str, Any]:
    name = f"Of a test {secrets.token_hex(4)}"
    trigger = node(TRIGGER, "leadHubTrigger", {"events": ["lead.created"]}) | {"webhookId": secrets.token_hex(16)}
    find = {"resource": "lead", "operation": "find", "findEmail": "={{ $json.lead.email }}"}
    tag = {"resource": "tag", "operation": "add", "leadId": "={{ $json.id }}", "tag": "seen by n8n"}
    nodes = [trigger, node(FIND, "leadHub", find), node(TAG, "leadHub", tag)]
    return {"name": name, "nodes": nodes, "connections": {TRIGGER: followed_by(FIND), FIND: followed_by(TAG)}}


def node(name: str, kind: str, parameters: dict[str, Any]) -> dict[str, Any]:
    kinds = {"type": f"n8n-nodes-leadhub.{kind}", "typeVersion": 1}
    return {"name": name, **kinds, "position": [0, 0], "parameters": parameters}


def followed_by(name: str) -> dict[str, Any]:
    return {"main": [[{"node": name, "type": "main", "index": 0}]]}


def create_lead(client: LeadHub) -> tuple[int, str]:
    """A new lead: its id and its email."""
    email = f"{secrets.token_hex(6)}@example.com"
    lead_id = client.submit_lead({"email": email, "source": "n8n"}, wait=30)["lead_id"]
    assert lead_id is not None
    return lead_id, email


def executions_after(n8n: N8nServer, workflow_id: str, count: int) -> list[str]:
    """The executions, as soon as there are so many of them."""
    return until(lambda: enough(n8n.execution_ids(workflow_id), count), SECONDS, f"{count} executions")


def enough(ids: list[str], count: int) -> list[str]:
    return ids if len(ids) >= count else []


def test_a_right_credential_passes_its_test_and_wrong_ones_fail(n8n: N8nServer, n8n_site: Site) -> None:
    assert n8n.check_credential(n8n_site.url, n8n_site.key)["status"] == "OK"
    assert n8n.check_credential(n8n_site.url, "lh_wrong")["status"] == "Error"
    assert n8n.check_credential(n8n.base, n8n_site.key)["status"] == "Error"  # no LeadHub is there


def test_activation_subscribes_and_deactivation_unsubscribes(n8n: N8nServer, client: LeadHub) -> None:
    workflow = trigger_workflow()
    workflow_id = n8n.activate(workflow)
    (subscription,) = client.webhooks.list()
    assert subscription["url"].startswith(f"{n8n.base}/webhook/")
    assert subscription["events"] == ["lead.created"]
    assert workflow["name"] in str(subscription["description"])
    n8n.deactivate(workflow_id)
    assert list(client.webhooks.list()) == []


def test_a_lead_starts_one_execution_which_finds_and_tags_it(n8n: N8nServer, client: LeadHub, workflow_id: str) -> None:
    lead_id, email = create_lead(client)
    (execution_id,) = executions_after(n8n, workflow_id, 1)
    items = n8n.items(execution_id)
    (message,) = items[TRIGGER]
    assert (message["event"], message["lead"]["id"], message["lead"]["email"]) == ("lead.created", lead_id, email)
    assert [lead["id"] for lead in items[FIND]] == [lead_id]
    assert client.leads.get(lead_id)["tags"] == ["seen by n8n"]
    create_lead(client)
    assert len(executions_after(n8n, workflow_id, 2)) == 2  # the first one started no other


def test_a_message_that_nobody_signed_starts_nothing(n8n: N8nServer, client: LeadHub, workflow_id: str) -> None:
    (subscription,) = client.webhooks.list()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1700000000", "webhook-signature": "v1,AAAA"}
    for sent in ({}, headers):
        answer = httpx.post(subscription["url"], json={"event": "lead.created", "lead": {"id": 1}}, headers=sent)
        assert answer.status_code == 401
    create_lead(client)
    assert len(executions_after(n8n, workflow_id, 1)) == 1


def test_a_workflow_fires_once_after_a_restart_of_n8n(n8n: N8nServer, client: LeadHub, workflow_id: str) -> None:
    n8n.stop()
    missed_id, _ = create_lead(client)  # its message comes again until n8n is back
    n8n.start()
    executions_after(n8n, workflow_id, 1)
    lead_id, _ = create_lead(client)
    ids = executions_after(n8n, workflow_id, 2)
    assert [n8n.items(each)[TRIGGER][0]["lead"]["id"] for each in ids] == [missed_id, lead_id]
    assert len(list(client.webhooks.list())) == 1
