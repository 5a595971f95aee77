"""Messages that are too large together, addresses that are none, and attempts without end."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from shared.auth import installation_keys
from shared.outbound.deliveries import MAX_INSERT_BYTES, enqueue_deliveries, webhook_to_subscription
from tests.support.receivers import Receiver
from tests.support.sending import Outbox
from tests.support.serving import served, settings_of

pytestmark = pytest.mark.integration


async def test_messages_of_any_size_together_are_enqueued_in_order(outbox: Outbox) -> None:
    lead_id, subscription = await outbox.lead(), await outbox.subscribe("https://example.com")
    large = {"id": lead_id, "notes": "x" * (MAX_INSERT_BYTES // 3)}
    news = [replace(await outbox.happening(lead_id, number), lead=large) for number in range(7)]
    news.append(replace(news[0], lead={"id": lead_id, "notes": "x" * (2 * MAX_INSERT_BYTES)}, data={"number": 7}))
    await enqueue_deliveries(
        outbox.connection, [webhook_to_subscription(outbox.workspace_id, subscription, one) for one in news]
    )
    kept = [orjson.loads(delivery["payload"]) for delivery in await outbox.deliveries()]
    assert [body["data"]["number"] for body in kept] == list(range(8))
    assert [len(body["lead"]["notes"]) for body in kept] == [MAX_INSERT_BYTES // 3] * 7 + [2 * MAX_INSERT_BYTES]


async def test_an_address_that_cannot_be_read_fails_its_delivery_alone(outbox: Outbox, receiver: Receiver) -> None:
    lead_id = await outbox.lead()
    subscriptions = [await outbox.subscribe(url) for url in ("https://[", receiver.url)]
    what = await outbox.happening(lead_id)
    await enqueue_deliveries(
        outbox.connection, [webhook_to_subscription(outbox.workspace_id, one, what) for one in subscriptions]
    )
    await outbox.send()
    told = [(one["state"], one["error"]) for one in await outbox.deliveries()]
    assert told == [("failed", "The address cannot be read."), ("sent", None)]


async def test_delivery_at_the_maximum_of_attempts_blocks_no_other(
    outbox: Outbox, receiver: Receiver, tmp_path: Path
) -> None:
    lead_id, subscription = await outbox.lead(), await outbox.subscribe(receiver.url)
    what = await outbox.happening(lead_id)
    await enqueue_deliveries(outbox.connection, [webhook_to_subscription(outbox.workspace_id, subscription, what)] * 2)
    worn, other = [one["id"] for one in await outbox.deliveries()]
    await outbox.connection.execute(
        "UPDATE deliveries SET state = 'failed', attempts = 32767, finished_at = now() WHERE id = %s", (worn,)
    )
    key = (await installation_keys.create_key(outbox.connection, "main", "tests", ["*"])).key.secret
    async with served(settings_of(outbox.url, tmp_path)) as (client, _):
        client.headers["Authorization"] = f"Bearer {key}"
        async with client.post(f"/api/v1/deliveries/{worn}/resend") as answer:
            assert (answer.status, (await answer.json())["data"]["state"]) == (200, "failed")
        async with client.post(f"/api/v1/webhooks/{subscription}/resend", json={"since": "2026-01-01"}) as answer:
            assert await answer.json() == {"data": {"count": 0}}
    await outbox.send()
    assert {one["id"]: one["state"] for one in await outbox.deliveries()} == {worn: "failed", other: "sent"}
