"""A kill at each named point of a transaction: before and after insert and claim, at and after commit."""

import asyncio
import contextlib
import os
import signal
import time
import uuid
from typing import LiteralString

import aiohttp
import pytest
import redis.asyncio as redis

from shared.intake.journal import JournalItem, Lane, NewJournalRow
from shared.intake.spool import Spool
from shared.platform.ids import now_ms, uuid7
from tests.faults.conftest import Settle
from tests.faults.gates import COMMIT, Gate, Gates
from tests.support.client import Answer, Client
from tests.support.stack import Stack
from tests.support.waiting import background, until, until_async

pytestmark = pytest.mark.faults

PATIENT = "wait=30"  # a worker that was killed starts anew meanwhile, on a busy machine


def person() -> dict[str, object]:
    return {"email": f"{uuid.uuid4()}@points.example.com", "first_name": "Point", "tags": ["Hot"]}


POINTS = [
    ("submission_keys", "AFTER INSERT"),
    ("identities", "BEFORE INSERT"),
    ("identities", "AFTER INSERT"),
    ("submissions", "BEFORE INSERT"),
    ("leads", "AFTER INSERT"),
    ("events", "AFTER INSERT"),
    ("journal", "BEFORE DELETE"),
    ("activities", COMMIT),
]


@pytest.mark.parametrize(("table", "moment"), POINTS)
async def test_a_worker_is_killed_inside_its_transaction(
    stack: Stack, client: Client, settle: Settle, gates: Gates, table: str, moment: LiteralString
) -> None:
    twice = person()
    async with background(stack.frozen("sweeper")):  # so that it is the worker who comes to the gate
        with gates.closed(table, moment) as gate:
            posts = [asyncio.create_task(client.post(lead, Prefer=PATIENT)) for lead in (person(), twice, twice)]
            keyed = client.post(person(), Prefer=PATIENT, Idempotency_Key=str(uuid.uuid4()))
            posts.append(asyncio.create_task(keyed))
            await until_async(gate.is_reached, what=f"a worker at {moment} {table}")
            await killed_before_its_commit(stack, "worker", gate)
    answers = await asyncio.gather(*posts)
    assert [answer.status for answer in answers] == [201] * 4  # the next worker's verdict, in time
    await settle(f"worker killed {moment.lower()} {table}", 1, client.told)


async def test_a_worker_is_killed_between_commit_and_verdict(
    stack: Stack, client: Client, settle: Settle, gates: Gates
) -> None:
    async with background(stack.frozen("sweeper")):
        with gates.closed("activities", COMMIT) as gate:
            post = asyncio.create_task(client.post(person(), Prefer=PATIENT))
            await until_async(gate.is_reached, what="a worker about to commit")
            await killed_after_its_commit(stack, "worker", gate, "SELECT count(*) FROM journal HAVING count(*) = 0")
    assert (await post).status == 201  # the verdict left behind the commit
    await settle("worker killed after commit", 1, client.told)


async def test_a_worker_and_its_session_end_between_commit_and_verdict(
    stack: Stack, client: Client, settle: Settle, gates: Gates
) -> None:
    """Nobody sends the verdicts any more: the gateway finds them in the rows."""
    repeated, key = person(), str(uuid.uuid4())
    async with background(stack.frozen("sweeper")):
        with gates.closed_to_notices() as gate:
            await asyncio.to_thread(stack.kill_and_await, "worker")  # the next one's session comes to the gate
            posts = [asyncio.create_task(client.post(person(), Prefer=PATIENT)) for _ in range(3)]
            posts.append(asyncio.create_task(client.post(repeated, Prefer=PATIENT, Idempotency_Key=key)))
            await until_async(gate.is_reached, what="a worker about to send a verdict")
            await killed_before_its_commit(stack, "worker", gate)  # of the notification
    answers = await asyncio.gather(*posts)
    assert [answer.status for answer in answers] == [201] * 4
    again = await client.post(repeated, Idempotency_Key=key)
    assert (again.status, again.body["lead_id"]) == (201, answers[-1].body["lead_id"])
    await settle("worker and session ended before the verdict", 1, client.told)


@pytest.mark.parametrize("moment", ["BEFORE INSERT", "AFTER INSERT", COMMIT])
async def test_the_gateway_is_killed_before_its_commit(
    stack: Stack, client: Client, settle: Settle, gates: Gates, moment: LiteralString
) -> None:
    """Nothing was acknowledged; the retry under the same key is the first to be stored."""
    lead, key = person(), str(uuid.uuid4())
    with gates.closed("journal", moment) as gate:
        post = asyncio.create_task(client.post(lead, Idempotency_Key=key))
        await until_async(gate.is_reached, what="the gateway at the journal")
        await killed_before_its_commit(stack, "gateway", gate)
    with pytest.raises(aiohttp.ClientError):
        await post
    answer = await retried(stack, client, lead, key)
    assert "Idempotent-Replayed" not in answer.headers
    await settle(f"gateway killed {moment.lower()} journal", 1, client.told)


async def test_the_gateway_is_killed_between_commit_and_answer(
    stack: Stack, client: Client, settle: Settle, gates: Gates
) -> None:
    lead, key = person(), str(uuid.uuid4())
    with gates.closed("journal", COMMIT) as gate:
        post = asyncio.create_task(client.post(lead, Idempotency_Key=key))
        await until_async(gate.is_reached, what="the gateway about to commit")
        stored = "SELECT 1 FROM leads WHERE email = '{}'".format(lead["email"])
        await killed_after_its_commit(stack, "gateway", gate, stored)
    with pytest.raises(aiohttp.ClientError):
        await post
    answer = await retried(stack, client, lead, key)
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert answer.body["is_duplicate"] is False  # the first's verdict
    await settle("gateway killed after commit", 1, client.told)


@pytest.mark.parametrize("keyed", [False, True])
async def test_the_drainer_is_killed_between_commit_and_delete(
    stack: Stack, client: Client, settle: Settle, gates: Gates, keyed: bool
) -> None:
    """Its successor finds the entry still in the spool and inserts it again; ingest drops what it knows."""
    await client.post(person())
    with stack.database() as database:
        workspace = database.execute("SELECT id FROM workspaces WHERE slug = 'main'").fetchone()
    assert workspace is not None
    items = [item(workspace[0], number, keyed) for number in range(10)]
    with gates.closed("journal", COMMIT) as gate:
        async with redis.Redis.from_url(stack.spool_url) as spool:
            await Spool(spool).append_row(NewJournalRow.from_items(Lane.PROMPT, items, "nobody"))
        await until_async(gate.is_reached, what="the drainer about to commit")
        await killed_after_its_commit(stack, "sweeper", gate, "SELECT 1 FROM journal")
    for one in items:
        client.told.note(one.id, None)
    await settle("drainer killed after commit", 1, client.told)
    with stack.database() as database:
        leads = database.execute("SELECT count(*) FROM submissions WHERE id = ANY(%s)", ([i.id for i in items],))
        assert leads.fetchone() == (10,)


async def killed_before_its_commit(stack: Stack, role: str, gate: Gate) -> None:
    """Kill a process that waits at a gate; the server must notice by itself, roll back and free what was locked."""
    waiting = gate.waiting()
    await asyncio.to_thread(stack.kill, role)
    await until_async(lambda: not gate.waiting() & waiting, what="the end of the killed one's transaction")


async def killed_after_its_commit(stack: Stack, role: str, gate: Gate, committed: str) -> None:
    """Freeze a process that waits at a gate before its commit, let the server commit, and kill the process before it
    can learn of it. `committed` is a query that then finds a row."""
    pids = await asyncio.to_thread(stack.kill, role, signal.SIGSTOP)
    gate.open()
    with stack.database() as database:
        await until_async(lambda: database.execute(committed).fetchone() is not None, what="the commit")
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # the supervisor was quicker, since it hung
            os.kill(pid, signal.SIGKILL)
    await asyncio.to_thread(until, lambda: set(stack.pids(role)) - set(pids), what=f"another {role}")


async def retried(stack: Stack, client: Client, lead: dict[str, object], key: str) -> Answer:
    """What a caller does whose connection broke: the same again, until it is answered by a verdict."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        await asyncio.to_thread(stack.until_healthy)
        answer = await client.post(lead, Idempotency_Key=key)
        if answer.status == 201:
            return answer
    raise AssertionError("no verdict in time")


def item(workspace_id: int, number: int, keyed: bool) -> JournalItem:
    at = now_ms()
    body = b'{"email": "%s@points.example.com"}' % uuid.uuid4().hex.encode()
    body_hash = f"{number:032x}" if keyed else None
    return JournalItem(uuid7(at), at, workspace_id, "inbound", None, body, None, body_hash)
