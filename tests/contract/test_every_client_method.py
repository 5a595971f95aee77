"""Every method of the Python client: called with records that are there, its answer is what the document says."""

import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from integrations.codegen.operations import HAND_WRITTEN, LEFT_OUT, ClientMethod
from tests.contract.client_caller import METHODS, ClientCaller, client_caller, method_of
from tests.contract.operation_catalogue import OPERATIONS, faults
from tests.contract.record_tables import REFUSED
from tests.contract.records import Workspace, needed_query
from tests.contract.service import Service

# Deletions come last, those of a record's parts first: the others need the records.
METHODS_IN_ORDER = sorted(METHODS, key=lambda one: (one.http_method == "DELETE", -len(one.path_parameters)))
OPERATION_BY_ID = {operation.said["operationId"]: operation for operation in OPERATIONS}


@pytest_asyncio.fixture(scope="module")
async def filled(service: Service) -> AsyncIterator[tuple[Workspace, ClientCaller]]:
    """A workspace to fill with records, and a client of it."""
    slug = f"client-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Client")
    key = service.make_key("*", workspace=slug)
    async with service.client(key) as session, client_caller(service.url, key) as caller:
        yield Workspace(service, session, slug), caller


@pytest.mark.parametrize("method", METHODS_IN_ORDER, ids=lambda method: f"{method.group}.{method.name}")
async def test_method_of_the_client_answers_as_documented(
    filled: tuple[Workspace, ClientCaller], method: ClientMethod
) -> None:
    workspace, caller = filled
    operation = OPERATION_BY_ID[method.operation_id]
    values = await workspace.fresh(operation.path)
    body = await workspace.body(operation)
    query = await needed_query(workspace, operation)
    answer = await caller.call(method, [values[name] for name, _ in method.path_parameters], query, body)
    documented = operation.answer(answer.status)
    assert documented is not None, f"{answer.status}: {answer.raw!r}"
    assert answer.status < 300 or answer.status == REFUSED.get(str(operation)), answer.raw
    if method.kind in ("record", "list") and answer.status < 300 and answer.raw:
        assert faults(documented["content"]["application/json"]["schema"], answer.body) == []


def test_operations_that_no_method_covers_have_their_reason() -> None:
    """Hand-written methods have tests of their own, in `tests/integrations/test_python_client.py`."""
    others = {
        operation.said["operationId"]
        for operation in OPERATIONS
        if not method_of(operation.method, operation.path) and not operation.said.get("x-sdk-ignore")
    }
    assert others == HAND_WRITTEN | LEFT_OUT
