"""A receiver that is down for an hour, while things go on happening, and then back."""

from datetime import timedelta

import pytest

from services.workers.deliveries.backoff import RETRY_DELAYS_SECONDS
from services.workers.deliveries.circuits import FAILURES_UNTIL_OPEN, MAX_OPEN_SECONDS, MAX_SLOTS
from services.workers.deliveries.claim import claim_due, has_due
from shared.outbound.deliveries import enqueue_deliveries, webhook_to_subscription
from shared.platform.db.connections import Connection
from tests.support.ingesting import workspace_id
from tests.support.receivers import receiving
from tests.support.sending import Outbox
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

STEP, HOUR = timedelta(minutes=2), timedelta(hours=1)

# Times are moved, not waited for.
PASS = "UPDATE deliveries SET due_at = due_at - %s WHERE state = 'pending'"
PASS_FOR_CIRCUIT = "UPDATE endpoints SET open_until = open_until - %s"
# What was planned after each attempt of this moment, by its number.
PLANNED = """
SELECT a.number, extract(epoch FROM d.due_at - a.finished_at)::float AS wait
FROM deliveries d JOIN delivery_attempts a ON a.delivery_id = d.id AND a.number = d.attempts
WHERE d.state = 'pending' AND a.finished_at > %s
"""


async def _happen(outbox: Outbox, subscription_id: int, n: int) -> None:
    news = [await outbox.happening(await outbox.lead()) for _ in range(n)]
    await enqueue_deliveries(
        outbox.connection, [webhook_to_subscription(outbox.workspace_id, subscription_id, one) for one in news]
    )


async def _pass(outbox: Outbox, time: timedelta) -> None:
    await outbox.connection.execute(PASS, (time,))
    await outbox.connection.execute(PASS_FOR_CIRCUIT, (time,))


async def _send(outbox: Outbox) -> None:
    """All that may be tried now."""

    async def is_at_rest() -> bool:
        begun = await outbox.one("SELECT count(*) FROM delivery_attempts")
        busy = await outbox.one("SELECT count(*) FROM deliveries WHERE sending_since IS NOT NULL")
        if busy or await has_due(outbox.connection):
            return False
        return bool(begun == await outbox.one("SELECT count(*) FROM delivery_attempts"))  # none began between the two

    async with outbox.sending():
        await until_async(is_at_rest, what="rest")


async def test_a_receiver_down_for_an_hour_is_spared_and_then_gets_everything(
    database_url: str, database: Connection
) -> None:
    outbox = Outbox(database_url, database, await workspace_id(database))
    async with receiving() as receiver:
        subscription_id = await outbox.subscribe(receiver.url)
        receiver.status(503)
        passed = timedelta()
        while passed < HOUR:
            await _happen(outbox, subscription_id, 2)
            since, before = await outbox.one("SELECT clock_timestamp()"), len(receiver.requests)
            await _send(outbox)
            for planned in await outbox.rows(PLANNED, since):
                assert 0.8 <= planned["wait"] / RETRY_DELAYS_SECONDS[planned["number"] - 1] <= 1.2, planned
            if passed > STEP:
                (circuit,) = await outbox.rows("SELECT failures, slots, open_until > now() AS open FROM endpoints")
                assert (circuit["failures"] >= FAILURES_UNTIL_OPEN, circuit["slots"], circuit["open"]) == (
                    True,
                    1,
                    True,
                )
                # Retries of the first few, and one probe.
                assert len(receiver.requests) - before <= FAILURES_UNTIL_OPEN + 2
            await _pass(outbox, STEP)
            passed += STEP
        events = 2 * (HOUR // STEP)
        assert len(receiver.requests) < events  # most of them were not even tried

        receiver.status(200)
        receiver.requests.clear()
        await _pass(outbox, 3 * HOUR)  # all that was tried is due again
        receiver.hold()
        receiver.most_at_once = 0
        async with outbox.sending():
            await until_async(lambda: len(receiver.requests) == 1, what="the first one after its return")
            assert await claim_due(database, 100) == []  # all others wait for what becomes of it
            receiver.release()
        await _send(outbox)
        assert receiver.most_at_once <= MAX_SLOTS
        deliveries = await outbox.deliveries()
        assert {one["state"] for one in deliveries} == {"sent"}
        came = [request.headers["webhook-id"] for request in receiver.requests]
        assert sorted(came) == sorted(one["message_id"] for one in deliveries)
        assert len(came) == events


async def test_hours_that_one_message_is_to_wait_are_not_those_of_its_lead(
    database_url: str, database: Connection
) -> None:
    outbox = Outbox(database_url, database, await workspace_id(database))
    async with receiving() as receiver:
        subscription_id, lead_id = await outbox.subscribe(receiver.url), await outbox.lead()
        news = [await outbox.happening(lead_id, number) for number in range(2)]
        await enqueue_deliveries(
            database, [webhook_to_subscription(outbox.workspace_id, subscription_id, one) for one in news]
        )
        receiver.status(503, {"Retry-After": "7200"})
        await _send(outbox)
        assert len(receiver.requests) == 1
        receiver.status(200)
        await _send(outbox)
        assert len(receiver.requests) == 1  # its circuit is open
        await database.execute(PASS_FOR_CIRCUIT, (timedelta(seconds=MAX_OPEN_SECONDS),))
        await _send(outbox)
        assert [one["state"] for one in await outbox.deliveries()] == ["pending", "sent"]
        assert await outbox.one(
            "SELECT min(due_at) > now() + interval '7190 s' FROM deliveries WHERE state = 'pending'"
        )
