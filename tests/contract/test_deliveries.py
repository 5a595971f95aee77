"""Deliveries and suppressions over HTTP: seen with every attempt, sent again; and the link to unsubscribe."""

from typing import Any

import aiohttp
import pytest

from shared.outbound import unsubscribe_links
from shared.outbound.deliveries import enqueue_deliveries, webhook_to_subscription
from shared.outbound.unsubscribe_links import UnsubscribeTarget
from shared.outbound.workspace_tokens import workspace_mail_keys
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import connect
from shared.platform.settings import Settings
from tests.contract.service import Service
from tests.support.ingesting import workspace_id
from tests.support.sending import Outbox
from tests.support.waiting import until_async

SUBSCRIPTION = {"url": "https://localhost.invalid/hook", "events": ["lead.deleted"]}  # of which nothing else makes any


async def _deliver(service: Service, subscription_id: int) -> int:
    """A delivery to that subscription, given up by the workers: its address is a private one."""
    async with connect(service.stack.database_url, "tests") as connection:
        outbox = Outbox(service.stack.database_url, connection, await workspace_id(connection))
        point = "UPDATE webhook_subscriptions SET url = 'http://127.0.0.1:9/hook' WHERE id = %s"
        await connection.execute(point, (subscription_id,))
        lead_id = await outbox.lead()
        news = await outbox.happening(lead_id)
        await enqueue_deliveries(connection, [webhook_to_subscription(outbox.workspace_id, subscription_id, news)])
        return int(await outbox.one("SELECT id FROM deliveries WHERE lead_id = %s", lead_id))


async def _subscribe(client: aiohttp.ClientSession) -> int:
    async with client.post("/api/v1/webhooks", json=SUBSCRIPTION) as answer:
        assert answer.status == 201, await answer.text()
        return int((await answer.json())["data"]["id"])


async def _open_circuit(service: Service, endpoint: str) -> None:
    """That receiver has failed: no first try for an hour."""
    async with connect(service.stack.database_url, "tests") as connection:
        await connection.execute(
            "INSERT INTO endpoints (workspace_id, endpoint, failures, slots, open_until)"
            " VALUES (%s, %s, 5, 1, now() + interval '1 hour')",
            (await workspace_id(connection), endpoint),
        )


async def _until_tried(client: aiohttp.ClientSession, id_: int, attempts: int) -> None:
    async def tried() -> bool:
        return bool((await _show(client, id_))["attempts"] == attempts)

    await until_async(tried, what="the attempt")


async def _show(client: aiohttp.ClientSession, id_: int) -> dict[str, Any]:
    async with client.get(f"/api/v1/deliveries/{id_}") as answer:
        assert answer.status == 200
        return dict((await answer.json())["data"])


async def _until_failed(client: aiohttp.ClientSession, id_: int, attempts: int) -> dict[str, Any]:
    async def failed() -> bool:
        found = await _show(client, id_)
        return bool(found["state"] == "failed" and found["attempts"] == attempts)

    await until_async(failed, what="the end of the attempt")
    return await _show(client, id_)


async def test_a_delivery_is_shown_with_its_attempts_and_sent_again(
    service: Service, client: aiohttp.ClientSession
) -> None:
    subscription_id = await _subscribe(client)
    id_ = await _deliver(service, subscription_id)
    found = await _until_failed(client, id_, 1)
    (attempt,) = found["history"]
    assert attempt["request"]["url"] == "http://127.0.0.1:9/hook"
    assert attempt["error"] == "The address is not one that requests may go to."
    assert found["event"] == "lead.created"
    assert found["next_attempt_at"] is None
    async with client.post(f"/api/v1/deliveries/{id_}/resend") as answer:
        assert answer.status == 200
        assert (await answer.json())["data"]["message_id"] == found["message_id"]
    await _until_failed(client, id_, 2)
    async with client.post(f"/api/v1/webhooks/{subscription_id}/resend", json={"since": "2026-01-01"}) as answer:
        assert await answer.json() == {"data": {"count": 1}}
    await _until_failed(client, id_, 3)
    async with client.get(f"/api/v1/webhooks/{subscription_id}/deliveries?state=failed") as answer:
        body = await answer.json()
        assert [one["id"] for one in body["data"]] == [id_]
        assert body["meta"]["total"] == 1
    async with client.get(f"/api/v1/deliveries?kind=webhook&lead_id={found['lead_id']}") as answer:
        assert [one["id"] for one in (await answer.json())["data"]] == [id_]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/v1/webhooks/{subscription}", {"url": SUBSCRIPTION["url"]}),
        ("PATCH", "/api/v1/webhooks/{subscription}", {"is_active": True}),
        ("POST", "/api/v1/webhooks/{subscription}/rotate-secret", None),
        ("POST", "/api/v1/deliveries/{delivery}/resend", None),
        ("POST", "/api/v1/webhooks/{subscription}/resend", {"since": "2026-01-01"}),
    ],
)
async def test_a_receiver_that_failed_is_tried_at_once_by_hand(
    service: Service, client: aiohttp.ClientSession, method: str, path: str, body: object
) -> None:
    subscription_id, tries = await _subscribe(client), 0
    if path.endswith("/resend"):
        tries = 1
        id_ = await _deliver(service, subscription_id)
        await _until_failed(client, id_, tries)
    await _open_circuit(service, f"subscription:{subscription_id}")
    if not tries:
        id_ = await _deliver(service, subscription_id)
    async with client.patch(f"/api/v1/webhooks/{subscription_id}", json={"description": "CRM"}) as answer:
        assert answer.status == 200
    assert (await _show(client, id_))["attempts"] == tries
    async with client.request(method, path.format(subscription=subscription_id, delivery=id_), json=body) as answer:
        assert answer.status == 200, await answer.text()
    await _until_tried(client, id_, tries + 1)


async def test_deleting_a_subscription_cancels_its_deliveries(service: Service, client: aiohttp.ClientSession) -> None:
    subscription_id = await _subscribe(client)
    await _open_circuit(service, f"subscription:{subscription_id}")
    id_ = await _deliver(service, subscription_id)
    async with client.delete(f"/api/v1/webhooks/{subscription_id}") as answer:
        assert answer.status == 204
    found = await _show(client, id_)
    assert (found["state"], found["error"]) == ("cancelled", "The subscription was deleted.")
    assert found["finished_at"]
    with service.stack.database() as database:
        known = "SELECT FROM endpoints WHERE endpoint = %s"
        assert database.execute(known, (f"subscription:{subscription_id}",)).fetchall() == []


async def test_a_disabled_subscription_is_sent_nothing_again(client: aiohttp.ClientSession) -> None:
    id_ = await _subscribe(client)
    async with client.patch(f"/api/v1/webhooks/{id_}", json={"is_active": False}) as answer:
        assert answer.status == 200
    async with client.post(f"/api/v1/webhooks/{id_}/resend", json={"since": "2026-01-01"}) as answer:
        assert answer.status == 409


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/deliveries/999999", None, 404),
        ("POST", "/api/v1/deliveries/999999/resend", None, 404),
        ("GET", "/api/v1/webhooks/999999/deliveries", None, 404),
        ("POST", "/api/v1/webhooks/999999/resend", {"since": "2026-01-01"}, 404),
        ("POST", "/api/v1/webhooks/999999/resend", {}, 422),
        ("GET", "/api/v1/deliveries?state=lost", None, 422),
        ("GET", "/api/v1/deliveries?lead_id=x", None, 422),
        ("POST", "/api/v1/suppressions", {}, 422),
        ("POST", "/api/v1/suppressions", {"email": "nobody"}, 422),
        ("DELETE", "/api/v1/suppressions/999999", None, 404),
    ],
)
async def test_delivery_routes_refuse_unknown_ids_and_impossible_requests(
    client: aiohttp.ClientSession, method: str, path: str, body: object, status: int
) -> None:
    async with client.request(method, path, json=body) as answer:
        assert answer.status == status, await answer.text()


async def test_suppressions_are_created_listed_and_deleted(client: aiohttp.ClientSession) -> None:
    body = {"email": " Stop@Example.com", "note": " asked by phone "}
    async with client.post("/api/v1/suppressions", json=body) as answer:
        assert answer.status == 201
        made = (await answer.json())["data"]
        assert (made["email"], made["reason"], made["note"]) == ("stop@example.com", "manual", "asked by phone")
        assert made["created_by"]["kind"] == "key"
    async with client.post("/api/v1/suppressions", json={"email": "x@example.com", "note": "x" * 201}) as answer:
        assert answer.status == 422
    async with client.post("/api/v1/suppressions", json={"email": "stop@example.com"}) as answer:
        assert answer.status == 422
    async with client.get("/api/v1/suppressions") as answer:
        assert made in (await answer.json())["data"]
    async with client.delete(f"/api/v1/suppressions/{made['id']}") as answer:
        assert answer.status == 204


async def test_a_link_unsubscribes_by_its_button_and_not_by_being_looked_at(
    service: Service, client: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    settings = Settings(data_dir=service.stack.folder)
    async with connect(service.stack.database_url, "tests") as connection:
        workspace = await workspace_id(connection)
        keys = await workspace_mail_keys(connection, Cipher.from_settings(settings), [workspace])
    link = unsubscribe_links.unsubscribe_link(
        settings, keys[workspace], UnsubscribeTarget(workspace, "gone@example.com")
    )
    path = unsubscribe_links.UNSUBSCRIBE_PATH + link.rpartition(unsubscribe_links.UNSUBSCRIBE_PATH)[2]
    async with nobody.get(path) as answer:
        assert answer.status == 200
        assert "<form" in await answer.text()
    assert "gone@example.com" not in await _suppressed(client)
    for _ in range(2):
        async with nobody.post(path, data={"List-Unsubscribe": "One-Click"}) as answer:
            assert answer.status == 200
    assert "gone@example.com" in await _suppressed(client)
    for wrong in (path[:-2], "/u/x", "/u/%00", f"{path}A", "/u/" + "A" * 3000):
        async with nobody.post(wrong) as answer:
            assert answer.status == 404, wrong


async def _suppressed(client: aiohttp.ClientSession) -> list[str]:
    async with client.get("/api/v1/suppressions?per_page=100") as answer:
        return [one["email"] for one in (await answer.json())["data"]]
