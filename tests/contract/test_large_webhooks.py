"""Large webhooks: how many items and bytes a provider's request may have."""

import json
import secrets
from typing import Any

import aiohttp

from tests.contract.service import new_email
from tests.contract.webhook_posts import post, submissions_of
from tests.contract.workspaces import Workspace
from tests.support.provider_requests import MULTIPART, multipart
from tests.support.waiting import until_async


async def make_generic(ours: Workspace, **settings: Any) -> dict[str, Any]:
    return await ours.make("/integrations", {"type": "webhook", "name": "Our shop", "settings": settings})


async def test_body_of_a_thousand_items_is_taken_and_one_more_is_refused_whole(
    ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    integration = await make_generic(ours)
    people = [{"email": new_email(), "event_id": secrets.token_hex(8), "notes": "x" * 500} for _ in range(1001)]
    json_type = {"Content-Type": "application/json"}
    refused = await post(provider, integration, json.dumps(people).encode(), **json_type)
    assert (refused.status, refused.code) == (413, "PAYLOAD_TOO_LARGE")
    assert "at most 1,000 items in a request" in refused.body["message"]
    assert (await ours.ask("GET", f"/submissions?channel=integration:{integration['id']}")).body["data"] == []
    assert (await post(provider, integration, json.dumps(people[:1000]).encode(), **json_type)).status == 200

    async def are_stored() -> bool:
        listed = await ours.ask("GET", f"/submissions?channel=integration:{integration['id']}&state=done&per_page=1")
        return bool(listed.body["meta"]["total"] == 1000)

    await until_async(are_stored, 30, "the thousand items")
    tried = await ours.ask("POST", f"/integrations/{integration['id']}/try", {"body": [{"email": "a@b.cc"}] * 1001})
    assert (tried.status, tried.body["data"]["items"]) == (200, [])
    assert "more than 1,000 items" in tried.body["data"]["problem"]


async def test_items_of_nothing_cost_no_more_than_the_limit(ours: Workspace, provider: aiohttp.ClientSession) -> None:
    integration = await make_generic(ours)
    body = b"[{}," + b"1," * 400_000 + b'{"email":"a@b.cc"}]'
    refused = await post(provider, integration, body, **{"Content-Type": "application/json"})
    assert (refused.status, refused.code) == (413, "PAYLOAD_TOO_LARGE")


async def test_mails_may_be_larger_than_other_webhooks(ours: Workspace, provider: aiohttp.ClientSession) -> None:
    body = b'{"email": "a@b.cc", "notes": "' + b"x" * (1 << 20) + b'"}'
    refused = await post(provider, await make_generic(ours), body, **{"Content-Type": "application/json"})
    assert (refused.status, refused.code) == (413, "PAYLOAD_TOO_LARGE")
    assert "at most 1048576 bytes" in refused.body["message"]
    assert "in further requests" in refused.body["message"]
    mailbox = await ours.make("/integrations", {"type": "sendgrid", "name": "Inbox", "credentials": {}})
    parts = (("from", "Ada <ada@example.com>", ""), ("text", "Hello", ""), ("attachment1", "x" * (3 << 20), "plan.pdf"))
    answer = await post(provider, mailbox, multipart(*parts), **{"Content-Type": MULTIPART})
    assert answer.status == 200
    [mail] = await submissions_of(ours, mailbox, 1)
    assert mail["state"] == "done"
