"""Who sends: a worker in the background, and the sweeper where no worker does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.workers.deliveries.claim import claim_due
from services.workers.deliveries.sender_thread import SenderThread
from services.workers.processes.pause_watch import PauseWatch
from services.workers.processes.work_statistics import WorkStatistics
from services.workers.sweeper import overdue_work
from shared.outbound.deliveries import enqueue_deliveries, webhook_to_subscription
from shared.platform.db.connections import connect
from tests.support.receivers import Receiver
from tests.support.sending import Outbox
from tests.support.sweeping import take_turns
from tests.support.waiting import DEADLINE_SECONDS, until_async

pytestmark = pytest.mark.integration

SENDERS = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = 'leadhub sender' AND datname = current_database()
"""


async def happen(outbox: Outbox, receiver: Receiver) -> None:
    subscription_id, news = await outbox.subscribe(receiver.url), await outbox.happening(await outbox.lead())
    await enqueue_deliveries(outbox.connection, [webhook_to_subscription(outbox.workspace_id, subscription_id, news)])


@asynccontextmanager
async def watching(outbox: Outbox, stopping: asyncio.Event, *, broker_away: bool = False) -> AsyncIterator[list[int]]:
    """The sweeper's watch, and the hints that it gave."""
    hints: list[int] = []
    settings = outbox.settings.model_copy(update={"database_url": outbox.url})
    fallback, sender = overdue_work.delivery_fallback(
        settings, lambda: hints.append(1), lambda: broker_away, stopping, PauseWatch(), WorkStatistics()
    )
    async with connect(outbox.url, "tests sweeper") as connection:
        task = asyncio.create_task(take_turns(fallback.take_turn, connection, stopping))
        try:
            yield hints
        finally:
            stopping.set()
            async with asyncio.timeout(DEADLINE_SECONDS):
                await task
                await sender.stop()


async def states(outbox: Outbox) -> list[str]:
    return [one["state"] for one in await outbox.deliveries()]


@pytest.mark.parametrize("broker_away", [False, True])
async def test_the_sweeper_wakes_the_workers_and_sends_what_none_of_them_does(
    outbox: Outbox, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, *, broker_away: bool
) -> None:
    overdue = 600.0 if broker_away else 1.0  # seconds that it leaves it to them; at once is not so long, however slowly
    monkeypatch.setattr(overdue_work, "OVERDUE_SECONDS", overdue)
    await happen(outbox, receiver)
    await outbox.connection.execute("UPDATE deliveries SET due_at = now()")
    async with watching(outbox, asyncio.Event(), broker_away=broker_away) as hints:
        await until_async(lambda: len(receiver.requests) == 1, what="the request")
        # With the broker away, the sender may send before the check for overdue ones.
        assert hints or broker_away
    age = await outbox.one(
        "SELECT extract(epoch FROM started_at - created_at)::float FROM delivery_attempts, deliveries"
    )
    assert (age < overdue) is broker_away
    assert await states(outbox) == ["sent"]


async def test_the_sweeper_takes_from_a_sender_that_is_gone(outbox: Outbox, receiver: Receiver) -> None:
    await happen(outbox, receiver)
    async with connect(outbox.url, "tests sender") as dying:
        assert len(await claim_due(dying, 1)) == 1
    await outbox.connection.execute("UPDATE deliveries SET sending_since = now() - interval '1 min'")
    await outbox.connection.execute(
        "UPDATE deliveries SET sending_since = least(sending_since, pg_postmaster_start_time())"
    )
    async with watching(outbox, asyncio.Event()):
        await until_async(lambda: len(receiver.requests) == 1, what="the request")
    assert await states(outbox) == ["sent"]


async def test_a_sweeper_that_stops_waits_for_what_is_under_way(outbox: Outbox, receiver: Receiver) -> None:
    receiver.hold()
    await happen(outbox, receiver)
    stopping = asyncio.Event()
    async with watching(outbox, stopping, broker_away=True):
        await until_async(lambda: len(receiver.requests) == 1, what="the request")
        stopping.set()
        receiver.release()
    assert await states(outbox) == ["sent"]


async def test_a_sweeper_that_has_nothing_to_send_needs_no_sender(outbox: Outbox) -> None:
    fallback, sender = overdue_work.delivery_fallback(
        outbox.settings, lambda: None, lambda: False, asyncio.Event(), PauseWatch(), WorkStatistics()
    )
    async with connect(outbox.url, "tests sweeper") as connection:
        await fallback.take_turn(connection)
    assert await _has_senders(outbox, 0)
    await sender.stop()


async def test_a_sweeper_whose_connection_breaks_goes_on_with_the_same_sender(
    outbox: Outbox, receiver: Receiver
) -> None:
    settings, stopping = outbox.settings.model_copy(update={"database_url": outbox.url}), asyncio.Event()
    fallback, background = overdue_work.delivery_fallback(
        settings, lambda: None, lambda: True, stopping, PauseWatch(), WorkStatistics()
    )
    receiver.hold()
    await happen(outbox, receiver)
    async with connect(outbox.url, "tests sweeper") as connection:
        watch = asyncio.create_task(take_turns(fallback.take_turn, connection, stopping))
        await until_async(lambda: len(receiver.requests) == 1, what="the request")
        await outbox.connection.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        await asyncio.wait({watch}, timeout=DEADLINE_SECONDS)
        assert watch.exception()
    sender = background._engine
    await happen(outbox, receiver)
    async with connect(outbox.url, "tests sweeper") as connection:
        again = asyncio.create_task(take_turns(fallback.take_turn, connection, stopping))
        await until_async(lambda: len(receiver.requests) == 2, what="a request after the break")
        assert background._engine is sender
        assert await _has_senders(outbox, 1)
        stopping.set()
        receiver.release()
        async with asyncio.timeout(DEADLINE_SECONDS):
            await again
            await background.stop()
    await until_async(lambda: _has_senders(outbox, 0), what="its end")


async def _is_idle(outbox: Outbox) -> bool:
    return bool(await outbox.one(f"{SENDERS} AND state = 'idle' AND query = 'COMMIT'"))


async def _has_senders(outbox: Outbox, n: int) -> bool:
    return int(await outbox.one(SENDERS)) == n


async def test_a_worker_that_has_nothing_to_send_stops_at_once(outbox: Outbox) -> None:
    desk = SenderThread(outbox.settings.model_copy(update={"database_url": outbox.url}))
    desk.wake()
    await until_async(lambda: _is_idle(outbox), what="a sender that found nothing")
    async with asyncio.timeout(DEADLINE_SECONDS):
        await asyncio.to_thread(desk.stop)
    assert not desk._thread.is_alive()


async def test_a_worker_that_stops_waits_for_what_is_under_way(outbox: Outbox, receiver: Receiver) -> None:
    """Else each stop would send again what was under way."""
    receiver.hold()
    await happen(outbox, receiver)
    desk = SenderThread(outbox.settings.model_copy(update={"database_url": outbox.url}))
    desk.wake()
    await until_async(lambda: len(receiver.requests) == 1, what="the request")
    stop = asyncio.create_task(asyncio.to_thread(desk.stop))
    await until_async(lambda: desk._stopping, what="the stop")
    receiver.release()
    async with asyncio.timeout(DEADLINE_SECONDS):
        await stop
    assert await states(outbox) == ["sent"]
