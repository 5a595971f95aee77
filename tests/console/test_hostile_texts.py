"""Texts that try to become scripts, markup or templates, in every field that strangers fill in."""

from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser
from yarl import URL

from shared.auth.passwords import PasswordHashing
from shared.db.connections import connect
from tests.support.console import (
    PASSWORD,
    Reader,
    console_client,
    make_account,
    make_failed,
    needs_chromium,
    post_leads,
    watched_page,
)
from tests.support.console_routes import PAGE_ROUTES, example_path
from tests.support.stack import Stack

pytestmark = needs_chromium

MARK = "window.hostileTextRan=1"
MADE_OF_TEXTS = "[onerror], [onload], [onfocus], iframe:not([data-source])"  # the builder's preview has a source
PAYLOADS = (
    f"<script>{MARK}</script>",
    f"</script><script>{MARK}</script>",
    f'"><img src=x onerror={MARK}>',
    f"' autofocus onfocus='{MARK}' x='",
    f"javascript:{MARK}//",
    f"<svg/onload={MARK}>",
    f"<iframe srcdoc='<script>parent.{MARK}</script>'>",
    f"--><script>{MARK}</script><!--",
    "{{7*7}} {% raw %} ${7*7} #{7*7}",
    "%(n)s %s %d {0} {name}",
    "\u202egnp.exe\u2066 \u200f\u061c",
    "<a href='//evil.test' hx-get='/console/' hx-trigger=load>x</a>",
    "W" * 200,
    "w" * 10_000,
)


def hostile_lead(number: int, text: str) -> dict[str, object]:
    return {
        "email": f"hostile{number}@example.com",
        **dict.fromkeys(("first_name", "last_name", "city", "title"), text[:100]),
        "company": text[:200],
        "notes": text,
        "source": text[:100],
        "tags": [text[:50]],
        "custom_fields": {text[:60]: text},
    }


@pytest.fixture(scope="module")
def hostile_name() -> str:
    return PAYLOADS[2][:100]


async def fill(stack: Stack, name: str) -> str:
    """Bring the texts in by every door; the e-mail address of an admin and operator who has such a name."""
    await post_leads(stack, [hostile_lead(number, text) for number, text in enumerate(PAYLOADS)])
    for number, text in enumerate(PAYLOADS):
        make_failed(stack, "quarantined" if number % 2 else "dead", **hostile_lead(number, text))
    email = "hostile-admin@console.example"
    password_hash = await PasswordHashing().hash_password(PASSWORD)
    async with connect(stack.database_url, "tests") as connection:
        more = {"name": name, "password_hash": password_hash, "is_operator": True}
        await make_account(connection, "main", email, "admin", **more)
    async with aiohttp.ClientSession(stack.base, headers=stack.headers) as session:
        for text in PAYLOADS[:8]:
            async with session.post("/api/v1/api-keys", json={"name": text[:100], "scopes": ["read:leads"]}) as answer:
                assert answer.status in (201, 422), await answer.text()
    await fill_sources(stack)
    async with console_client(stack.base, email, **{"User-Agent": PAYLOADS[0]}) as client:
        form = {"reason": f"{PAYLOADS[0]} {PAYLOADS[2]} {'W' * 200}", "until": "15"}
        assert (await client.post("/console/main/queues/deliveries/pause", form)).status == 303
    return email


async def fill_sources(stack: Stack) -> None:
    """Sources with such names and settings; what came to the last one is on its page and beside its mapping."""
    made: dict[str, Any] = {}
    async with aiohttp.ClientSession(headers=stack.headers) as session:
        for text in PAYLOADS[:-1]:
            settings = {"source": text[:100], "tags": [text[:50]], "event_id": "$.id", "mapping": {"notes": "$.note"}}
            body = {"type": "webhook", "name": text[:200], "settings": settings}
            async with session.post(f"{stack.base}/api/v1/integrations", json=body) as answer:
                made = (await answer.json())["data"] if answer.status == 201 else made
        address = URL(made["webhook_url"]).path
        for number, text in enumerate(PAYLOADS):
            lead = {
                "id": number,
                "email": f"hook{number}@example.com",
                "name": text[:100],
                text[:80]: text,
                "note": text,
            }
            async with session.post(stack.base + address, json=lead) as answer:
                assert answer.status == 200, await answer.text()


async def test_nothing_of_a_hostile_text_runs_on_any_page(
    browser: Browser, shared_stack: Stack, readers: dict[str, Reader], hostile_name: str
) -> None:
    email = await fill(shared_stack, hostile_name)
    faults: list[str] = []
    async with watched_page(browser, shared_stack.base, email) as watched:
        try:
            for route in PAGE_ROUTES:
                path = example_path(route, shared_stack)
                answer = await watched.page.request.get(shared_stack.base + path)
                if not answer.headers.get("content-type", "").startswith("text/html"):
                    continue
                if "attachment" in answer.headers.get("content-disposition", ""):
                    continue
                for width in (1440, 390):
                    await watched.page.set_viewport_size({"width": width, "height": 900})
                    await watched.open(path)
                    if await watched.page.evaluate("window.hostileTextRan") is not None:
                        faults.append(f"{path}: the text ran")
                    if await watched.page.locator(MADE_OF_TEXTS).count():
                        faults.append(f"{path}: the text is markup")
                    if (excess := await watched.excess_width()) > 0:
                        faults.append(f"{path}: {excess} px too wide at {width}")
        finally:
            async with console_client(shared_stack.base, email) as client:
                await client.post("/console/main/queues/deliveries/resume")
        assert faults + watched.faults == []


@pytest.mark.parametrize("text", PAYLOADS[:6] + PAYLOADS[8:10])
async def test_what_a_form_gives_back_is_text(
    shared_stack: Stack, readers: dict[str, Reader], browser: Browser, text: str
) -> None:
    """A form that is refused shows what was typed; so do searches and addresses that do not exist."""
    async with watched_page(browser, shared_stack.base) as watched:
        await watched.open("/console/sign-in?next=" + text)
        await watched.page.evaluate("document.querySelector('form').noValidate = true")
        await watched.page.fill("input[name=password]", "wrong")
        await watched.page.locator("input[name=email]").evaluate("(field, text) => { field.value = text }", text)
        await watched.page.click("main form button[type=submit]")
        await watched.page.wait_for_load_state()
        assert await watched.page.evaluate("window.hostileTextRan") is None
        assert await watched.page.input_value("input[name=email]") == text.strip()
        assert [fault for fault in watched.faults if "Failed to load" not in fault] == []
    with shared_stack.database() as database:
        database.execute("DELETE FROM sign_in_failures")
