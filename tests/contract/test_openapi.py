"""The document: valid, complete, and what the service itself answers with."""

import re

import aiohttp
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from docs.openapi_file import OPENAPI_FILE, openapi_text
from services.api.openapi.document import openapi_document
from services.api.openapi.handlers import PAGE_FILES
from services.api.openapi.schemas import schema_nodes
from tests.contract.operation_catalogue import DOCUMENT, OPERATIONS, ROUTES, Operation, faults, operations
from tests.contract.records import check_answer
from tests.contract.service import INBOUND, ask, new_email, post_lead

HOSTS = re.compile(r"""(?:https?:)?//[\w.-]+\.[a-z]{2,}""")


def test_document_is_valid_openapi() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_document_is_deterministic() -> None:
    assert openapi_document(ROUTES) == DOCUMENT
    assert list(openapi_document(ROUTES)["paths"]) == list(DOCUMENT["paths"])


def test_every_route_is_in_it_and_nothing_else() -> None:
    routes = {(route.method, route.path) for route in ROUTES}
    assert len(routes) == len(ROUTES)
    assert {(each.method, each.path) for each in OPERATIONS} == routes


def test_every_answer_says_what_it_holds() -> None:
    """A handler that was not described would give an empty 200."""
    bare = [
        str(each)
        for each in OPERATIONS
        for status in ("200", "201")
        if "content" not in each.said["responses"].get(status, {"content": 1})
    ]
    assert bare == []


def test_every_answer_is_closed() -> None:
    """An answer has exactly its fields: a schema that allowed others would let them in unnoticed."""
    for each in OPERATIONS:
        for status, said in each.said["responses"].items():
            for node in schema_nodes(said.get("content", {})):
                assert "properties" not in node or node["additionalProperties"] is False, (each, status)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_its_summary_is_one_plain_sentence(operation: Operation) -> None:
    summary = operation.said["summary"]
    assert summary[0].isupper()
    assert len(summary) <= 110


async def test_a_lead_is_answered_by_its_status(client: aiohttp.ClientSession) -> None:
    """What would happen, what became of it, that it is stored: each answer is of its own status' shape."""
    receive = operations("/api/inbound/leads")["POST"]
    answers = [
        await post_lead(client, {"email": new_email()}, f"{INBOUND}&dry_run=1"),
        await post_lead(client, {"email": new_email()}),
        await post_lead(client, {"email": new_email()}, Prefer="respond-async"),
    ]
    assert [answer.status for answer in answers] == [200, 201, 202]
    for answer in answers:
        check_answer(receive, answer)
    assert receive.said["x-status"] == "201"
    for own, others in (("200", answers[1:]), ("201", answers[:1]), ("202", answers[:1])):
        schema = receive.said["responses"][own]["content"]["application/json"]["schema"]
        assert all(faults(schema, answer.body) for answer in others), own


def test_file_in_the_repository_is_up_to_date() -> None:
    """If it is not: `.venv/bin/python -m docs.openapi_file`."""
    assert OPENAPI_FILE.read_text(encoding="utf-8") == openapi_text()


def test_names_of_schemas_are_plain() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert re.fullmatch("[A-Z][A-Za-z]+", name)
        assert not name.endswith(("Record", "Input", "Output"))
        assert schema.get("title", name) == name


async def test_service_serves_the_document(nobody: aiohttp.ClientSession) -> None:
    answer = await ask(nobody, "GET", "/api/v1/openapi.json")
    assert answer.body == DOCUMENT
    again = await ask(nobody, "GET", "/api/v1/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.raw) == (304, b"")


async def test_the_page_runs_nothing_from_elsewhere(nobody: aiohttp.ClientSession) -> None:
    answer = await ask(nobody, "GET", "/api/documentation")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy
    assert not HOSTS.search(policy)
    page = answer.raw.decode()
    assert not re.search(r"""(?:src|href)=["'](?:https?:)?//""", page)
    assert not re.search(r"<style|<script>|style=|\son\w+=", page)


@pytest.mark.parametrize("name", PAGE_FILES)
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_a_file_of_the_page_is_sent_once(nobody: aiohttp.ClientSession, name: str, encoding: str) -> None:
    path, accepted = f"/api/documentation/{name}", {"Accept-Encoding": encoding}
    answer = await ask(nobody, "GET", path, headers=accepted)
    assert (answer.status, answer.headers.get("Content-Encoding", "identity")) == (200, encoding)
    assert answer.raw == PAGE_FILES[name].read_bytes()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = await ask(nobody, "GET", path, headers={**accepted, "If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.raw) == (304, b"")


async def test_what_is_no_file_of_the_page_is_not_found(nobody: aiohttp.ClientSession) -> None:
    for name in ("page.html", "swagger-ui", "..%2fhandlers.py"):
        assert (await ask(nobody, "GET", f"/api/documentation/{name}")).code == "NOT_FOUND"
