"""Stores that are away, slow or both: what is taken all the same, and what is refused honestly."""

import asyncio
import json
import urllib.request
import uuid

import pytest
from redis import Redis

from services.workers.due_work import DUE_WORK_SQL
from shared.auth.key_format import generate_key
from shared.intake.spool import SPOOL_COUNT_KEY
from tests.faults.conftest import Settle
from tests.faults.gates import Gates
from tests.support.client import Client
from tests.support.load import loaded
from tests.support.stack import Database, Stack
from tests.support.timing import best_within_async
from tests.support.waiting import background, until_async

pytestmark = pytest.mark.faults

HANG_SECONDS = 4.0
AT_ONCE = 2.5  # seconds: 1.5 to find a slow store out and spool, and the rest for a slow machine


def email() -> str:
    return f"{uuid.uuid4()}@stores.example.com"


@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.long)])
async def test_a_frozen_postgresql_is_soon_left_for_the_spool(stack: Stack, settle: Settle, rounds: int) -> None:
    async with loaded(stack) as told:

        async def pause_of_a_round() -> float:
            told.round_pause = 0
            await told.more(60)
            async with background(stack.frozen("postgres")):
                await told.more(300, status=202)
            await told.more(60, status=201)  # it returns by itself
            return told.round_pause

        for _ in range(rounds):
            await best_within_async(AT_ONCE, pause_of_a_round)
    assert (told.refused, told.broken) == (0, 0)
    await settle("PostgreSQL frozen", rounds, told)


async def test_a_key_not_used_yet_is_known_while_postgresql_is_frozen(
    stack: Stack, client: Client, settle: Settle
) -> None:
    """Keys are read when the gateway starts, not only when they are first used."""
    scope = ("--workspace", "main", "--name", "unused", "--scopes", "write:leads")
    secret = stack.run("key", "create", *scope).stdout.strip()
    await asyncio.to_thread(stack.kill_and_await, "gateway")
    await asyncio.to_thread(stack.until_settled)
    async with background(stack.frozen("postgres")):
        for _ in range(3):
            answer = await client.post({"email": email()}, Authorization=f"Bearer {secret}")
            assert answer.status == 202, answer
    await settle("PostgreSQL frozen, a key not used yet", 1, client.told)


@pytest.mark.extended
async def test_status_shows_the_spool_while_postgresql_is_frozen(stack: Stack, client: Client, settle: Settle) -> None:
    async with background(stack.frozen("postgres")):
        answer = await client.post({"email": email()})
        assert answer.status == 202, answer
        done = await asyncio.to_thread(stack.run, "status", "--json")
    found = json.loads(done.stdout)
    assert found["spooled"] >= 1  # those of the test before may be there still
    assert (found["accepted"], found["unavailable"]) == (None, ["postgresql"])
    await settle("PostgreSQL frozen, status", 1, client.told)


@pytest.mark.extended
async def test_the_gauge_of_the_spool_is_true_while_postgresql_is_frozen(
    stack: Stack, client: Client, settle: Settle
) -> None:
    """By what the spool itself says it holds: on a slow machine one of the posts may be refused, or be stored twice."""

    def gauge() -> float:
        with urllib.request.urlopen(stack.metrics, timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("leadhub_spooled ")))

    with Redis.from_url(stack.spool_url) as spool:

        def waiting() -> int:
            return int(spool.get(SPOOL_COUNT_KEY) or 0)

        async def are_three_spooled() -> bool:
            await client.post({"email": email()}, Prefer="respond-async")
            return waiting() >= 3

        def is_true() -> bool:
            return gauge() == waiting()

        async with background(stack.frozen("postgres")):
            await until_async(are_three_spooled, 60, "three leads in the spool")
            await until_async(lambda: asyncio.to_thread(is_true), what="a gauge of these")
            assert waiting() >= 3  # still: nobody can take them
        await until_async(lambda: asyncio.to_thread(lambda: gauge() == 0), what="a gauge of none")
    await settle("PostgreSQL frozen, gauges", 1, client.told)


@pytest.mark.extended
async def test_every_kind_of_post_is_answered_while_postgresql_is_frozen(
    stack: Stack, client: Client, settle: Settle
) -> None:
    """Those without a key within 1.5 s; one with a key first asks what became of the key, for a second at most."""
    await client.post({"email": email()})
    async with background(stack.frozen("postgres")):
        for prefer in ("respond-async", "wait=10", ""):
            await best_within_async(AT_ONCE, lambda prefer=prefer: seconds_of_202(client, Prefer=prefer))  # type: ignore[misc]
        for _ in range(3):
            await best_within_async(AT_ONCE + 1, lambda: seconds_of_202(client, Idempotency_Key=email()))
    await settle("PostgreSQL frozen, every kind", 1, client.told)


async def seconds_of_202(client: Client, **headers: str) -> float:
    answer = await client.post({"email": email()}, **{name: value for name, value in headers.items() if value})
    assert answer.status == 202, answer
    return answer.seconds


@pytest.mark.extended
async def test_callers_who_wait_are_let_go_in_time_while_postgresql_is_frozen(
    stack: Stack, client: Client, settle: Settle
) -> None:
    async def longest_wait() -> float:
        with stack.database() as database:
            await until_async(lambda: _waiting_of(database) == 0, what="an empty journal")
            async with background(stack.frozen("sweeper")), background(stack.frozen("worker")):
                waiting = [asyncio.create_task(client.post({"email": email()}, Prefer="wait=3")) for _ in range(5)]
                await until_async(lambda: _waiting_of(database) == 5, what="five leads in the journal")
                async with background(stack.frozen("postgres")):
                    answers = await asyncio.gather(*waiting)
        assert [answer.status for answer in answers] == [202] * 5
        return max(answer.seconds for answer in answers)

    await best_within_async(8, longest_wait)
    await settle("PostgreSQL frozen, callers waiting", 1, client.told)


def _waiting_of(database: Database) -> int:
    """How many leads the journal holds."""
    [(n,)] = database.execute("SELECT coalesce(sum(n), 0) FROM journal").fetchall()
    return int(n)


@pytest.mark.parametrize("how", ["frozen", "away"])
async def test_a_key_never_seen_before_is_told_503_while_postgresql_is_gone(
    stack: Stack, client: Client, how: str
) -> None:
    """It may well be valid: 401 would make its owner give up."""

    async def seconds_of_503() -> float:
        answer = await client.post({"email": email()}, Authorization=f"Bearer {generate_key().secret}")
        assert answer.status == 503, answer
        assert int(answer.headers["Retry-After"]) > 0
        return answer.seconds

    async with background(getattr(stack, how)("postgres")):
        await best_within_async(8, seconds_of_503)


async def test_leads_are_taken_while_postgresql_is_away(stack: Stack, client: Client, settle: Settle) -> None:
    key, lead = email(), {"email": email()}
    async with background(stack.away("postgres")):
        answers = await asyncio.gather(*[client.post({"email": email()}) for _ in range(50)])
        answers += [await client.post(lead, Idempotency_Key=key) for _ in range(3)]
        answers += [await client.post([{"email": email()} for _ in range(20)], path="/batch")]
        assert await asyncio.to_thread(stack.is_healthy)
        shown = await client.show(f"submissions/{answers[0].body['submission_id']}")
        assert (shown.status, shown.body["data"]["state"]) == (200, "accepted")
        assert (await client.show(f"submissions/{uuid.uuid4()}")).status == 503
    assert {answer.status for answer in answers[:-1]} == {202}
    assert {line["status"] for line in answers[-1].body["data"]} == {"accepted"}
    assert len({answer.body["submission_id"] for answer in answers[50:53]}) == 1
    await settle("PostgreSQL away", 1, client.told)
    # The gateway looks for it twice a second; until then it would spool, and answer 202 once more.
    await until_async(lambda: asyncio.to_thread(stack.answers_201), what="a 201 after its return")
    again = await client.post(lead, Idempotency_Key=key)
    assert (again.status, again.headers["Idempotent-Replayed"]) == (201, "true")


@pytest.mark.extended
async def test_leads_of_an_outage_after_a_hang_are_soon_ingested(stack: Stack, client: Client, settle: Settle) -> None:
    """The sweeper looks for work all the same, though its last look took as long as the hang."""
    with stack.database() as database:  # work in the worker's hand would show it that its connection is dead
        await until_async(lambda: not any(database.execute(DUE_WORK_SQL).fetchone() or ()), what="nothing to do")
    async with background(stack.frozen("postgres")):
        await asyncio.sleep(HANG_SECONDS)
    async with background(stack.away("postgres")):
        answers = [await client.post({"email": email()}) for _ in range(3)]
    assert {answer.status for answer in answers} == {202}
    await settle("PostgreSQL frozen, then away", 1, client.told)


async def test_with_both_stores_away_leads_are_refused(stack: Stack, client: Client, settle: Settle) -> None:
    await asyncio.gather(*[client.post({"email": email()}) for _ in range(20)])
    async with background(stack.away("postgres", "spool")):
        answers = await asyncio.gather(*[client.post({"email": email()}) for _ in range(20)])
        assert not await asyncio.to_thread(stack.is_healthy)
    assert {answer.status for answer in answers} == {503}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
    assert {answer.body["code"] for answer in answers} == {"SERVICE_UNAVAILABLE"}
    await until_async(lambda: asyncio.to_thread(stack.answers_201), 60, "a 201 after their return")
    await settle("both stores away", 1, client.told)


@pytest.mark.extended
async def test_only_the_spool_being_away_is_not_felt(stack: Stack, client: Client, settle: Settle) -> None:
    async with background(stack.away("spool")):
        answers = await asyncio.gather(*[client.post({"email": email()}) for _ in range(20)])
        assert await asyncio.to_thread(stack.is_healthy)
    assert {answer.status for answer in answers} == {201}
    await settle("spool away", 1, client.told)


async def test_a_full_spool_refuses_and_recovers(stack: Stack, client: Client, settle: Settle) -> None:
    """Its memory stands in for its disk: either way it answers a write with an error."""
    with Redis.from_url(stack.spool_url) as spool:
        async with background(stack.away("postgres")):
            spool.config_set("maxmemory", "1")
            refused = await client.post({"email": email()})
            spool.config_set("maxmemory", "0")
            taken = await client.post({"email": email()})
    assert (refused.status, taken.status) == (503, 202)
    await settle("spool full", 1, client.told)


@pytest.mark.parametrize("rounds", [1, pytest.param(8, marks=pytest.mark.long)])
async def test_idempotency_key_holds_while_postgresql_crashes(
    stack: Stack, client: Client, settle: Settle, rounds: int
) -> None:
    for _ in range(rounds):
        key, lead = email(), {"email": email(), "first_name": "Only"}
        posts = [asyncio.create_task(client.post(lead, Idempotency_Key=key)) for _ in range(50)]
        await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        killed = asyncio.create_task(asyncio.to_thread(stack.kill_and_await, "postgres"))
        posts += [asyncio.create_task(client.post(lead, Idempotency_Key=key)) for _ in range(50)]
        answers = await asyncio.gather(*posts)
        await killed
        assert {answer.status for answer in answers} <= {201, 202}
        assert len({answer.body["submission_id"] for answer in answers}) == 1
        await settle("one key, 100 in parallel, PostgreSQL killed", 1, client.told)
        with stack.database() as database:
            leads = database.execute("SELECT count(*) FROM leads WHERE email = %s", (lead["email"],)).fetchone()
            assert leads == (1,)
        await asyncio.to_thread(stack.until_settled)


async def test_batch_interrupted_by_a_crash_is_finished_without_new_traffic(
    stack: Stack, client: Client, settle: Settle, gates: Gates
) -> None:
    """No new lead and no spooled one comes to wake anybody."""
    async with background(stack.frozen("sweeper")):
        with gates.closed("leads", "AFTER INSERT") as gate:
            post = asyncio.create_task(client.post({"email": email()}, Prefer="wait=1"))
            await until_async(gate.is_reached, what="a worker with the lead in hand")
            await post
            await asyncio.to_thread(stack.kill_and_await, "postgres")
    await settle("PostgreSQL SIGKILL, then silence", 1, client.told)
    with stack.database() as database:
        stored = database.execute(
            "SELECT attempts FROM submissions WHERE id = ANY(%s)", (list(client.told.acknowledged),)
        )
        assert stored.fetchone() == (1,)  # a crash of the database is not the lead's fault
