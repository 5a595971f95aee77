"""Claims over a table in which much waits: quick, in order, and fair between workspaces."""

from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import TypeVar

import pytest

from services.workers.deliveries.circuits import MAX_SLOTS
from services.workers.deliveries.claim import claim_due, has_due
from services.workers.deliveries.types import ClaimedDelivery
from tests.support.sending import Outbox
from tests.support.timing import processor_seconds

pytestmark = pytest.mark.integration

# Lead after lead, to one receiver after the other, as automations write them: of one transaction, due at one time.
PLANT = """
INSERT INTO deliveries (workspace_id, message_id, kind, event, lead_id, subscription_id, endpoint, payload)
SELECT %(workspace)s, 'msg_' || l || '_' || n || '_' || e, 'webhook', 'tag.added', l, e, 'subscription:' || e, '{}'
FROM generate_series(1, %(leads)s) l, generate_series(1, %(each)s) n, generate_series(1, %(endpoints)s) e
ORDER BY l, e, n
"""
WELL = """
INSERT INTO endpoints (workspace_id, endpoint, slots)
SELECT %s, 'subscription:' || e, %s FROM generate_series(1, %s) e
"""
OTHER = 777
SECOND = 1.0  # of the processor; a claim takes milliseconds

T = TypeVar("T")


async def _plant(outbox: Outbox, workspace: int, leads: int, each: int, endpoints: int) -> None:
    counts = {"workspace": workspace, "leads": leads, "each": each, "endpoints": endpoints}
    await outbox.connection.execute(PLANT, counts)


async def _quick(outbox: Outbox, work: Awaitable[T]) -> T:
    """Its result, after a look at the time that the server worked for it."""
    server = outbox.connection.info.backend_pid
    before = processor_seconds(server)
    found = await work
    assert processor_seconds(server) - before < SECOND
    return found


async def _claim(outbox: Outbox, most: int = 200, **how: object) -> list[ClaimedDelivery]:
    return await _quick(outbox, claim_due(outbox.connection, most, **how))  # type: ignore[arg-type]


async def _succeed(outbox: Outbox, claimed: Sequence[ClaimedDelivery]) -> None:
    ids = [one.id for one in claimed]
    await outbox.connection.execute(
        "UPDATE deliveries SET state = 'sent', sending_since = NULL WHERE id = ANY (%s)", (ids,)
    )


async def test_blocked_deliveries_of_a_lead_do_not_slow_a_claim(outbox: Outbox) -> None:
    await _plant(outbox, outbox.workspace_id, 20, 100, 50)
    await outbox.connection.execute(WELL, (outbox.workspace_id, MAX_SLOTS, 50))
    await _plant(outbox, OTHER, 1, 1, 1)
    claimed = await _claim(outbox)
    assert OTHER in {one.workspace_id for one in claimed}
    while more := await _claim(outbox):
        claimed += more
    assert Counter(Counter((one.workspace_id, one.endpoint) for one in claimed).values()) == {MAX_SLOTS: 50, 1: 1}
    assert len({(one.workspace_id, one.endpoint, one.lead_id) for one in claimed}) == len(claimed)
    assert not await _quick(outbox, has_due(outbox.connection))


async def test_order_holds_where_leads_lie_far_apart(outbox: Outbox) -> None:
    await _plant(outbox, outbox.workspace_id, 7, 60, 2)
    came: dict[tuple[str, int | None], list[int]] = {}
    while claimed := await _claim(outbox):
        for one in claimed:
            came.setdefault((one.endpoint, one.lead_id), []).append(one.id)
        assert len({(one.endpoint, one.lead_id) for one in claimed}) == len(claimed)
        await _succeed(outbox, claimed)
    assert {len(ids) for ids in came.values()} == {60}
    assert len(came) == 14
    assert all(ids == sorted(ids) for ids in came.values())


async def test_retries_that_wait_behind_another_hide_no_other_leads(outbox: Outbox) -> None:
    """A receiver whose answers had all of a lead's messages overtake one another, and come due again together."""
    await _plant(outbox, outbox.workspace_id, 3, 100, 1)
    await outbox.connection.execute("UPDATE deliveries SET attempts = 1")
    assert {one.lead_id for one in await _claim(outbox)} == {1, 2, 3}


async def test_new_deliveries_are_claimed_despite_held_back_ones(outbox: Outbox) -> None:
    """A receiver that failed once for each of many leads, which have more to tell meanwhile."""
    held = 3000
    await _plant(outbox, outbox.workspace_id, held, 2, 1)
    firsts = "id IN (SELECT min(id) FROM deliveries GROUP BY lead_id)"
    later = f"UPDATE deliveries SET attempts = 1, due_at = now() + interval '4 min' WHERE {firsts}"
    await outbox.connection.execute(later)
    assert not await has_due(outbox.connection)
    for lead in range(held + 1, held + 6):
        await outbox.connection.execute(
            PLANT.replace("series(1, %(leads)s)", "series(%(leads)s::int, %(leads)s)"),
            {"workspace": outbox.workspace_id, "leads": lead, "each": 1, "endpoints": 1},
        )
        assert await has_due(outbox.connection)
        assert [one.lead_id for one in await _claim(outbox)] == [lead]
        await outbox.connection.execute("DELETE FROM deliveries WHERE lead_id = %s", (lead,))


async def test_delivery_without_a_lead_waits_for_no_other(outbox: Outbox) -> None:
    await _plant(outbox, outbox.workspace_id, 2, 100, 1)
    await outbox.connection.execute(
        "UPDATE deliveries SET lead_id = NULL WHERE id > (SELECT max(id) - 1 FROM deliveries)"
    )
    assert {one.lead_id for one in await _claim(outbox)} == {1, 2, None}


async def test_a_workspace_takes_no_more_than_its_share_of_a_senders_places(outbox: Outbox) -> None:
    await _plant(outbox, outbox.workspace_id, 4, 1, 400)
    first = await _claim(outbox)
    assert len(first) == 100  # half of the places stay free, however much waits
    mine = {outbox.workspace_id: len(first)}
    assert await _claim(outbox, in_flight=mine) == []
    await _plant(outbox, OTHER, 4, 1, 400)
    second = await _claim(outbox, in_flight=mine)
    assert Counter(one.workspace_id for one in second) == {OTHER: 66}  # a third: another may yet come
    third = await _claim(outbox)  # another sender's: the two take turns
    assert Counter(one.workspace_id for one in third) == {outbox.workspace_id: 66, OTHER: 66}
