"""A form that is sent twice at once makes one record, and both presses come to the same page."""

import asyncio
import re
import secrets
import string

from playwright.async_api import Browser

from services.console.app import CONSOLE_ROUTES
from services.console.web.single_answer import ANSWERED_ONCE
from shared.service_app.audit import AUDITED_ACTION
from tests.support.console import ConsoleClient, Reader, needs_chromium, watched_page
from tests.support.stack import Stack
from tests.support.waiting import until

WEBHOOKS = "/console/main/webhooks"
MAKING = ("created", "invited", "logged")
# The same form first tries a file, then imports it. Each of both happens once: the import has a state.
OTHERWISE_GUARDED = {"/console/{workspace}/import/{id}/run"}
COUNT_WEBHOOKS = "SELECT count(*) FROM webhook_subscriptions WHERE description = %s"
COUNT_ENTRIES = "SELECT count(*) FROM audit_log WHERE action = 'webhook.created' AND after->>'description' = %s"
COUNT_LEADS = "SELECT count(*) FROM leads WHERE last_name = %s"


def count(stack: Stack, statement: str, value: str) -> int:
    with stack.database() as database:
        [(found,)] = database.execute(statement, (value,)).fetchall()
        return int(found)


def new_name() -> str:
    """A name without digits: the audit log hides what may be a phone number."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(12))


def webhook_form(description: str) -> dict[str, str]:
    """A receiver of what happens in no other test."""
    return {"url": "https://hooks.example.com/twice", "events": "lead.unmerged", "description": description}


def test_every_form_that_makes_a_record_is_answered_once() -> None:
    making = [route for route in CONSOLE_ROUTES if getattr(route.handler, AUDITED_ACTION, "").endswith(MAKING)]
    assert len(making) > 20
    assert {route.path for route in making if not hasattr(route.handler, ANSWERED_ONCE)} == OTHERWISE_GUARDED


async def test_presses_at_once_make_one_record(client: ConsoleClient, shared_stack: Stack) -> None:
    name = new_name()
    answers = await asyncio.gather(*(client.post(WEBHOOKS, webhook_form(name)) for _ in range(3)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1  # with the secret, which each press shows
    again = await client.post(WEBHOOKS, webhook_form(name))  # as soon as the answer came
    assert again.text == answers[0].text
    assert count(shared_stack, COUNT_WEBHOOKS, name) == 1
    other = await client.post(WEBHOOKS, webhook_form(f"{name}-other"))
    assert (other.status, other.text == again.text) == (200, False)
    until(lambda: count(shared_stack, COUNT_ENTRIES, f"{name}-other") == 1, what="the audit entry")
    assert count(shared_stack, COUNT_ENTRIES, name) == 1


async def test_form_after_something_else_is_a_new_one(client: ConsoleClient, shared_stack: Stack) -> None:
    name = new_name()
    assert (await client.post(WEBHOOKS, webhook_form(name))).status == 200
    assert (await client.post("/console/me/preferences", {"theme": "light"})).status == 303
    assert (await client.post(WEBHOOKS, webhook_form(name))).status == 200
    assert count(shared_stack, COUNT_WEBHOOKS, name) == 2


async def test_refused_form_is_read_again(client: ConsoleClient) -> None:
    form = webhook_form("refused") | {"url": "no address"}
    assert [(await client.post(WEBHOOKS, form)).status for _ in range(2)] == [422, 422]


@needs_chromium
async def test_double_click_makes_one_lead(browser: Browser, readers: dict[str, Reader], shared_stack: Stack) -> None:
    name = new_name()
    async with watched_page(browser, shared_stack.base, readers["admin"].email) as watched:
        page = watched.page
        await watched.open("/console/main/leads/new")
        await page.get_by_label("Last name").fill(name)
        await page.get_by_role("button", name="Save").dblclick()
        await page.wait_for_url(re.compile(r"/leads/\d+$"))
        assert count(shared_stack, COUNT_LEADS, name) == 1
