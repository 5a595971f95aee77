"""Deleting a subscription that very much waits for: at once, with nothing sent, the rest in chunks."""

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from services.api.context import driver_connection
from services.workers.deliveries.claim import claim_due
from shared.outbound import cancellation
from shared.outbound.receivers import cancel_deliveries
from shared.outbound.resending import resend_deliveries, resend_one
from shared.platform.errors import Conflict
from tests.integration.test_delivery_claims import PLANT
from tests.support.sending import Outbox

pytestmark = pytest.mark.integration

LEFT = "SELECT count(*) FROM deliveries WHERE state = 'pending'"


async def _delete(outbox: Outbox, id_: int) -> None:
    engine = create_async_engine(outbox.url.replace("postgresql://", "postgresql+psycopg://"))
    async with engine.begin() as connection:
        await cancel_deliveries(await driver_connection(connection), outbox.workspace_id, "subscription", id_)
    await engine.dispose()


async def _plant(outbox: Outbox, leads: int) -> None:
    counts = {"workspace": outbox.workspace_id, "leads": leads, "each": 1, "endpoints": 1}
    await outbox.connection.execute(PLANT, counts)


async def test_few_are_cancelled_at_once(outbox: Outbox) -> None:
    await _plant(outbox, 3)
    await _delete(outbox, 1)
    assert {(one["state"], one["error"]) for one in await outbox.deliveries()} == {
        ("cancelled", "The subscription was deleted.")
    }
    assert not await cancellation.cancel_chunk(outbox.connection)


async def test_cancellation_leaves_deliveries_in_flight_alone(outbox: Outbox) -> None:
    """Its receiver may have it: it is not said that it was cancelled."""
    await _plant(outbox, 3)
    (taken,) = await claim_due(outbox.connection, 1)
    await _delete(outbox, 1)
    states = {one["id"]: one["state"] for one in await outbox.deliveries()}
    assert states.pop(taken.id) == "pending"
    assert [*states.values()] == ["cancelled"] * 2


async def test_many_are_cancelled_in_chunks_and_none_is_claimed_meanwhile(outbox: Outbox) -> None:
    await _plant(outbox, 3 * cancellation.CANCEL_CHUNK_SIZE)
    await _delete(outbox, 1)
    assert await outbox.one(LEFT) == 2 * cancellation.CANCEL_CHUNK_SIZE
    assert await claim_due(outbox.connection, 10) == []
    chunks = 0
    while await cancellation.cancel_chunk(outbox.connection):
        chunks += 1
    assert chunks == 3  # the last finds that nothing is left
    assert await outbox.one(LEFT) == 0
    assert await outbox.one("SELECT (SELECT count(*) FROM background_cleanups) + (SELECT count(*) FROM endpoints)") == 0


async def test_enabling_a_subscription_again_stops_its_cancellation(outbox: Outbox) -> None:
    await _plant(outbox, 2 * cancellation.CANCEL_CHUNK_SIZE)
    await cancellation.cancel_disabled(outbox.connection, outbox.workspace_id, 1)
    assert await outbox.one(LEFT) == cancellation.CANCEL_CHUNK_SIZE
    before = await outbox.one("SELECT max(id) FROM deliveries")
    await _plant(outbox, 3)  # to the same receiver
    while await cancellation.cancel_chunk(outbox.connection):
        pass
    assert await outbox.one(LEFT) == 3
    assert await outbox.one(f"SELECT count(*) FROM deliveries WHERE state = 'pending' AND id <= {before}") == 0
    assert await outbox.one("SELECT count(*) FROM background_cleanups") == 0
    assert len(await claim_due(outbox.connection, 10)) == 3


async def test_what_waited_is_cancelled_by_hand_and_what_came_later_is_sent(outbox: Outbox) -> None:
    await _plant(outbox, 2 * cancellation.CANCEL_CHUNK_SIZE)
    last = await outbox.one("SELECT max(id) FROM deliveries")
    await _plant(outbox, 3)  # to the same receiver
    await cancellation.cancel_waiting(outbox.connection, outbox.workspace_id, 1, last)
    assert await outbox.one(LEFT) == cancellation.CANCEL_CHUNK_SIZE + 3
    cancelled = await outbox.one("SELECT min(id) FROM deliveries WHERE state = 'cancelled'")
    with pytest.raises(Conflict):  # it would be cancelled again
        await resend_one(outbox.connection, outbox.workspace_id, cancelled)
    assert await resend_deliveries(outbox.connection, outbox.workspace_id, [cancelled]) == set()
    while await cancellation.cancel_chunk(outbox.connection):
        pass
    assert await outbox.one(LEFT) == 3
    assert await outbox.one(f"SELECT count(*) FROM deliveries WHERE state = 'pending' AND id <= {last}") == 0
    assert await resend_one(outbox.connection, outbox.workspace_id, cancelled)
    assert await outbox.one(LEFT) == 4
