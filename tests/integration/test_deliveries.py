"""Outbound webhooks: one id over all attempts, in order, to receivers that are well, slow, down and gone."""

import asyncio
import hashlib
import hmac
from typing import Any

import pytest
from aiohttp import web

from services.workers.deliveries.backoff import MAX_DELIVERY_ATTEMPTS, RETRY_DELAYS_SECONDS
from services.workers.deliveries.circuits import INITIAL_SLOTS, MAX_SLOTS
from services.workers.deliveries.signatures import sign_message
from shared.outbound.deliveries import enqueue_deliveries, webhook_to_url
from tests.support.receivers import Receiver, receiving
from tests.support.sending import SECRET, Outbox, tell
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

WELL = """
INSERT INTO endpoints (workspace_id, endpoint, failures, slots, succeeded_at)
VALUES (%s, %s, 0, %s, now() - interval '1 day')
"""


async def test_a_webhook_is_signed_both_ways_and_on_record(outbox: Outbox, receiver: Receiver) -> None:
    lead_id = await outbox.lead()
    await tell(outbox, await outbox.subscribe(f"{receiver.url}/hook?token=hidden"), lead_id)
    await outbox.send()
    (request,) = receiver.requests
    headers = request.headers
    assert request.body["id"] == headers["webhook-id"]
    assert set(request.body) == {"id", "event", "occurred_at", "lead", "data"}
    assert headers["webhook-signature"] == sign_message(
        SECRET, headers["webhook-id"], int(headers["webhook-timestamp"]), request.raw
    )
    plain = hmac.new(SECRET.encode(), request.raw, hashlib.sha256).hexdigest()
    assert headers["X-LeadHub-Signature"] == f"sha256={plain}"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("LeadHub/")
    (delivery,), (attempt,) = await outbox.deliveries(), await outbox.attempts()
    assert (delivery["state"], delivery["attempts"], delivery["error"]) == ("sent", 1, None)
    assert (attempt["status"], attempt["body"], attempt["error"]) == (200, "ok", None)
    assert attempt["request"]["url"] == f"{receiver.url}/hook"
    assert "hidden" not in str(attempt["request"])
    activities = await outbox.rows("SELECT type, data FROM activities WHERE lead_id = %s", lead_id)
    assert [one["type"] for one in activities] == ["delivery.sent"]


async def test_a_receiver_that_was_down_gets_each_event_under_its_one_id(outbox: Outbox, receiver: Receiver) -> None:
    receiver.status(503)
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    for tries in range(1, MAX_DELIVERY_ATTEMPTS - 1):
        await outbox.send()
        (delivery,) = await outbox.deliveries()
        assert (delivery["state"], delivery["attempts"]) == ("pending", tries)
        wait = await outbox.one("SELECT extract(epoch FROM due_at - now())::float FROM deliveries")
        assert 0.8 * RETRY_DELAYS_SECONDS[tries - 1] < wait < 1.2 * RETRY_DELAYS_SECONDS[tries - 1]
        await outbox.make_due()
    receiver.status(200)
    await outbox.send()
    assert {request.headers["webhook-id"] for request in receiver.requests} == {delivery["message_id"]}
    assert {request.raw for request in receiver.requests} == {receiver.requests[0].raw}
    attempts = [(one["status"], one["error"]) for one in await outbox.attempts()]
    assert attempts == [(503, "The receiver answered 503.")] * (MAX_DELIVERY_ATTEMPTS - 2) + [(200, None)]


async def test_retry_after_is_obeyed(outbox: Outbox, receiver: Receiver) -> None:
    receiver.status(429, {"Retry-After": "3600"})
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    await outbox.send()
    wait = await outbox.one("SELECT extract(epoch FROM due_at - now())::float FROM deliveries")
    assert 3595 < wait < 4000
    held = await outbox.one("SELECT extract(epoch FROM open_until - now())::float FROM endpoints")
    assert 595 < held <= 600  # those of others do not wait as long


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_failures(outbox: Outbox, receiver: Receiver, status: int) -> None:
    receiver.status(status, {"Location": f"{receiver.url}/elsewhere"})
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    await outbox.send()
    assert len(receiver.requests) == 1
    assert (await outbox.deliveries())[0]["error"] == f"The receiver answered {status}."


async def test_410_disables_the_subscription_at_once(outbox: Outbox, receiver: Receiver) -> None:
    receiver.status(410)
    await outbox.user("admin@example.com")
    subscription_id = await outbox.subscribe(receiver.url)
    await tell(outbox, subscription_id, *[await outbox.lead()] * 3)
    await outbox.send()
    (subscription,) = await outbox.rows("SELECT * FROM webhook_subscriptions")
    assert not subscription["is_active"]
    assert "410" in subscription["disabled_reason"]
    assert subscription["disabled_at"]
    assert len(receiver.requests) == 1
    states = [(one["kind"], one["state"]) for one in await outbox.deliveries()]
    assert states[:3] == [("webhook", "failed"), ("webhook", "cancelled"), ("webhook", "cancelled")]
    assert [kind for kind, _ in states[3:]] == ["notice"]


async def _fail_for_a_day(outbox: Outbox) -> None:
    for _ in range(MAX_DELIVERY_ATTEMPTS):
        await outbox.make_due()
        await outbox.send()


async def test_a_day_of_failures_disables_the_subscription(outbox: Outbox, receiver: Receiver) -> None:
    receiver.status(500)
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    await _fail_for_a_day(outbox)
    assert [one["state"] for one in await outbox.deliveries()] == ["failed"]
    (subscription,) = await outbox.rows("SELECT * FROM webhook_subscriptions")
    assert not subscription["is_active"]
    assert "day" in subscription["disabled_reason"]


async def test_one_failing_message_does_not_disable_its_subscription(outbox: Outbox, receiver: Receiver) -> None:
    bad, good = await outbox.lead(), await outbox.lead()
    receiver.answer = lambda request: web.Response(status=500 if request.body["lead"]["id"] == bad else 200)
    subscription_id = await outbox.subscribe(receiver.url)
    await tell(outbox, subscription_id, bad)
    await outbox.send()
    await tell(outbox, subscription_id, good)
    await _fail_for_a_day(outbox)
    assert [one["state"] for one in await outbox.deliveries()] == ["failed", "sent"]
    assert await outbox.one("SELECT is_active FROM webhook_subscriptions")


async def test_an_open_circuit_lets_through_retries_and_one_first_try(outbox: Outbox, receiver: Receiver) -> None:
    receiver.status(500)
    subscription_id = await outbox.subscribe(receiver.url)
    await tell(outbox, subscription_id, *[await outbox.lead() for _ in range(40)])
    async with outbox.sending():
        await until_async(lambda: len(receiver.requests) >= 5, what="the circuit's opening")
        await until_async(lambda: _is_at_rest(outbox), what="rest")
    tried = len(receiver.requests)
    assert 5 <= tried <= 5 + INITIAL_SLOTS
    (endpoint,) = await outbox.rows("SELECT * FROM endpoints")
    assert endpoint["failures"] == tried
    assert endpoint["open_until"]
    # Its time is over, but the receiver is not yet well: one first try goes out, and it opens again.
    await outbox.connection.execute("UPDATE endpoints SET open_until = now()")
    async with outbox.sending():
        await until_async(lambda: len(receiver.requests) > tried, what="the probe")
        await until_async(lambda: _is_at_rest(outbox), what="rest")
    assert len(receiver.requests) == tried + 1
    # Well again: all that waited comes, but never many at once.
    receiver.status(200)
    receiver.most_at_once = 0
    await outbox.connection.execute("UPDATE endpoints SET open_until = now()")
    await outbox.make_due()
    await outbox.send()
    assert receiver.most_at_once <= MAX_SLOTS
    assert {one["state"] for one in await outbox.deliveries()} == {"sent"}
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 40


async def test_a_receiver_that_goes_on_being_well_is_known_to_be(outbox: Outbox, receiver: Receiver) -> None:
    """Though nothing else is noted of it: one message that it does not take must not disable it."""
    subscription_id = await outbox.subscribe(receiver.url)
    await outbox.connection.execute(WELL, (outbox.workspace_id, f"subscription:{subscription_id}", MAX_SLOTS))
    await tell(outbox, subscription_id, await outbox.lead())
    await outbox.send()
    assert await outbox.one("SELECT succeeded_at > now() - interval '1 min' FROM endpoints")


async def _is_at_rest(outbox: Outbox) -> bool:
    return not await outbox.one("SELECT count(*) FROM deliveries WHERE sending_since IS NOT NULL")


async def test_events_of_a_lead_come_in_order_but_a_stuck_one_does_not_hold_back_the_rest_all_day(
    outbox: Outbox, receiver: Receiver
) -> None:
    lead_id, other = await outbox.lead(), await outbox.lead()
    await tell(outbox, await outbox.subscribe(receiver.url), *[lead_id] * 10, *[other] * 10)
    receiver.answer = lambda request: web.Response(
        status=500 if request.body["lead"]["id"] == lead_id and request.body["data"]["number"] == 0 else 200
    )
    await _send_due(outbox)
    seen = [request.body["data"]["number"] for request in receiver.requests]
    assert [number for number in seen if number >= 10] == list(range(10, 20))
    assert [number for number in seen if number < 10] == [0]
    for _ in range(2):
        await outbox.make_due()
        await _send_due(outbox)
    seen = [request.body["data"]["number"] for request in receiver.requests]
    assert [number for number in seen if number < 10] == [0, 0, 0, *range(1, 10)]


async def _send_due(outbox: Outbox) -> None:
    """Send, where some of what is due waits for others."""
    async with outbox.sending() as sender:
        for _ in range(3):
            sender.wake()
            await until_async(lambda: _nothing_to_claim(outbox), what="nothing to claim")


async def _nothing_to_claim(outbox: Outbox) -> bool:
    from services.workers.deliveries.claim import has_due

    async with outbox.connection.transaction():
        # Both by one snapshot: between two a delivery may end, and the next of its lead be found by neither.
        await outbox.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return not await has_due(outbox.connection) and await _is_at_rest(outbox)


async def test_a_slow_receiver_holds_up_nobody_else(outbox: Outbox, receiver: Receiver) -> None:
    async with receiving() as quick:
        receiver.hold()
        slow = await outbox.subscribe(receiver.url)
        fast = await outbox.subscribe(quick.url)
        await tell(outbox, slow, *[await outbox.lead() for _ in range(60)])
        await tell(outbox, fast, *[await outbox.lead() for _ in range(20)])
        async with outbox.sending():
            await until_async(lambda: len(quick.requests) == 20, what="the quick one's events")
            assert receiver.most_at_once == INITIAL_SLOTS
            receiver.release()
            await until_async(lambda: len(receiver.requests) == 60, what="the slow one's events")


async def test_after_a_rotation_both_secrets_sign_until_the_old_one_ends(outbox: Outbox, receiver: Receiver) -> None:
    subscription_id = await outbox.subscribe(receiver.url)
    new = "whsec_bWFkZS11cC1vdXRib3VuZC1zZWNyZXQtMzItYnl0ZXM="
    rotate = """UPDATE webhook_subscriptions SET old_secret = secret, secret = %s,
                old_secret_until = now() + interval '1 hour'"""
    await outbox.connection.execute(rotate, (outbox.cipher.encrypt(new),))
    await tell(outbox, subscription_id, await outbox.lead())
    await outbox.send()
    await outbox.connection.execute("UPDATE webhook_subscriptions SET old_secret_until = now()")
    await tell(outbox, subscription_id, await outbox.lead())
    await outbox.send()
    signatures = [_signatures(request) for request in receiver.requests]
    assert [set(one) for one in signatures] == [{new, SECRET}, {new}]


def _signatures(request: Any) -> list[str]:
    """Whose the signatures of a request are."""
    id_, time = request.headers["webhook-id"], int(request.headers["webhook-timestamp"])
    known = {
        sign_message(secret, id_, time, request.raw): secret
        for secret in (SECRET, "whsec_bWFkZS11cC1vdXRib3VuZC1zZWNyZXQtMzItYnl0ZXM=")
    }
    return [known[signature] for signature in request.headers["webhook-signature"].split()]


async def test_a_webhook_to_an_address_of_its_own(outbox: Outbox, receiver: Receiver) -> None:
    news = await outbox.happening(await outbox.lead())
    url = receiver.url.replace("//", "//user:hidden@") + "/own"
    await enqueue_deliveries(
        outbox.connection, [webhook_to_url(outbox.cipher, outbox.workspace_id, url, "a secret", news)]
    )
    await enqueue_deliveries(outbox.connection, [webhook_to_url(outbox.cipher, outbox.workspace_id, url, None, news)])
    await outbox.send()
    signed = next(request for request in receiver.requests if "webhook-signature" in request.headers)
    plain = hmac.new(b"a secret", signed.raw, hashlib.sha256).hexdigest()
    assert signed.headers["X-LeadHub-Signature"] == f"sha256={plain}"
    assert len(receiver.requests) == 2
    assert "hidden" not in str(await outbox.attempts())
    assert "hidden" not in str(await outbox.deliveries())


async def test_a_deleted_subscription_gets_nothing(outbox: Outbox, receiver: Receiver) -> None:
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    await outbox.connection.execute("DELETE FROM webhook_subscriptions")
    await outbox.send()
    assert [one["state"] for one in await outbox.deliveries()] == ["cancelled"]
    assert receiver.requests == []


async def test_an_answer_is_kept_in_part_and_as_text(outbox: Outbox, receiver: Receiver) -> None:
    receiver.answer = lambda _: web.Response(body=b"\xff\0" + b"x" * 10_000_000, headers={"X-Long": "y" * 5000})
    await tell(outbox, await outbox.subscribe(receiver.url), await outbox.lead())
    await outbox.send()
    (attempt,) = await outbox.attempts()
    assert attempt["status"] == 200
    assert attempt["body"].startswith("��xx")
    assert len(attempt["body"]) == 4096
    assert len(attempt["headers"]["X-Long"]) == 500


async def test_many_are_sent_by_two_senders_once_each(outbox: Outbox, receiver: Receiver) -> None:
    subscriptions = [await outbox.subscribe(f"{receiver.url}/{number}") for number in range(5)]
    leads = [await outbox.lead() for _ in range(40)]
    for subscription_id in subscriptions:
        await tell(outbox, subscription_id, *leads)
    await asyncio.gather(outbox.send(), outbox.send())
    assert len(receiver.requests) == len({request.headers["webhook-id"] for request in receiver.requests}) == 200
    assert {one["state"] for one in await outbox.deliveries()} == {"sent"}
