"""Senders that are gone, or slower than their lease: what they had in hand goes out, and is theirs no more."""

import pytest

from services.workers.deliveries.claim import claim_due, release_orphaned
from shared.platform.db.connections import connect
from tests.support.receivers import Receiver
from tests.support.sending import Outbox, tell
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration


async def test_deliveries_of_a_dead_sender_are_sent_again_under_their_ids(outbox: Outbox, receiver: Receiver) -> None:
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    (taken,) = await claim_due(outbox.connection, 10)  # and this sender is never heard of again
    assert await claim_due(outbox.connection, 10) == []
    await outbox.send_after_the_lease()
    (request,) = receiver.requests
    assert request.headers["webhook-id"] == taken.message_id
    lost, made = await outbox.attempts()
    assert (lost["status"], lost["error"]) == (None, "The sender ended before an answer came.")
    assert made["status"] == 200


async def test_a_sender_whose_connection_is_gone_is_not_waited_for(outbox: Outbox, receiver: Receiver) -> None:
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead(), await outbox.lead())
    async with connect(outbox.url, "tests sender") as dying:
        (first,) = await claim_due(dying, 1)
    (second,) = await claim_due(outbox.connection, 1)
    assert await release_orphaned(outbox.connection) == 0  # it may be only just connecting again
    assert await release_orphaned(outbox.connection, grace=0) == 1
    ((again, tries),) = [(one.id, one.attempts_since_resend) for one in await claim_due(outbox.connection, 10)]
    assert (again, tries) == (first.id, 2)
    assert second.id != first.id


async def test_delivery_of_a_lost_sender_keeps_its_due_time(outbox: Outbox, receiver: Receiver) -> None:
    """Before what became due since, and overdue for the sweeper, which sends where no worker does."""
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    async with connect(outbox.url, "tests sender") as dying:
        (first,) = await claim_due(dying, 1)
    await outbox.connection.execute("UPDATE deliveries SET sending_since = now() - interval '10 s'")
    await tell(outbox, first.subscription_id or 0, await outbox.lead())
    assert await release_orphaned(outbox.connection, grace=0) == 1
    assert [one.id for one in await claim_due(outbox.connection, 10, overdue=5)] == [first.id]


async def test_reused_backend_pid_is_not_taken_for_a_dead_sender(outbox: Outbox, receiver: Receiver) -> None:
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    async with connect(outbox.url, "tests sender") as dying:
        assert len(await claim_due(dying, 1)) == 1
    reuse = """UPDATE deliveries SET sender = pid, sending_since = backend_start - interval '1 s'
               FROM pg_stat_activity WHERE pid = pg_backend_pid()"""
    await outbox.connection.execute(reuse)
    assert await release_orphaned(outbox.connection, grace=0) == 1


async def test_senders_are_not_taken_for_gone_right_after_the_database_came_back(
    outbox: Outbox, receiver: Receiver
) -> None:
    """However long they have been sending: it was the database that ended their connections."""
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    async with connect(outbox.url, "tests sender") as dying:
        assert len(await claim_due(dying, 1)) == 1
    await outbox.connection.execute("UPDATE deliveries SET sending_since = pg_postmaster_start_time() - interval '1 h'")
    age = await outbox.one("SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float")
    assert await release_orphaned(outbox.connection, grace=age + 600) == 0
    assert await release_orphaned(outbox.connection, grace=0) == 1


async def test_a_sender_that_is_slower_than_its_lease_changes_nothing(outbox: Outbox, receiver: Receiver) -> None:
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    receiver.hold()
    async with outbox.sending():
        await until_async(lambda: len(receiver.requests) == 1, what="the first request")
        async with outbox.connection.transaction():  # in one, or the sender itself, which looks too, claims it again
            await outbox.make_due()  # the lease is over
            await claim_due(outbox.connection, 10)
        receiver.release()
        await until_async(lambda: _has_answer(outbox), what="the first one's record")
    (delivery,) = await outbox.deliveries()
    assert (delivery["state"], delivery["attempts"]) == ("pending", 2)


async def _has_answer(outbox: Outbox) -> bool:
    return bool(await outbox.one("SELECT count(*) FROM delivery_attempts WHERE status = 200"))
