"""The node in a real n8n, whose command executes the workflow of the page against a running LeadHub.

It needs `LEADHUB_N8N`, a folder with an installed n8n: docs/n8n.md says how to make one.
"""

import json
import re
from collections.abc import Iterator

import pytest

from leadhub_client import LeadHub
from shared.platform.installation import PROJECT_ROOT
from tests.integrations.client_programs import NO_NPM_REASON
from tests.integrations.n8n_service import NO_N8N_REASON, N8nService, n8n_folder, packed_nodes
from tests.support.stack import Stack

pytestmark = [pytest.mark.extended, pytest.mark.skipif(n8n_folder() is None, reason=NO_N8N_REASON)]


@pytest.fixture(scope="module")
def n8n(open_stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> N8nService:
    """An n8n with the nodes and the credential of the workspace `main`, which does not run yet."""
    open_stack.until_settled()
    program = n8n_folder()
    packed = packed_nodes(tmp_path_factory.mktemp("packed"))
    if program is None or packed is None:
        pytest.skip(NO_NPM_REASON)
    service = N8nService(program, tmp_path_factory.mktemp("n8n"))
    service.install_nodes(packed)
    service.import_credential(open_stack.base, open_stack.key)
    return service


@pytest.fixture
def client(open_stack: Stack) -> Iterator[LeadHub]:
    with LeadHub(open_stack.base, open_stack.key, tenant="main") as made:
        yield made


def test_the_workflow_of_the_page_is_executed(n8n: N8nService, client: LeadHub) -> None:
    page = (PROJECT_ROOT / "docs" / "n8n.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    n8n.import_workflow({"id": "page", "name": "The page", **json.loads(block)})
    items = n8n.execute("page")
    (sent,), (task,) = items["Send the lead"], items["Plan a call"]
    assert sent["lead"]["tags"] == ["newsletter", "from n8n"]
    assert client.tasks.get(task["id"])["lead_id"] == sent["lead_id"]
