"""Texts that try to become scripts, markup or templates, in every field that strangers fill in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from shared.auth.passwords import PasswordHashing
from shared.platform.db.connections import connect
from tests.support.console import PASSWORD, console_client, make_account, make_failed, post_leads
from tests.support.stack import Stack

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


async def bring_hostile_texts(stack: Stack) -> str:
    """Bring the texts in by every door; the e-mail address of an admin and operator who has such a name."""
    await post_leads(stack, [hostile_lead(number, text) for number, text in enumerate(PAYLOADS)])
    for number, text in enumerate(PAYLOADS):
        make_failed(stack, "quarantined" if number % 2 else "dead", **hostile_lead(number, text))
    email = "hostile-admin@console.example"
    password_hash = await PasswordHashing().hash_password(PASSWORD)
    async with connect(stack.database_url, "tests") as connection:
        more = {"name": PAYLOADS[2][:100], "password_hash": password_hash, "is_operator": True}
        await make_account(connection, "main", email, "admin", **more)
    async with aiohttp.ClientSession(stack.base, headers=stack.headers) as session:
        for text in PAYLOADS[:8]:
            async with session.post("/api/v1/api-keys", json={"name": text[:100], "scopes": ["read:leads"]}) as answer:
                assert answer.status in (201, 422), await answer.text()
    await bring_hostile_sources(stack)
    await bring_hostile_settings(stack)
    return email


@asynccontextmanager
async def paused_for_a_hostile_reason(stack: Stack, email: str) -> AsyncIterator[None]:
    """Deliveries are paused by somebody with a hostile browser, for such a reason."""
    async with console_client(stack.base, email, **{"User-Agent": PAYLOADS[0]}) as client:
        form = {"reason": f"{PAYLOADS[0]} {PAYLOADS[2]} {'W' * 200}", "until": "15"}
        assert (await client.post("/console/main/queues/deliveries/pause", form)).status == 303
        try:
            yield
        finally:
            await client.post("/console/main/queues/deliveries/resume")


async def bring_hostile_settings(stack: Stack) -> None:
    """Ad platforms with such names and events, and addresses that get no mail for such reasons."""
    credentials = {"dataset_id": "100200300", "access_token": "a-token-of-meta"}
    async with aiohttp.ClientSession(stack.base, headers=stack.headers) as session:
        for number, text in enumerate(PAYLOADS):
            events = [{"created": True, "event": text[:100]}]
            settings = {"conversions": {"events": events, "consent_keys": [text[:1_000]]}}
            conversion = {
                "type": "meta_conversions",
                "name": text[:200],
                "is_active": False,
                "credentials": credentials,
                "settings": settings,
            }
            suppression = {"email": f"{'w' * 60}{number}@example.com", "note": text[:200]}
            for path, body in (("integrations", conversion), ("suppressions", suppression)):
                async with session.post(f"/api/v1/{path}", json=body) as answer:
                    assert answer.status in (201, 422), await answer.text()


async def bring_hostile_sources(stack: Stack) -> None:
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
