"""Outcomes on their way into the database: none is lost, and one that it does not take costs the others nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from services.workers.deliveries.sender import DeliverySender
from shared.outbound.deliveries import enqueue_deliveries, webhook_to_subscription
from shared.platform.db.connections import connect
from tests.support.receivers import Receiver, receiving
from tests.support.sending import Outbox
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

N = 4  # as many as a receiver gets at once at first
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON deliveries FOR EACH ROW WHEN (NEW.lead_id = {lead} AND NEW.state <> 'pending')
EXECUTE FUNCTION refuse();
"""
END_SENDER = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE application_name = 'leadhub sender' AND datname = current_database()
"""
LOCK = "LOCK TABLE delivery_attempts IN EXCLUSIVE MODE"


async def happen(outbox: Outbox, subscription_id: int, n: int) -> list[int]:
    """Something for each of so many leads."""
    leads = [await outbox.lead() for _ in range(n)]
    news = [await outbox.happening(lead) for lead in leads]
    await enqueue_deliveries(
        outbox.connection, [webhook_to_subscription(outbox.workspace_id, subscription_id, one) for one in news]
    )
    return leads


@asynccontextmanager
async def all_answered(outbox: Outbox, receiver: Receiver, sender: DeliverySender) -> AsyncIterator[None]:
    """All that was sent has an answer, and none is written down before the block ends."""
    await until_async(lambda: len(receiver.requests) == N, what="all requests")
    async with connect(outbox.url, "tests holder") as holder, holder.transaction():
        await holder.execute(LOCK)
        receiver.release()
        await until_async(lambda: len(sender._finished) == N, what="all answers")
        yield


async def states(outbox: Outbox) -> list[str]:
    return [one["state"] for one in await outbox.deliveries()]


async def until_it_looks(sender: DeliverySender) -> None:
    """Wait until it looks again for what there is to do, and so has ended the look before."""
    sender.wake()
    await until_async(lambda: not sender._wake_event.is_set(), what="a look")


@pytest.mark.parametrize("refused", [0, 2, N - 1])
async def test_an_outcome_that_is_not_taken_is_left_out_and_sent_again_after_its_lease(
    outbox: Outbox, receiver: Receiver, refused: int
) -> None:
    subscription_id = await outbox.subscribe(receiver.url)
    leads = await happen(outbox, subscription_id, N)
    await outbox.connection.execute(REFUSE.format(lead=leads[refused]))
    receiver.hold()
    async with outbox.sending() as sender:
        async with all_answered(outbox, receiver, sender):
            pass
        await until_async(lambda: not sender._finished, what="all but one on record")
        expected = ["sent"] * N
        expected[refused] = "pending"
        assert await states(outbox) == expected
        await happen(outbox, subscription_id, 1)
        sender.wake()
        await until_async(lambda: len(receiver.requests) == N + 1, what="what came later")
    assert await states(outbox) == [*expected, "sent"]

    await outbox.connection.execute("DROP FUNCTION refuse CASCADE")
    await outbox.send_after_the_lease()
    assert await states(outbox) == ["sent"] * (N + 1)
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert (len(ids), len(set(ids))) == (N + 2, N + 1)


async def test_an_attempt_that_crashes_on_our_side_is_on_record_and_made_again(
    outbox: Outbox, receiver: Receiver
) -> None:
    crashes = True

    async def look_up(host: str, port: int) -> list[str]:
        if crashes:
            raise RuntimeError(f"{host}:{port}")
        return ["127.0.0.1"]

    outbox.lookup = look_up
    await happen(outbox, await outbox.subscribe(receiver.url.replace("127.0.0.1", "receiver.example")), 1)
    async with outbox.sending():

        async def is_on_record() -> bool:
            return bool(await outbox.one("SELECT count(*) FROM deliveries WHERE error IS NOT NULL"))

        await until_async(is_on_record, what="the attempt's record")
        ((attempt,), (delivery,)) = await outbox.attempts(), await outbox.deliveries()
        assert attempt["error"] == delivery["error"] == "The attempt failed on our side."
        crashes = False
    await outbox.send_after_the_lease()
    assert await states(outbox) == ["sent"]
    assert len(receiver.requests) == 1


async def test_stopping_sender_finishes_its_requests_and_claims_no_more(outbox: Outbox, receiver: Receiver) -> None:
    receiver.hold()
    await happen(outbox, await outbox.subscribe(receiver.url), 1)

    async def come_late(sender: DeliverySender, subscription_id: int) -> None:
        """When it has been asked to stop, and looks no more for what it began to look for before."""
        await until_it_looks(sender)
        await happen(outbox, subscription_id, 1)
        await until_it_looks(sender)
        receiver.release()

    async with receiving() as other:
        subscription_id = await outbox.subscribe(other.url)
        async with outbox.sending() as sender:
            await until_async(lambda: len(receiver.requests) == 1, what="the request")
            late = asyncio.create_task(come_late(sender, subscription_id))
        await late
        assert (await states(outbox), other.requests) == (["sent", "pending"], [])


async def test_answers_are_on_record_before_the_end_although_the_database_was_away_just_then(
    outbox: Outbox, receiver: Receiver
) -> None:
    await happen(outbox, await outbox.subscribe(receiver.url), N)
    receiver.hold()
    async with outbox.sending() as sender, all_answered(outbox, receiver, sender):
        await outbox.connection.execute(END_SENDER)
    assert await states(outbox) == ["sent"] * N
    assert [one["status"] for one in await outbox.attempts()] == [200] * N
    assert len(receiver.requests) == N
