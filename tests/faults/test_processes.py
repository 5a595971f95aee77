"""Workers, broker, PostgreSQL and gateway die under load, again and again: nothing is lost, nothing done twice."""

import asyncio
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis.asyncio as redis

from embedded.valkey import EmbeddedValkey
from services.workers import stale_hints
from shared.intake import hints
from shared.platform.data_dir import DataDir
from shared.platform.db.connections import connect
from tests.faults.conftest import Settle
from tests.support.ingesting import accept, item, workspace_id
from tests.support.load import loaded
from tests.support.stack import Stack
from tests.support.timing import best_within_async
from tests.support.waiting import background, until_async

pytestmark = pytest.mark.faults


def rounds(short: int, long: int) -> pytest.MarkDecorator:
    """The short form belongs to the suite, the long one to `./leadhub test --faults`."""
    return pytest.mark.parametrize("rounds", [short, pytest.param(long, marks=pytest.mark.long)])


@rounds(5, 40)
async def test_workers_are_killed(stack: Stack, settle: Settle, rounds: int) -> None:
    async with loaded(stack) as told:
        for _ in range(rounds):
            await told.more(60)
            await asyncio.to_thread(stack.kill, "worker")
        await told.more(100)
    assert (told.refused, told.broken) == (0, 0)
    await settle("worker SIGKILL", rounds, told)


@pytest.mark.extended
@rounds(2, 10)
async def test_workers_are_told_to_stop(stack: Stack, settle: Settle, rounds: int) -> None:
    """A deploy: each takes leave within 30 s and leaves nothing dead."""
    before = dead_in(stack)
    async with loaded(stack) as told:
        for _ in range(rounds):
            await told.more(60)
            await asyncio.to_thread(stack.kill_and_await, "worker", signal.SIGTERM)
        await told.more(100)
    assert (told.refused, told.broken) == (0, 0)
    await settle("worker SIGTERM", rounds, told)
    assert dead_in(stack) == before


@rounds(2, 8)
async def test_the_broker_is_killed(stack: Stack, settle: Settle, rounds: int) -> None:
    """It keeps nothing. While it is away the sweeper carries on; afterwards hints reach the worker again."""
    async with loaded(stack) as told:
        for _ in range(rounds):
            await told.more(60)
            async with background(stack.away("broker")):
                await told.more(30, status=201)
        await told.more(100)
    assert (told.refused, told.broken) == (0, 0)
    await settle("broker SIGKILL", rounds, told)
    async with background(stack.frozen("sweeper")):  # so that only a hint can wake the worker
        await until_async(lambda: asyncio.to_thread(stack.answers_201), what="a hint that reaches the worker")


@pytest.mark.extended
@rounds(1, 3)
async def test_the_broker_is_frozen(stack: Stack, settle: Settle, rounds: int) -> None:
    """It takes connections and does not answer: no event loop may wait for it."""
    seconds = 5 if rounds == 1 else 30
    async with loaded(stack) as told:

        async def pause_of_a_round() -> float:
            told.round_pause = 0
            await told.more(60)
            async with background(stack.frozen("broker")):
                await told.more(100 * seconds)
            await told.more(100)
            return told.round_pause

        for _ in range(rounds):
            await best_within_async(3, pause_of_a_round)
    assert (told.refused, told.broken) == (0, 0)
    await settle("broker frozen", rounds, told)


@pytest.mark.extended
@rounds(1, 5)
async def test_the_broker_is_frozen_while_hints_are_acknowledged(stack: Stack, settle: Settle, rounds: int) -> None:
    """What a worker could not acknowledge does not keep it from taking more, once the broker is back."""
    seconds = 7  # a worker waits 5 s for the broker's answer
    async with loaded(stack) as told:
        for _ in range(rounds):
            with hinted(stack):
                await told.more(60)
                async with background(stack.frozen("broker")):
                    await told.more(100 * seconds)
        await told.more(100)
    assert (told.refused, told.broken) == (0, 0)
    await settle("broker frozen amid acknowledgements", rounds, told)
    async with background(stack.frozen("sweeper")):  # so that only a hint can wake the worker
        await until_async(lambda: asyncio.to_thread(stack.answers_201), what="a hint that reaches the worker")


@pytest.mark.extended
async def test_stale_hints_are_purged_together(stack: Stack) -> None:
    """As while all workers were stopped. The queue is emptied by who hears an old one, and its rows are ingested."""
    broker = EmbeddedValkey(DataDir(stack.folder), "broker", durable=False)
    send = hints.HintSender(broker.broker_url)
    async with background(stack.frozen("sweeper")), connect(stack.database_url, "tests") as database:
        async with background(stack.frozen("worker")):
            await asyncio.to_thread(lambda: [send() for _ in range(3000)])
            email = f"{uuid.uuid4()}@example.com"
            await accept(database, [item(await workspace_id(database), {"email": email})])
            await asyncio.sleep(stale_hints.STALE_AFTER_SECONDS + 0.5)
        async with redis.from_url(broker.redis_url) as client:

            async def is_over() -> bool:
                found = await database.execute("SELECT 1 FROM leads WHERE email = %s", (email,))
                return await found.fetchone() is not None and await client.llen(hints.INGEST_HINT.queue) < 100

            await until_async(is_over, what="a lead that was hinted at, and a queue without the hints behind it")


@contextmanager
def hinted(stack: Stack) -> Iterator[None]:
    """As many hints as the broker takes, so that some are under way at any moment."""
    send, over = (
        hints.HintSender(EmbeddedValkey(DataDir(stack.folder), "broker", durable=False).broker_url),
        threading.Event(),
    )

    def flood() -> None:
        while not over.is_set():
            send()

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@rounds(2, 8)
async def test_postgresql_crashes_lose_and_refuse_nothing(stack: Stack, settle: Settle, rounds: int) -> None:
    """Not one request is refused: what PostgreSQL cannot take goes to the spool, and from there back into it."""
    async with loaded(stack) as told:
        for _ in range(rounds):
            await told.more(100)
            await asyncio.to_thread(stack.kill_and_await, "postgres")
        await told.more(200)
    assert (told.refused, told.broken) == (0, 0)
    await settle("PostgreSQL SIGKILL", rounds, told)


@rounds(2, 5)
async def test_the_gateway_is_killed(stack: Stack, settle: Settle, rounds: int) -> None:
    """Callers lose their connection; those with an idempotency key try again, and it is the same submission."""
    async with loaded(stack) as told:
        for _ in range(rounds):
            await told.more(100)
            await asyncio.to_thread(stack.kill_and_await, "gateway")
        await told.more(200)
    assert told.refused == 0
    await settle("gateway SIGKILL", rounds, told)


def dead_in(stack: Stack) -> int:
    """How many submissions are dead: the stack is shared, and other tests leave theirs."""
    with stack.database() as database:
        row = database.execute("SELECT count(*) FROM submissions WHERE state = 'dead'").fetchone()
    assert row is not None
    return int(row[0])
