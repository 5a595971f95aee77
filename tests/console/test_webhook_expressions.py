"""Webhooks that fit: filters, bodies of one's own and rates, from an event to a receiver, and their form."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.contract.service import Service
from tests.contract.workspaces import Workspace, new_workspace
from tests.support.console import Reader, make_readers, needs_chromium, watched_page
from tests.support.receivers import Receiver, Request, is_verified, receiving
from tests.support.stack import Stack, running_stack
from tests.support.waiting import until_async

FORM = "/console/main/webhooks/new"
VIP_FILTER = '"vip" in lead.tags && lead.email.endsWith("@example.com")'
OWN_BODY = '{"who": lead.first_name, "event": event, "key": id, "tags": lead.tags.map(t, t.upperAscii())}'
BURST, INTERVAL_SECONDS = 2, 60 / 59  # of 60 a minute


@pytest.fixture(scope="module")
def open_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A LeadHub whose operator allows receivers on this machine."""
    with running_stack(tmp_path_factory.mktemp("expressions"), {"LEADHUB_ALLOWED_TARGETS": "127.0.0.1"}) as found:
        yield found


@pytest_asyncio.fixture
async def ours(open_stack: Stack) -> AsyncIterator[Workspace]:
    async with new_workspace(Service(open_stack)) as workspace:
        yield workspace


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


async def failed_delivery(ours: Workspace, webhook_id: int) -> dict[str, Any]:
    """The one delivery that failed, once there is one."""

    found: list[dict[str, Any]] = []

    async def has_failed() -> bool:
        answer = await ours.ask("GET", f"/webhooks/{webhook_id}/deliveries?state=failed")
        found.extend(answer.body["data"])
        return bool(found)

    await until_async(has_failed, what="a failed delivery")
    return found[0]


async def test_events_are_filtered_and_bodies_mapped_signed_mended_and_sent_again(
    ours: Workspace, receiver: Receiver
) -> None:
    hook = {"url": receiver.url, "events": ["lead.created"]}
    made = await ours.make("/webhooks", {**hook, "filter_expression": VIP_FILTER, "body_expression": OWN_BODY})
    path = f"/webhooks/{made['id']}"
    await ours.lead(first_name="Plain")
    await ours.lead(first_name="Ada", tags=["vip", "new"])
    await until_async(lambda: bool(receiver.requests), what="the lead that the filter lets pass")
    [came] = receiver.requests
    body = came.body
    assert sorted(body.pop("tags")) == ["NEW", "VIP"]
    assert body == {"who": "Ada", "event": "lead.created", "key": came.headers["webhook-id"]}
    assert is_verified(made["secret"], came)

    await ours.ask("PATCH", path, {"body_expression": '{"budget": lead.custom_fields.budget}'})
    await ours.lead(first_name="Grace", tags=["vip"])
    failed = await failed_delivery(ours, made["id"])
    told = "The body mapping gave no body. Line 1, character 31: There is no field budget in these values."
    assert failed["error"] == told
    assert (await ours.show(path))["is_active"]
    await ours.ask("PATCH", path, {"body_expression": '{"budget": null, "who": lead.first_name}'})
    assert (await ours.ask("POST", f"/deliveries/{failed['id']}/resend")).status == 200
    await until_async(lambda: len(receiver.requests) == 2, what="the delivery that was sent again")
    again = receiver.requests[1]
    assert again.body == {"budget": None, "who": "Grace"}
    assert is_verified(made["secret"], again)

    await ours.ask("PATCH", path, {"filter_expression": "lead.custom_fields.budget > 10"})
    await ours.lead(first_name="Nobody")

    async def shows_failure() -> bool:
        return bool((await ours.show(path))["filter_failures"])

    await until_async(shows_failure, what="the filter's failure")
    shown = await ours.show(path)
    assert (shown["filter_failures"], shown["filter_error"]) == (
        1,
        "Line 1, character 20: There is no field budget in these values.",
    )
    await ours.ask("PATCH", path, {"filter_expression": None})
    assert (await ours.show(path))["filter_error"] is None
    assert len(receiver.requests) == 2


async def test_a_rate_spreads_attempts_and_holds_nobody_else_back(ours: Workspace, receiver: Receiver) -> None:
    times: list[float] = []
    answer = receiver.answer

    def note(request: Request) -> Any:
        if request.path == "/slow":
            times.append(time.monotonic())
        return answer(request)

    receiver.answer = note
    slow = await ours.make(
        "/webhooks", {"url": f"{receiver.url}/slow", "events": ["lead.created"], "max_per_minute": 60}
    )
    await ours.make("/webhooks", {"url": f"{receiver.url}/quick", "events": ["lead.created"]})
    await asyncio.gather(*[ours.lead(first_name=f"Ada {number}") for number in range(6)])
    await until_async(
        lambda: sum(request.path == "/quick" for request in receiver.requests) == 6, what="all messages to the other"
    )
    assert len(times) < 6
    await until_async(lambda: len(times) == 6, what="all messages to the slow receiver")
    for first, began in enumerate(times):
        for count, ended in enumerate(times[first:], start=1):
            # A message may be under way for a moment longer than the one before it.
            assert count <= BURST + (ended - began + 0.3) / INTERVAL_SECONDS, times

    async def are_sent() -> bool:
        shown = (await ours.ask("GET", f"/webhooks/{slow['id']}/deliveries")).body["data"]
        return [(one["state"], one["attempts"]) for one in shown] == [("sent", 1)] * 6

    await until_async(are_sent, what="the record of all messages")


async def test_expressions_are_refused_with_their_place_and_previewed_on_what_happened(ours: Workspace) -> None:
    hook = {"url": "https://crm.example.com/hook", "events": ["lead.created"]}
    wrong = {"filter_expression": "lead.tags.exists(t,\n t = 1)", "body_expression": "{", "max_per_minute": 0}
    errors = await ours.errors("POST", "/webhooks", {**hook, **wrong})
    assert errors.keys() == wrong.keys()
    assert "Line 2, character 4" in errors["filter_expression"][0]
    made_up = (await ours.ask("POST", "/webhooks/preview", {"events": ["lead.created"]})).body["data"]
    assert (made_up["checked"], made_up["is_made_up"]) == (1, True)
    for number in range(3):
        await ours.lead(first_name=f"Ada {number}", tags=["vip"] if number else [])
    wanted = {"events": ["lead.created"], "filter_expression": '"vip" in lead.tags', "body_expression": OWN_BODY}

    async def preview() -> dict[str, Any]:
        found: dict[str, Any] = (await ours.ask("POST", "/webhooks/preview", wanted)).body["data"]
        return found

    async def sees_all() -> bool:
        return bool((await preview())["checked"] == 3)

    await until_async(sees_all, what="the events of three leads")
    found = await preview()
    assert (found["matching"], found["failing"], found["is_made_up"]) == (2, 0, False)
    assert [one["matches"] for one in found["events"]] == [True, True, False]
    assert found["bodies"][0]["body"]["who"] == "Ada 2"
    assert found["bodies"][0]["standard_body"]["lead"]["first_name"] == "Ada 2"


@needs_chromium
async def test_the_form_previews_on_the_last_events_and_says_where_it_is_wrong(
    open_stack: Stack, receiver: Receiver, browser: Browser
) -> None:
    people: dict[str, Reader] = await make_readers(open_stack.database_url)
    name = f"Ada {secrets.token_hex(4)}"
    async with Service(open_stack).client(open_stack.key) as session:
        lead = {"email": f"{secrets.token_hex(4)}@example.com", "first_name": name}
        async with session.post(open_stack.inbound, json=lead) as answer:
            assert answer.status in (201, 202)
    async with watched_page(browser, open_stack.base, people["manager"].email) as watched:
        page = watched.page
        await watched.open(FORM)
        await page.fill("#filter_expression", "lead.first_nam == ''")
        await page.focus("button[formaction$='/webhooks/preview']")
        await page.keyboard.press("Enter")
        await expect(page.locator("#filter_expression-problem")).to_contain_text("do you mean first_name?")
        await page.fill("#filter_expression", f'lead.first_name == "{name}"')
        await page.fill("#body_expression", '{"who": lead.first_name}')
        await page.click("button[formaction$='/webhooks/preview']")
        await expect(page.locator("#preview")).to_contain_text("1 of the last")
        await expect(page.locator("#filter_expression-problem")).to_have_count(0)
        await expect(page.locator("#preview .code-block").first).to_contain_text(name)
        await page.fill("#url", receiver.url)
        await page.fill("#max_per_minute", "30")
        await page.click("main form footer button")
        await expect(page.locator("#made-secret")).to_have_count(1)
        await expect(page.locator("dl.facts").first).to_contain_text("30 messages a minute")
        await expect(page).to_have_url(re.compile(r"/webhooks/\d+$"))
        await page.reload()  # asks for the page, and does not send the form again
        await expect(page.locator("#made-secret")).to_have_count(0)
        await page.click("text=Send a test event…")
        await page.click(".veil footer button")
        sent_body = page.get_by_role("region", name="Body of the request", exact=True)
        await expect(sent_body).to_contain_text('"who"')
        await expect(sent_body).not_to_contain_text("occurred_at")
        assert await watched.excess_width() <= 0
        assert watched.faults == []
    with open_stack.database() as database:
        made = database.execute("SELECT count(*) FROM webhook_subscriptions WHERE url = %s", (receiver.url,)).fetchone()
    assert made == (1,)
