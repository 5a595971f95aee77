"""Deliveries sent again by hand: which, and what is left alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from services.workers.deliveries.claim import claim_due
from shared.auth import installation_keys
from shared.outbound import cancellation
from tests.integration.test_delivery_claims import PLANT
from tests.support.receivers import Receiver
from tests.support.sending import Outbox, tell
from tests.support.serving import served, settings_of

pytestmark = pytest.mark.integration

END = "UPDATE deliveries SET state = %s, finished_at = now(), created_at = %s WHERE id = %s"


@pytest_asyncio.fixture
async def client(outbox: Outbox, tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    key = await installation_keys.create_key(outbox.connection, "main", "tests", ["*"])
    async with served(settings_of(outbox.url, tmp_path)) as (found, _):
        found.headers["Authorization"] = f"Bearer {key.key.secret}"
        yield found


async def test_a_subscription_gets_again_what_it_has_not_got_since_then(
    outbox: Outbox, client: aiohttp.ClientSession
) -> None:
    ours, other = [await outbox.subscribe("https://example.com") for _ in range(2)]
    lead_id = await outbox.lead()
    await tell(outbox, ours, *[lead_id] * 5)
    await tell(outbox, other, lead_id)
    failed, cancelled, sent, suppressed, early, others = [one["id"] for one in await outbox.deliveries()]
    ends = {failed: "failed", cancelled: "cancelled", sent: "sent", suppressed: "suppressed", others: "failed"}
    for id_, state in ends.items():
        await outbox.connection.execute(END, (state, "2026-03-02", id_))
    await outbox.connection.execute(END, ("failed", "2026-03-01", early))
    async with client.post(f"/api/v1/webhooks/{ours}/resend", json={"since": "2026-03-02"}) as answer:
        assert await answer.json() == {"data": {"count": 2}}
    states = {one["id"]: one["state"] for one in await outbox.deliveries()}
    assert states == {**ends, early: "failed", failed: "pending", cancelled: "pending"}


async def test_the_deliveries_of_a_subscription_are_its_own(outbox: Outbox, client: aiohttp.ClientSession) -> None:
    ours, other = [await outbox.subscribe("https://example.com") for _ in range(2)]
    lead_id = await outbox.lead()
    await tell(outbox, ours, lead_id, lead_id)
    await tell(outbox, other, lead_id)
    first, second, _ = [one["id"] for one in await outbox.deliveries()]
    async with client.get(f"/api/v1/webhooks/{ours}/deliveries") as answer:
        body = await answer.json()
    assert ([one["id"] for one in body["data"]], body["meta"]["total"]) == ([second, first], 2)


async def test_resend_leaves_deliveries_in_flight_alone(outbox: Outbox, client: aiohttp.ClientSession) -> None:
    await tell(outbox, await outbox.subscribe("https://example.com"), await outbox.lead())
    (taken,) = await claim_due(outbox.connection, 1)
    (before,) = await outbox.deliveries()
    async with client.post(f"/api/v1/deliveries/{taken.id}/resend") as answer:
        assert (answer.status, (await answer.json())["data"]["next_attempt_at"]) == (200, None)
    assert await outbox.deliveries() == [before]


async def test_attempts_are_shown_the_first_one_first(
    outbox: Outbox, client: aiohttp.ClientSession, receiver: Receiver
) -> None:
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    await outbox.send()
    (delivery,) = await outbox.deliveries()
    path = f"/api/v1/deliveries/{delivery['id']}"
    async with client.post(f"{path}/resend") as answer:
        assert (await answer.json())["data"]["state"] == "pending"
    await outbox.send()
    async with client.get(path) as answer:
        found = (await answer.json())["data"]
    assert (found["state"], found["attempts"]) == ("sent", 2)
    assert [one["number"] for one in found["history"]] == [1, 2]
    assert len(receiver.requests) == 2


async def test_resend_is_refused_while_a_cancellation_runs(outbox: Outbox, client: aiohttp.ClientSession) -> None:
    """It would be cancelled once more, as what waited when the subscription was disabled."""
    id_ = await outbox.subscribe("https://example.com")
    much = {"workspace": outbox.workspace_id, "leads": 2 * cancellation.CANCEL_CHUNK_SIZE, "each": 1, "endpoints": id_}
    await outbox.connection.execute(PLANT, much)
    await cancellation.cancel_disabled(outbox.connection, outbox.workspace_id, id_)
    one = await outbox.one("SELECT min(id) FROM deliveries WHERE state = 'cancelled'")
    asked = {f"/api/v1/webhooks/{id_}/resend": {"since": "2026-01-01"}, f"/api/v1/deliveries/{one}/resend": None}
    for path, body in asked.items():
        async with client.post(path, json=body) as answer:
            assert (answer.status, (await answer.json())["code"]) == (409, "CONFLICT")
    while await cancellation.cancel_chunk(outbox.connection):
        pass
    for path, body in asked.items():
        async with client.post(path, json=body) as answer:
            assert answer.status == 200
    assert (
        await outbox.one("SELECT count(*) FROM deliveries WHERE state = 'pending'")
        == 2 * cancellation.CANCEL_CHUNK_SIZE
    )
