"""Every field of every body and query: each wrong type, each bound passed, is a 422 that names the field."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.contract import samples
from tests.contract.operation_catalogue import OPERATIONS, Operation, resolved
from tests.contract.records import Workspace, named, needed_query, query_fields, together
from tests.contract.service import Answer, Service, ask

SENT = [operation for operation in OPERATIONS if resolved(operation.body or {}).get("properties")]
DEMANDING = [operation for operation in SENT if resolved(operation.body or {}).get("required")]
ASKED = [operation for operation in OPERATIONS if query_fields(operation)]


@pytest_asyncio.fixture(scope="module")
async def ours(service: Service, client: aiohttp.ClientSession) -> AsyncIterator[Workspace]:
    """The workspace `main`, whose lanes are resumed at the end: bodies that are sound pause one."""
    yield Workspace(service, client, "main")
    assert (await ask(client, "POST", "/api/v1/operations/lanes/automations/resume")).status == 200


async def send(ours: Workspace, operation: Operation, values: dict[str, Any], body: Any) -> Answer:
    data = json.dumps(body)  # a lone surrogate stays an escape
    headers = {"Content-Type": "application/json"}
    return await ours.call(operation, values, data=data, headers=headers, params=await needed_query(ours, operation))


@pytest.mark.parametrize("operation", SENT, ids=str)
async def test_error_names_the_wrong_body_field(ours: Workspace, operation: Operation) -> None:
    assert operation.body
    values, fill = await ours.values(operation.path), await ours.fill(operation)
    cases = [
        (leaf.name, value, leaf.body(value))
        for leaf in samples.leaves(operation.body, fill)
        for value in samples.bad_values(leaf.schema)
    ]
    answers = await together(send(ours, operation, values, body) for _, _, body in cases)
    missed = [
        f"{name} = {str(value)[:60]!r}: {answer.status} {answer.raw[:200]!r}"
        for (name, value, _), answer in zip(cases, answers, strict=True)
        if answer.status != 422 or name.partition(".")[0] not in named(answer)
    ]
    assert not missed, "\n".join(missed)


@pytest.mark.parametrize("operation", SENT, ids=str)
async def test_errors_name_all_wrong_body_fields(ours: Workspace, operation: Operation) -> None:
    assert operation.body
    values, fill = await ours.values(operation.path), await ours.fill(operation)
    bad = {
        leaf.name: next(samples.bad_values(leaf.schema), None)
        for leaf in samples.leaves(operation.body, fill)
        if "." not in leaf.name
    }
    answer = await send(ours, operation, values, bad)
    assert answer.status == 422, answer.raw
    assert named(answer) == bad.keys()


@pytest.mark.parametrize("operation", DEMANDING, ids=str)
async def test_errors_name_missing_required_fields(ours: Workspace, operation: Operation) -> None:
    assert operation.body
    answer = await send(ours, operation, await ours.values(operation.path), {})
    assert answer.status == 422, answer.raw
    assert named(answer) >= set(resolved(operation.body)["required"])


def bad_queries(schema: dict[str, Any]) -> list[str]:
    """Texts that a query parameter cannot be read from."""
    kinds = samples.types(schema)
    if "integer" in kinds:
        return ["0", "-1", "x", "1.5", "1e3", "%D9%A1", "9" * 20 if samples.is_id(schema) else "0x10", "1%00"]
    if "boolean" in kinds:
        return ["maybe", "2", "null", "%00"]
    texts = ["a%00b"]
    texts += ["no-such-value"] if "enum" in schema else []
    texts += ["no-time", "2026-13-01", "2026-02-30T10:00:00Z"] if "date" in str(schema.get("format", "")) else []
    texts += ["x" * (schema["maxLength"] + 1)] if "maxLength" in schema else []
    return texts


@pytest.mark.parametrize("operation", ASKED, ids=str)
async def test_error_names_the_wrong_query_parameter(ours: Workspace, operation: Operation) -> None:
    values, body = await ours.values(operation.path), await ours.body(operation)
    sent = {} if body is None else {"json": body}
    needed = await needed_query(ours, operation)
    for name, schema in query_fields(operation).items():
        for text in bad_queries(samples.options(schema)[0]) if name != "tenant" else []:
            query = "&".join(f"{key}={value}" for key, value in {**needed, name: text}.items())
            answer = await ours.call(operation, values, query=query, **sent)
            assert (answer.status, named(answer)) == (422, {name}), f"{operation} {name}={text}: {answer.raw!r}"


@pytest.mark.parametrize("operation", ASKED, ids=str)
async def test_errors_name_all_wrong_query_parameters(ours: Workspace, operation: Operation) -> None:
    values, body = await ours.values(operation.path), await ours.body(operation)
    sent = {} if body is None else {"json": body}
    schemas = {name: schema for name, schema in query_fields(operation).items() if name not in ("tenant", "cursor")}
    bad = {name: bad_queries(samples.options(schema)[0])[0] for name, schema in schemas.items()}
    if not bad:
        return
    query = "&".join(f"{name}={text}" for name, text in {**await needed_query(ours, operation), **bad}.items())
    answer = await ours.call(operation, values, query, **sent)
    assert (answer.status, named(answer)) == (422, set(bad)), f"{operation}?{query}: {answer.raw!r}"
