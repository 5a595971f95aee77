"""Every route of the document: walked through, with other workspaces' ids, without its scope, without a key.

Made from the route table: a new route is covered by itself, and fails here as long as no record can be made for it.
"""

import asyncio
import itertools
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterable
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio

from shared.auth import installation_keys
from shared.auth.key_format import ALL_SCOPES
from shared.platform.db.connections import Connection, connect
from tests.contract import samples
from tests.contract.operation_catalogue import OPERATIONS, Operation
from tests.contract.record_tables import NOUNS, QUERY_NOUNS, REFUSED
from tests.contract.records import (
    Workspace,
    check_answer,
    filled,
    named,
    needed_query,
    query_fields,
    together,
)
from tests.contract.service import Service, ask
from tests.support.waiting import until_async


@pytest_asyncio.fixture(scope="module")
async def ours(service: Service, client: aiohttp.ClientSession) -> Workspace:
    """The workspace `main`."""
    return Workspace(service, client, "main")


@pytest_asyncio.fixture(scope="module")
async def theirs(service: Service) -> AsyncIterator[Workspace]:
    """Another workspace, whose records are nobody else's business."""
    slug = f"theirs-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Theirs")
    async with service.client(service.make_key("*", workspace=slug)) as session:
        # Nothing is sent, and so nothing is tried again at any moment, which would change its records.
        lane, pause = "/api/v1/operations/lanes/deliveries", {"reason": "its records stay as they are"}
        paused = await ask(session, "POST", f"{lane}/pause", json=pause)
        assert paused.status == 200, paused.raw
        yield Workspace(service, session, slug)
        await ask(session, "POST", f"{lane}/resume")


def with_parameters() -> list[Operation]:
    return [operation for operation in OPERATIONS if operation.id_names]


async def request_for(workspace: Workspace, operation: Operation) -> dict[str, Any]:
    """What a request of the operation needs beside its address."""
    body = await workspace.body(operation)
    options: dict[str, Any] = {} if body is None else {"json": body}
    if query := await needed_query(workspace, operation):
        options["params"] = query
    return options


# ---- a walk


ORDER = {"POST": 0, "GET": 1, "PUT": 2, "PATCH": 3, "DELETE": 4}
WALK = sorted(OPERATIONS, key=lambda operation: ORDER[operation.method])


@pytest.mark.parametrize("operation", WALK, ids=str)
async def test_route_answers_as_documented(ours: Workspace, operation: Operation) -> None:
    values = await (ours.fresh if operation.method == "DELETE" else ours.values)(operation.path)
    answer = await ours.call(operation, values, **await request_for(ours, operation))
    assert answer.status < 300 or answer.status == REFUSED.get(str(operation)), answer.raw
    if answer.status == 201 and "Location" in answer.headers:
        assert answer.headers["Location"].startswith("/api/v1/")
    if operation.method == "DELETE":
        await ours.fresh(operation.path)


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if "cursor" in query_fields(each)], ids=str)
async def test_a_walk_answers_as_the_document_says(ours: Workspace, operation: Operation) -> None:
    answer = await ours.call(operation, await ours.values(operation.path), "cursor=&per_page=1")
    assert answer.body["meta"].keys() == {"per_page", "next_cursor"}
    following = answer.body["links"]["next"]
    if following:  # some lists hold one record, or none
        check_answer(operation, await ask(ours.session, "GET", following.removeprefix(ours.service.url)))


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.scopes], ids=str)
async def test_route_refuses_the_parameters_that_it_does_not_know(ours: Workspace, operation: Operation) -> None:
    answer = await ours.call(operation, await ours.values(operation.path), "Shoe=8&%C3%A9%00=1&_seen=1&Shoe=9&=")
    assert (answer.status, [*answer.body["errors"]]) == (422, ["Shoe", "é\0", ""])


CHANGES = [
    each
    for each in OPERATIONS
    if (each.method in ("PUT", "PATCH") or each.answer(201)) and "RecordMeta" in json.dumps(each.said)
]


@pytest.mark.parametrize("operation", CHANGES, ids=str)
async def test_create_and_change_name_the_fields_that_they_left_out(ours: Workspace, operation: Operation) -> None:
    sent = await request_for(ours, operation)
    sent["json"] = {**(sent.get("json") or {}), "shoe": 8, "created_at": "2020-01-01"}
    answer = await ours.call(operation, await ours.values(operation.path), **sent)
    assert answer.status < 300 or answer.status == REFUSED.get(str(operation)), answer.raw
    if answer.status < 300:
        assert answer.body["meta"]["ignored"] == ["shoe", "created_at"]


# ---- other workspaces


def foreign_choices(operation: Operation) -> list[tuple[str, ...]]:
    """Which of the parameters are another workspace's: each alone, and together."""
    names = operation.id_names
    return [chosen for n in range(1, len(names) + 1) for chosen in itertools.combinations(names, n)]


Digests = dict[str, str]  # by table

TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id'
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
  -- these follow by themselves
  AND c.relname !~ '^(ledger|lead_counts|lead_counts_by_(field|time)|lead_search|counters|.*_deltas|.*_queue)$'
  AND c.relname !~ '^(.*_statistics|ledger_samples|causes|cause_counts)$'
ORDER BY 1
"""
DIGEST = """
SELECT count(*), md5(string_agg(row, ' ' ORDER BY row)) FROM (
    SELECT (to_jsonb(t) - 'last_used_at')::text AS row FROM {} t
    WHERE workspace_id = (SELECT id FROM workspaces WHERE slug = %s)
) rows
"""
WAITING_WORK = """
SELECT (SELECT count(*) FROM events WHERE workspace_id = w.id)
    + (SELECT count(*) FROM likeness_queue WHERE workspace_id = w.id)
    + (SELECT count(*) FROM deliveries WHERE workspace_id = w.id AND state = 'pending' AND sending_since IS NOT NULL)
FROM workspaces w WHERE slug = %(slug)s
"""


async def digests_of(service: Service, slug: str) -> Digests:
    """Of the rows of a workspace in every table, but for when its keys were used."""
    return await asyncio.to_thread(_digests_of, service, slug)


def _digests_of(service: Service, slug: str) -> Digests:
    with service.stack.database() as connection:
        tables = [table for (table,) in connection.execute(TABLES)]
        return {table: str(connection.execute(DIGEST.format(table), (slug,)).fetchone()) for table in tables}


async def settled(service: Service, slug: str) -> Digests:
    """The digests once nothing changes it any more: what was made is followed up by workers for a moment."""
    last: Digests = {}

    async def is_settled() -> bool:
        nonlocal last
        await asyncio.sleep(0.3)
        # In this order: what ends between the two is in the digests.
        waiting = await asyncio.to_thread(_waiting_work_of, service, slug)
        found = await digests_of(service, slug)
        is_same, last = found == last, found
        return is_same and waiting == 0

    await until_async(is_settled, 90, "the end of what follows")
    return last


def _waiting_work_of(service: Service, slug: str) -> int:
    with service.stack.database() as connection:
        [(waiting,)] = connection.execute(WAITING_WORK, {"slug": slug}).fetchall()
    return int(waiting)


async def test_another_workspaces_id_in_a_path_is_404_and_changes_nothing(
    service: Service, ours: Workspace, theirs: Workspace
) -> None:
    calls = []
    for operation in (each for each in with_parameters() if not each.is_public):
        own, foreign = await ours.values(operation.path), await theirs.values(operation.path)
        options = await request_for(ours, operation)
        calls += [
            (operation, {**own, **{name: foreign[name] for name in chosen}}, options)
            for chosen in foreign_choices(operation)
        ]
    before = await settled(service, theirs.slug)
    answers = await together(ours.call(operation, values, **options) for operation, values, options in calls)
    assert await digests_of(service, theirs.slug) == before
    for (operation, values, _), answer in zip(calls, answers, strict=True):
        assert (answer.status, answer.code) == (404, "NOT_FOUND"), f"{operation} {values}: {answer.raw!r}"


async def test_another_workspaces_id_in_a_body_is_422(service: Service, ours: Workspace, theirs: Workspace) -> None:
    calls = []
    for operation in (each for each in OPERATIONS if each.body and "inbound" not in each.path):
        assert operation.body
        fill, values = await ours.fill(operation), await ours.values(operation.path)
        for leaf in samples.leaves(operation.body, fill):
            schemas = samples.options(leaf.schema)
            if any(samples.is_id(schema) for schema in schemas):
                assert leaf.key in NOUNS, f"{operation}: say in NOUNS what {leaf.name} is the id of"
                foreign = await theirs.values(NOUNS[leaf.key])
                calls.append((operation, values, leaf.name, leaf.body(next(reversed(foreign.values())))))
    assert calls
    before = await settled(service, theirs.slug)
    answers = await together(ours.call(operation, values, json=body) for operation, values, _, body in calls)
    assert await digests_of(service, theirs.slug) == before
    for (operation, _, name, body), answer in zip(calls, answers, strict=True):
        assert answer.status == 422, f"{operation} {name} {body}: {answer.raw!r}"
        assert name.partition(".")[0] in named(answer), f"{operation} {name} {body}: {answer.raw!r}"


async def test_another_workspaces_id_in_a_query_is_422(ours: Workspace, theirs: Workspace) -> None:
    calls = []
    for operation in OPERATIONS:
        for name, schema in query_fields(operation).items():
            if samples.is_id(schema):
                assert name in QUERY_NOUNS, f"{operation}: say in QUERY_NOUNS what {name} is the id of"
                foreign = next(reversed((await theirs.values(QUERY_NOUNS[name])).values()))
                query = {**await needed_query(ours, operation), name: foreign}
                calls.append((operation, await ours.values(operation.path), name, urlencode(query)))
    assert calls
    answers = await together(ours.call(operation, values, query) for operation, values, _, query in calls)
    told = [(answer.status, named(answer) if answer.status == 422 else set()) for answer in answers]
    missed = [f"{call[0]} {call[2]}: {was}" for call, was in zip(calls, told, strict=True) if was != (422, {call[2]})]
    assert not missed, "\n".join(missed)


# ---- keys and scopes


async def test_without_a_key_it_is_401(nobody: aiohttp.ClientSession, ours: Workspace) -> None:
    stranger = Workspace(ours.service, nobody, "main")
    for operation in (each for each in OPERATIONS if not each.is_public):
        answer = await stranger.call(operation, await ours.values(operation.path))
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED"), str(operation)
        assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.fixture(scope="module")
def keys(service: Service) -> dict[tuple[str, ...], str]:
    """For each set of scopes that some route wants one of: a key that has all others."""
    wanted = {tuple(operation.scopes) for operation in OPERATIONS}

    async def make() -> dict[tuple[str, ...], str]:
        async with connect(service.stack.database_url, "tests") as connection:
            return {scopes: await make_key(connection, ALL_SCOPES - {"*", *scopes}) for scopes in sorted(wanted)}

    return asyncio.run(make())


async def make_key(connection: Connection, scopes: Iterable[str]) -> str:
    made = await installation_keys.create_key(connection, "main", "lacking", sorted(scopes), None, None)
    return made.key.secret


async def test_without_its_scope_it_is_403_and_named(
    service: Service, ours: Workspace, keys: dict[tuple[str, ...], str]
) -> None:
    for operation in (each for each in OPERATIONS if each.scopes):
        values, options = await ours.values(operation.path), await request_for(ours, operation)
        async with service.client(keys[tuple(operation.scopes)]) as session:
            answer = await Workspace(service, session, "main").call(operation, values, **options)
        assert (answer.status, answer.code) == (403, "FORBIDDEN"), str(operation)
        assert all(f"'{scope}'" in answer.body["message"] for scope in operation.scopes)


async def test_public_routes_answer_without_a_key(nobody: aiohttp.ClientSession, ours: Workspace) -> None:
    for operation in (each for each in OPERATIONS if each.is_public and not each.path_names):
        assert (await Workspace(ours.service, nobody, "main").call(operation, {})).status < 300


# ---- addresses


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "9223372036854775808", "1%00", "%D9%A1", " 1"])
async def test_malformed_ids_answer_404(ours: Workspace, text: str) -> None:
    for operation in with_parameters():
        options = await request_for(ours, operation)
        for parameter in operation.parameters("path"):
            if parameter["schema"]["type"] == "integer" or parameter["schema"].get("format") == "uuid":
                values = await ours.values(operation.path)
                path = filled(operation.path, {**values, parameter["name"]: "PLACE"}).replace("PLACE", text)
                answer = await ask(ours.session, operation.method, path, **options)
                assert (answer.status, answer.code) == (404, "NOT_FOUND"), f"{operation} {text}"


def fits(path: str, address: str) -> bool:
    """Whether a route's path takes the address of another: `/submissions/{id}` takes `/submissions/replay`."""
    return re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), address) is not None


async def test_methods_that_are_not_there_are_405(ours: Workspace) -> None:
    for path in {operation.path for operation in OPERATIONS}:
        there = {operation.method for operation in OPERATIONS if fits(operation.path, path)}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - there:
            answer = await ask(ours.session, method, filled(path, await ours.values(path)))
            assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED"), f"{method} {path}"
            assert there <= set(answer.headers["Allow"].split(", "))
