"""The page of outgoing webhooks: made, tried, failed and sent again, secrets that are renewed, and who sees what."""

import html
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, expect
from standardwebhooks import Webhook

from shared import workspaces
from shared.platform.db.connections import connect
from tests.support.console import (
    ConsoleClient,
    Reader,
    Shown,
    console_client,
    make_readers,
    needs_chromium,
    post_leads,
    watched_page,
)
from tests.support.console_routes import make_webhook
from tests.support.receivers import Receiver, is_verified, receiving
from tests.support.stack import Stack, running_stack
from tests.support.waiting import until_async

PAGE = "/console/main/webhooks"
HOSTILE = '<img src=x onerror="alert(1)">\u202e'
ABSENT = 2**40
COUNT_STATE = "SELECT count(*) FROM deliveries WHERE subscription_id = %s AND state = %s"
EVENTS_OF = "SELECT url, events, description FROM webhook_subscriptions WHERE id = %s"
FILTERS_OF = "SELECT filters FROM webhook_subscriptions WHERE id = %s"
FIRST_STAGE = "SELECT id, name FROM pipeline_stages ORDER BY id LIMIT 1"
ADD_WAITING = """
INSERT INTO deliveries (workspace_id, message_id, kind, event, subscription_id, endpoint, payload, due_at)
SELECT s.workspace_id, 'msg_many' || n, 'webhook', 'lead.created', s.id, 'subscription:' || s.id, '{}',
       now() + interval '1 hour'
FROM webhook_subscriptions s, generate_series(1, %(n)s) n WHERE s.id = %(id)s
"""
# A receiver without slots gets nothing.
HOLD = """
INSERT INTO endpoints (workspace_id, endpoint, slots)
SELECT workspace_id, %s, 0 FROM webhook_subscriptions WHERE id = %s
"""
CAUSE_OF = "SELECT cause_id FROM deliveries WHERE subscription_id = %s"
AUDITED = "SELECT action FROM audit_log WHERE action LIKE 'webhook.%' ORDER BY id"
COUNTS_OF = """
SELECT action, count FROM audit_log WHERE object_kind = 'webhook' AND object_id = %s AND count IS NOT NULL ORDER BY id
"""


@pytest.fixture(scope="module")
def open_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A LeadHub whose operator allows receivers on this machine."""
    with running_stack(tmp_path_factory.mktemp("webhooks"), {"LEADHUB_ALLOWED_TARGETS": "127.0.0.1"}) as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def people(open_stack: Stack) -> dict[str, Reader]:
    return await make_readers(open_stack.database_url)


@pytest_asyncio.fixture
async def manager(open_stack: Stack, people: dict[str, Reader]) -> AsyncIterator[ConsoleClient]:
    async with console_client(open_stack.base, people["manager"].email) as client:
        yield client


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


def rows(stack: Stack, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with stack.database() as database:
        return database.execute(statement, values or None).fetchall()


def count(stack: Stack, webhook_id: int, state: str) -> int:
    return int(rows(stack, COUNT_STATE, webhook_id, state)[0][0])


def hold_deliveries(stack: Stack, webhook_id: int) -> None:
    """Have nothing sent to a receiver: what is being sent is not cancelled."""
    with stack.database() as database:
        database.execute(HOLD, (f"subscription:{webhook_id}", webhook_id))


def hidden(shown: Shown, name: str) -> str:
    found = re.search(rf'name="{name}" value="(\d*)"', shown.text)
    assert found, html.unescape(shown.text)[-3000:]
    return found[1]


async def take_secret(page: Page) -> str:
    secret = (await page.inner_text("#made-secret")).strip()
    assert Webhook(secret)
    await page.check(".panel footer .box")
    await page.click(".panel footer button")
    await expect(page.locator("#made-secret")).to_have_count(0)
    return secret


async def send_test(page: Page, event: str) -> None:
    await page.click("text=Send a test event…")
    await page.select_option("#event", event)
    await page.click(".veil footer button")
    await expect(page.locator("tr.open .name")).to_have_text(event)


@needs_chromium
async def test_receiver_is_made_tried_and_fails_and_its_secret_is_renewed(
    open_stack: Stack, people: dict[str, Reader], receiver: Receiver, browser: Browser
) -> None:
    async with watched_page(browser, open_stack.base, people["manager"].email) as watched:
        page = watched.page
        await watched.open(PAGE)
        await page.click("text=Add the first receiver")
        await page.fill("#url", f"{receiver.url}/hook?token=abc")
        await page.check("input[name=events][value='tag.added']")
        await page.fill("#description", HOSTILE)
        await page.click("main form footer button")
        first_secret = await take_secret(page)
        await send_test(page, "tag.added")
        await expect(page.locator("tr.open .state.done")).to_have_text("200")
        [came] = receiver.requests
        assert (came.path, came.body["test"], came.body["lead"]["id"]) == ("/hook?token=abc", True, 0)
        assert is_verified(first_secret, came)
        assert not is_verified("whsec_" + "A" * 44, came)

        await page.click("summary[aria-label^=More]")
        await page.click("text=Renew the secret…")
        await page.fill("#hours", "3")
        await page.click(".veil footer button")
        second_secret = (await page.inner_text("#made-secret")).strip()
        await expect(page).to_have_url(re.compile(rf"{PAGE}/\d+$"))
        await page.reload()  # shows the page, and renews nothing again
        await expect(page.locator("#made-secret")).to_have_count(0)
        receiver.answer = lambda _: web.Response(status=503, text="the <b>queue</b> is full")
        await send_test(page, "lead.created")
        await expect(page.locator("tr.open .state.waiting")).to_contain_text("503, again")
        await expect(page.locator("tr.more")).to_contain_text("the <b>queue</b> is full")
        assert all(is_verified(secret, receiver.requests[1]) for secret in (first_secret, second_secret))

        receiver.status(204)
        await page.click("tr.open button")
        await expect(page.locator("tr.open .state.done")).to_have_text("204")
        assert len({one.headers["webhook-id"] for one in receiver.requests[1:]}) == 1
        assert await watched.excess_width() <= 0
        assert watched.faults == []
    actions = [("webhook.created",), ("webhook.send_test",), ("webhook.rotate_secret",), ("webhook.send_test",)]
    await until_async(lambda: rows(open_stack, AUDITED) == actions, what="the audit entries")


async def test_secret_that_somebody_knows_ends_at_once(
    open_stack: Stack, manager: ConsoleClient, receiver: Receiver
) -> None:
    made = make_webhook(open_stack, url=receiver.url)
    path = f"{PAGE}/{made['id']}"
    for hours in ("-1", "169", "x", "1.5", "9" * 30):
        refused = await manager.post(f"{path}/secret", {"hours": hours})
        assert (refused.status, "A whole number from 0 to 168" in refused.text) == (422, True)
    renewed = await manager.post(f"{path}/secret", {"hours": "0"})
    found = re.search(r"whsec_[\w+/=]+", html.unescape(renewed.text))
    assert found
    assert "whsec_" not in (await manager.get(path)).text
    assert (await manager.post(f"{path}/test", {"event": "*"})).status == 303
    await until_async(lambda: bool(receiver.requests), what="the test event")
    assert [is_verified(secret, receiver.requests[0]) for secret in (made["secret"], found[0])] == [False, True]


async def test_form_refuses_what_cannot_be_an_address_and_keeps_hostile_texts(
    open_stack: Stack, manager: ConsoleClient
) -> None:
    good = {"url": "https://crm.example.com/h?<b>=\"'", "events": "lead.created", "description": HOSTILE}
    for url in ("", "x", "javascript:alert(1)", "http://a:b@x.example", "http://[::1", "http://10.1.2.3/", "h\0://x"):
        refused = await manager.post(PAGE, {**good, "url": url})
        assert (refused.status, "url-problem" in refused.text) == (422, True), url
    private = await manager.post(PAGE, {**good, "url": "http://169.254.169.254/latest"})
    assert "This is a private address" in private.text
    for wrong in ({"events": ""}, {"events": "lead.eaten"}, {"description": "x" * 10_001}, {"url": "https://x/" * 999}):
        assert (await manager.post(PAGE, {**good, **wrong})).status == 422, wrong
    made = await manager.post(PAGE, good)
    assert (made.status, "<img" in made.text, "whsec_" in made.text) == (200, False, True)
    with open_stack.database() as database:
        [(webhook_id,)] = database.execute("SELECT max(id) FROM webhook_subscriptions").fetchall()
        assert database.execute(EVENTS_OF, (webhook_id,)).fetchone() == (good["url"], ["lead.created"], HOSTILE)
        changed = {"url": "https://crm.example.com/new", "all": "1", "events": "tag.added", "description": " "}
        assert (await manager.post(f"{PAGE}/{webhook_id}", changed)).status == 303
        assert database.execute(EVENTS_OF, (webhook_id,)).fetchone() == (changed["url"], ["*"], None)
        assert database.execute(FILTERS_OF, (webhook_id,)).fetchone() == (None,)
        [(stage, name)] = database.execute(FIRST_STAGE).fetchall()
    narrow = {"sources": f" fair, {HOSTILE} ,", "tag": "vip", "stage_id": str(stage), "form_id": ""}
    for wrong in (
        {"stage_id": str(ABSENT)},
        {"form_id": "x"},
        {"form_id": "9" * 40},
        {"tag": "x" * 256},
        {"tag": "\0"},
    ):
        refused = await manager.post(f"{PAGE}/{webhook_id}", {**changed, **narrow, **wrong})
        assert (refused.status, "filters-problem" in refused.text) == (422, True), wrong
    assert (await manager.post(f"{PAGE}/{webhook_id}", {**changed, **narrow})).status == 303
    shown = html.unescape((await manager.get(f"{PAGE}/{webhook_id}")).text)
    assert all(text in shown for text in ("the source is", "fair · ", "the tag is", f"{name}</bdi>"))
    with open_stack.database() as database:
        stored = {"sources": ["fair", HOSTILE], "tag": "vip", "stage_id": stage}
        assert database.execute(FILTERS_OF, (webhook_id,)).fetchone() == (stored,)
    assert "<img" not in (await manager.get(PAGE)).text
    for query in ("delivery=x", f"delivery={ABSENT}", "before=-1", "delivery=" + "9" * 400):
        assert (await manager.get(f"{PAGE}/{webhook_id}?{query}")).status == 404, query[:30]
    for query in ("state=%00", "ask=%00", "state=failed&before=1", "before="):
        assert (await manager.get(f"{PAGE}/{webhook_id}?{query}")).status == 200, query


async def test_questions_count_what_waits_up_to_a_bound(open_stack: Stack, manager: ConsoleClient) -> None:
    webhook_id = int(make_webhook(open_stack, url="http://127.0.0.1:9/never", events=["lead.created"])["id"])
    path = f"{PAGE}/{webhook_id}"
    with open_stack.database() as database:
        database.execute(ADD_WAITING, {"id": webhook_id, "n": 10_003})
    for asked in ("cancel", "delete"):
        question = await manager.get(f"{path}?ask={asked}")
        assert "More than 10,000 deliveries" in question.text
        assert hidden(question, "confirmed") == "10000"
    form = {"confirmed": "10000", "last": hidden(await manager.get(f"{path}?ask=cancel"), "last"), "typed": "10000"}
    assert (await manager.post(f"{path}/cancel", form)).status == 303
    await until_async(lambda: count(open_stack, webhook_id, "pending") == 0, what="all are cancelled")
    assert (await manager.post(f"{path}/delete", {"confirmed": "0", "typed": ""})).status == 303


async def test_what_waits_is_cancelled_and_deleted_by_its_number(
    open_stack: Stack, manager: ConsoleClient, receiver: Receiver
) -> None:
    webhook_id = int(make_webhook(open_stack, url=receiver.url, events=["lead.created"])["id"])
    hold_deliveries(open_stack, webhook_id)
    path = f"{PAGE}/{webhook_id}"
    await post_leads(open_stack, [{"email": f"w{n}@example.com"} for n in range(3)])
    await until_async(lambda: count(open_stack, webhook_id, "pending") == 3, what="three that wait")
    asked = await manager.get(f"{path}?ask=cancel")
    assert "3 deliveries wait and will not be sent" in asked.text
    form = {"confirmed": hidden(asked, "confirmed"), "last": hidden(asked, "last")}
    assert (await manager.post(f"{path}/cancel", {**form, "typed": "2"})).status == 422
    await post_leads(open_stack, [{"email": "later@example.com"}])
    await until_async(lambda: count(open_stack, webhook_id, "pending") == 4, what="one that came later")
    for made_up in ({"confirmed": "1", "typed": "1"}, {"confirmed": "", "typed": ""}):
        refused = await manager.post(f"{path}/cancel", {**made_up, "last": "9" * 18})
        assert (refused.status, "Deliveries wait by now" in refused.text) == (422, True), made_up
    assert count(open_stack, webhook_id, "pending") == 4
    assert (await manager.post(f"{path}/cancel", {**form, "typed": "3"})).status == 303
    assert [count(open_stack, webhook_id, state) for state in ("pending", "cancelled")] == [1, 3]

    since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    again = await manager.get(f"{path}/again?since={since}&which=cancelled")
    assert again.status == 303
    assert "3 deliveries" in html.unescape((await manager.get(again.location)).text)
    assert (await manager.get(f"{path}/again?since=never&which=failed")).location == f"{path}#again"

    asked = await manager.get(f"{path}?ask=delete")
    for typed in ("", "3", "11"):
        refused = await manager.post(f"{path}/delete", {"confirmed": hidden(asked, "confirmed"), "typed": typed})
        assert refused.status == 422
    assert (await manager.post(f"{path}/delete", {"confirmed": "0", "typed": ""})).status == 422
    await post_leads(open_stack, [{"email": "latest@example.com"}])
    await until_async(lambda: count(open_stack, webhook_id, "pending") == 2, what="one more than was told of")
    stale = await manager.post(f"{path}/delete", {"confirmed": "1", "typed": "1"})
    assert (stale.status, "Deliveries wait by now" in stale.text) == (422, True)
    assert "2 deliveries that wait are cancelled." in stale.text
    assert (await manager.post(f"{path}/delete", {"confirmed": "2", "typed": "2"})).status == 303
    counts = [("webhook.cancel_waiting", 3), ("webhook.deleted", 2)]
    await until_async(lambda: rows(open_stack, COUNTS_OF, str(webhook_id)) == counts, what="entries of the audit log")
    assert ((await manager.get(path)).status, count(open_stack, webhook_id, "pending")) == (404, 0)


async def test_receiver_that_wants_no_more_is_off_with_its_reason_until_switched_on(
    open_stack: Stack, manager: ConsoleClient, receiver: Receiver
) -> None:
    receiver.status(410)
    webhook_id = int(make_webhook(open_stack, url=receiver.url)["id"])
    path = f"{PAGE}/{webhook_id}"
    sent = await manager.post(f"{path}/test", {"event": "source.silent"})
    await until_async(lambda: count(open_stack, webhook_id, "failed") == 1, what="the end of the webhook")
    shown = (await manager.get(path)).text
    assert "The receiver answered 410: it wants no more." in shown
    assert f"{path}?ask=test" not in shown
    delivery = re.search(r"delivery=(\d+)", sent.location)
    assert delivery
    with open_stack.database() as database:
        [(cause,)] = database.execute(CAUSE_OF, (webhook_id,)).fetchall()

    async def is_under_its_cause() -> bool:
        return f"{path}?delivery={delivery[1]}" in (await manager.get(f"/console/main/dead-letters?cause={cause}")).text

    await until_async(is_under_its_cause, what="the fold of the causes")
    for url in (f"{path}/test", f"{path}/deliveries/{delivery[1]}/resend"):
        refused = await manager.post(url, {"event": "lead.created"})
        assert (refused.status, len(receiver.requests)) == (303, 1)
    receiver.status(200)
    assert (await manager.post(f"{path}/switch", {"on": "1"})).status == 303
    assert (await manager.post(f"{path}/deliveries/{delivery[1]}/resend")).status == 303
    await until_async(lambda: count(open_stack, webhook_id, "sent") == 1, what="the delivery that was sent again")


async def test_roles_see_what_they_may_and_other_workspaces_nothing(
    open_stack: Stack, people: dict[str, Reader], manager: ConsoleClient, receiver: Receiver
) -> None:
    receiver.answer = lambda _: web.json_response({"email": "ada@example.com"})
    webhook_id = int(make_webhook(open_stack, url=f"{receiver.url}/a-secret-path")["id"])
    path = f"{PAGE}/{webhook_id}"
    opened = (await manager.post(f"{path}/test", {"event": "lead.created"})).location
    await until_async(lambda: count(open_stack, webhook_id, "sent") == 1, what="the test event")
    delivery_id = opened.rpartition("=")[2]
    posts = {
        "": {"url": "https://x.example", "events": "*"},
        "/switch": {},
        "/secret": {"hours": "0"},
        "/test": {},
        "/cancel": {"confirmed": "0"},
        "/delete": {"confirmed": "0"},
        f"/deliveries/{delivery_id}/resend": {},
    }
    sees_body = {"manager": True, "agent": True, "read_only": False}
    for role, sees in sees_body.items():
        async with console_client(open_stack.base, people[role].email) as client:
            text = html.unescape((await client.get(opened)).text)
            assert ("test@example.com" in text, "ada@example.com" in text) == (sees, sees), role
            assert ("a-secret-path" in text) == (role == "manager")
            if role != "manager":
                assert {(await client.post(f"{path}{below}", form)).status for below, form in posts.items()} == {403}
                assert (await client.get(f"{path}/edit")).status == 403
                assert "Send again" not in text
    async with connect(open_stack.database_url, "tests") as connection, connection.transaction():
        await workspaces.create_workspace(connection, "theirs", "Theirs")
    async with console_client(open_stack.base, people["operator"].email) as operator:
        foreign = f"/console/theirs/webhooks/{webhook_id}"
        gets = ["", "/live", "/edit", "/again", f"?delivery={delivery_id}"]
        assert {(await operator.get(foreign + below)).status for below in gets} == {404}
        assert {(await operator.post(foreign + below, form)).status for below, form in posts.items()} == {404}
        other = int(make_webhook(open_stack)["id"])
        assert (await operator.get(f"{PAGE}/{other}?delivery={delivery_id}")).status == 404
        assert (await operator.post(f"{PAGE}/{other}/deliveries/{delivery_id}/resend")).status == 404
    async with console_client(open_stack.base, people["stranger"].email) as stranger:
        assert (await stranger.get(path)).status == 404
    assert count(open_stack, webhook_id, "sent") == 1
