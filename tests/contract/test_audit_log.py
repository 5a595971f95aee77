"""The audit log: every route that steers, allowed and refused, and nothing of other workspaces."""

import asyncio
import csv
import io
import json
import secrets
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest_asyncio

from shared.auth.key_format import ALL_SCOPES
from shared.service_app.audit import SAFE_METHODS, STEERING_SCOPES
from tests.contract.operation_catalogue import OPERATIONS, Operation
from tests.contract.records import Workspace
from tests.contract.service import Answer, Service, ask
from tests.support.waiting import until_async

LOG = "/api/v1/audit-log"
BY_REQUEST = """
SELECT request_id, route, action, status, outcome, actor_kind, object_kind, workspace_id, before, after FROM audit_log
WHERE request_id LIKE %s
"""
STEERING = [
    operation
    for operation in OPERATIONS
    if operation.method not in SAFE_METHODS
    and operation.scopes
    and set(operation.scopes) <= STEERING_SCOPES
    and not operation.path.endswith("/erase")  # without `confirm` it only looks, and is not logged
]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of this test alone


@pytest_asyncio.fixture(scope="module")
async def ours(service: Service) -> AsyncIterator[Workspace]:
    """A workspace of this file's own, with a key that may do everything."""
    slug = f"audited-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Audited")
    async with service.client(service.make_key("*", workspace=slug)) as session:
        yield Workspace(service, session, slug)


def logged(service: Service, mark: str) -> dict[str, dict[str, Any]]:
    """The entries of requests whose id begins so, by that id."""
    names = ("request_id", "route", "action", "status", "outcome", "actor_kind", "object_kind", "workspace_id")
    with service.stack.database() as database:
        found = database.execute(BY_REQUEST, (f"{mark}%",)).fetchall()
    return {row[0]: dict(zip((*names, "before", "after"), row, strict=True)) for row in found}


async def entries(service: Service, mark: str, n: int) -> dict[str, dict[str, Any]]:
    await until_async(lambda: len(logged(service, mark)) >= n, what=f"{n} entries")
    return logged(service, mark)


def test_routes_that_steer_are_found() -> None:
    paths = {operation.path for operation in STEERING}
    assert {"/api/v1/api-keys", "/api/v1/users/{id}", "/api/v1/operations/causes/{id}"} <= paths
    assert {"/api/v1/tags/{id}", "/api/v1/pipelines/{pipeline_id}/stages/{stage_id}"} <= paths
    many = {(one.method, one.path) for one in STEERING if one.path.startswith(("/api/v1/leads", "/api/inbound"))}
    assert many == {("DELETE", "/api/v1/leads/{id}")}


async def test_every_steering_route_is_logged_allowed_and_refused(
    service: Service, ours: Workspace, nobody: aiohttp.ClientSession
) -> None:
    mark, workspace = f"audit-{secrets.token_hex(4)}-", await ours.id()
    lacking = service.make_key(" ".join(sorted(ALL_SCOPES - STEERING_SCOPES)), workspace=ours.slug)
    answers: dict[str, tuple[Operation, Answer]] = {}

    async def call(who: str, number: int, session: aiohttp.ClientSession, values: dict[str, Any], body: Any) -> None:
        operation, request_id = STEERING[number], f"{mark}{who}-{number}"
        options: dict[str, Any] = {} if body is None else {"json": body}
        caller = Workspace(service, session, ours.slug)
        answer = await caller.call(operation, values, headers={"X-Request-Id": request_id}, **options)
        answers[request_id] = operation, answer

    async with service.client(lacking) as session:
        for number, operation in enumerate(STEERING):
            values, body = await ours.values(operation.path), await ours.body(operation)
            await call("nobody", number, nobody, values, body)
            await call("lacking", number, session, values, body)
            if operation.method == "DELETE":
                values = await ours.fresh(operation.path)
            await call("allowed", number, ours.session, values, body)
            if operation.method == "DELETE":
                await ours.fresh(operation.path)

    async def is_all_logged() -> bool:
        """Ask again without a key what was not logged: all tests share the entries of nobody that a minute has."""
        left = {request_id for request_id in answers.keys() - logged(service, mark).keys() if "nobody" in request_id}
        for number in (int(request_id.rpartition("-")[2]) for request_id in left):
            await call("nobody", number, nobody, await ours.values(STEERING[number].path), None)
        await asyncio.sleep(1 if left else 0)
        return logged(service, mark).keys() == answers.keys()

    await until_async(is_all_logged, 150, "an entry of each request")
    found = logged(service, mark)
    for request_id, (operation, answer) in answers.items():
        entry, who = found[request_id], request_id.split("-")[2]
        outcome = "done" if answer.status < 400 else "refused"
        assert (entry["route"], entry["status"], entry["outcome"]) == (str(operation), answer.status, outcome)
        assert answer.status == {"nobody": 401, "lacking": 403}.get(who, answer.status)
        known = who != "nobody"
        assert (entry["actor_kind"], entry["workspace_id"]) == (("key", workspace) if known else (None, None))
        assert entry["action"].startswith(f"{entry['object_kind']}.")


async def test_refused_bodies_and_unknown_records_are_logged_too(service: Service, ours: Workspace) -> None:
    mark = f"audit-{secrets.token_hex(4)}-"
    for number, (method, path, body) in enumerate(
        (("POST", "/api/v1/users", {"name": 7}), ("DELETE", "/api/v1/api-keys/999999999", None))
    ):
        await ask(ours.session, method, path, json=body, headers={"X-Request-Id": f"{mark}{number}"})
    found = await entries(service, mark, 2)
    assert [(found[f"{mark}{n}"]["status"], found[f"{mark}{n}"]["outcome"]) for n in (0, 1)] == [
        (422, "refused"),
        (404, "refused"),
    ]


async def test_secrets_and_people_are_masked_and_settings_are_not(service: Service, ours: Workspace) -> None:
    mark = f"audit-{secrets.token_hex(4)}-"
    user = {"name": "Zebulon Quixworth", "email": f"{secrets.token_hex(4)}@quixworth.example", "role": "manager"}
    hook = {"url": f"https://example.com/{SECRET}", "events": ["lead.created"]}
    smtp = {"type": "smtp", "name": "Mail", "credentials": {"host": "mail.example.com", "password": SECRET}}
    for number, (path, body) in enumerate(
        (("/api/v1/users", user), ("/api/v1/webhooks", hook), ("/api/v1/integrations", smtp))
    ):
        await ask(ours.session, "POST", path, json=body, headers={"X-Request-Id": f"{mark}{number}"})
    found = await entries(service, mark, 3)
    said = str([entry["after"] for entry in found.values()])
    assert not [part for part in ("Zebulon", "quixworth", SECRET) if part in said]
    assert found[f"{mark}0"]["after"] == {"name": "…", "email": "…", "role": "manager"}
    assert found[f"{mark}1"]["after"] == {"url": "https://example.com/…", "events": ["lead.created"]}


async def test_a_change_is_logged_with_what_was_there_before(service: Service, ours: Workspace) -> None:
    mark, made = f"audit-{secrets.token_hex(4)}-", {"name": "one", "scopes": ["read:leads"], "rate_limit": 10}
    key = (await ask(ours.session, "POST", "/api/v1/api-keys", json=made)).body["data"]
    form = (await ask(ours.session, "POST", "/api/v1/forms", json={"name": "Contact"})).body["data"]
    for path, body in ((f"api-keys/{key['id']}", {"rate_limit": 20}), (f"forms/{form['id']}", {"is_active": False})):
        sent = {"json": body, "headers": {"X-Request-Id": f"{mark}{path[:3]}"}}
        assert (await ask(ours.session, "PATCH", f"/api/v1/{path}", **sent)).status == 200
    found = await entries(service, mark, 2)
    assert [(found[f"{mark}api"][name]) for name in ("before", "after")] == [{"rate_limit": 10}, {"rate_limit": 20}]
    assert [(found[f"{mark}for"][name]) for name in ("before", "after")] == [{"is_active": True}, {"is_active": False}]


async def test_the_log_is_read_filtered_and_saved_as_csv(service: Service, ours: Workspace) -> None:
    name, mark = "=1+1", f"audit-{secrets.token_hex(4)}-"
    body = {"name": name, "scopes": ["read:leads"]}
    await ask(ours.session, "POST", "/api/v1/api-keys", json=body, headers={"X-Request-Id": f"{mark}0"})
    await entries(service, mark, 1)
    found = (await ask(ours.session, "GET", f"{LOG}?action=api_key.created&outcome=done&actor=key")).body["data"]
    assert found[0]["request_id"] == f"{mark}0"
    assert found[0]["after"] == body
    assert {entry["action"] for entry in found} == {"api_key.created"}
    named = f"{LOG}?actor=key:{found[0]['actor_id']}&per_page=1&cursor="
    assert (await ask(ours.session, "GET", named)).body["data"][0]["id"] == found[0]["id"]
    answer = await ask(ours.session, "GET", f"{LOG}?format=csv&action=api_key.created")
    assert answer.headers["Content-Type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(answer.raw.decode())))
    assert lines[0]["request_id"] == f"{mark}0"
    assert not [cell for line in lines for cell in line.values() if cell.startswith(("=", "+", "-", "@"))]


async def test_another_workspaces_entries_are_not_seen(service: Service, ours: Workspace) -> None:
    own = await ours.id()
    seen = (await ask(ours.session, "GET", f"{LOG}?per_page=100")).body["data"]
    with service.stack.database() as database:
        ids = database.execute("SELECT id FROM audit_log WHERE workspace_id = %s", (own,)).fetchall()
    assert {entry["id"] for entry in seen} <= {id_ for (id_,) in ids}
    assert len(seen) == min(len(ids), 100)


async def test_commands_are_logged_with_the_user_of_the_system(service: Service, ours: Workspace) -> None:
    words = ("--workspace", ours.slug, "--name", "test", "--scopes", "read:leads", "--json")
    id_ = json.loads((await asyncio.to_thread(service.stack.run, "key", "create", *words)).stdout)["id"]
    await asyncio.to_thread(service.stack.run, "key", "revoke", str(id_))
    await asyncio.to_thread(service.stack.run, "workspace", "set", ours.slug, "--timezone", "Europe/Berlin")
    found = (await ask(ours.session, "GET", f"{LOG}?actor=cli")).body["data"]
    told = [(entry["action"], entry["object_id"], entry["after"]) for entry in found[:3]]
    assert told[0] == ("workspace.changed", str(await ours.id()), {"timezone": "Europe/Berlin"})
    assert told[1] == ("api_key.deleted", str(id_), None)
    assert told[2][:2] == ("api_key.created", str(id_))
    assert found[0]["actor_name"]
