"""Every example of a body in the document: pasted, it is taken."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.contract.operation_catalogue import JSON, OPERATIONS, Operation, faults
from tests.contract.record_tables import NOUNS, REFUSED
from tests.contract.records import Workspace, make_lead, query_fields
from tests.contract.service import Service

WRITES = [operation for operation in OPERATIONS if operation.body]


@pytest_asyncio.fixture(scope="module")
async def fresh(service: Service) -> AsyncIterator[Workspace]:
    """A workspace in which nobody has the examples' names yet."""
    slug = f"examples-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Examples")
    async with service.client(service.make_key("*", workspace=slug)) as session:
        yield Workspace(service, session, slug)


async def example_of(workspace: Workspace, operation: Operation) -> Any:
    """The operation's example, about records that are there."""
    example = operation.said["requestBody"]["content"][JSON]["example"]
    assert not faults(operation.body or {}, example)
    if isinstance(example, list):
        return example
    fill = await workspace.fill(operation)
    return {name: fill(name) if name in NOUNS else value for name, value in example.items()}


@pytest.mark.parametrize("operation", WRITES, ids=str)
async def test_example_of_the_document_is_accepted(fresh: Workspace, operation: Operation) -> None:
    body = await example_of(fresh, operation)
    params = {"tenant": fresh.slug} if "tenant" in query_fields(operation) else {}
    values = await fresh.values(operation.path)
    if operation.path.endswith("/erase"):
        values["id"] = await make_lead(fresh)  # the other examples want the one that is there
    answer = await fresh.call(operation, values, json=body, params=params)
    if answer.status != REFUSED.get(str(operation)):
        assert answer.status == int(operation.said.get("x-status", answer.status)) < 300, answer.raw
