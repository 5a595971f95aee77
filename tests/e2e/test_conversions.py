"""Conversions on a running LeadHub: each event reaches Meta while its API and our own processes fail."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.ad_platforms import AdPlatforms, serving_ad_platforms
from tests.support.conversions import META_CREDENTIALS
from tests.support.stack import Stack, running_stack
from tests.support.waiting import background, until_async

pytestmark = [pytest.mark.e2e, pytest.mark.extended]

LEADS, QUALIFIED = 80, 25
EVENTS = [
    {"created": True, "event": "Lead"},
    {"status": "qualified", "event": "Qualified", "value": 50, "currency": "EUR"},
    {"status": "lost", "event": "Bad"},
]
INTEGRATION = {
    "type": "meta_conversions",
    "name": "Meta",
    "credentials": META_CREDENTIALS,
    "settings": {"conversions": {"events": EVENTS, "without_consent": "send", "test_event_code": "TEST7"}},
}


async def ask(session: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with session.request(method, path, json=body) as answer:
        return answer.status, await answer.json()


async def test_each_event_is_told_once_whatever_dies(tmp_path: Path) -> None:
    async with serving_ad_platforms() as platforms:
        env = {"LEADHUB_META_URL": platforms.url, "LEADHUB_WORKERS": "2"}
        async with (
            background(running_stack(tmp_path / "data", env)) as stack,
            aiohttp.ClientSession(f"{stack.base}/api/v1/", headers=stack.headers) as session,
        ):
            await tell_of_leads(platforms, stack, session)
            await check_what_is_shown(platforms, session)
            logs = "".join(file.read_text(errors="replace") for file in (tmp_path / "data" / "logs").iterdir())
            assert "conversion" in logs
            for word in ("ada0@example.com", META_CREDENTIALS["access_token"], first_address_digest(platforms)):
                assert word not in logs


def first_address_digest(platforms: AdPlatforms) -> str:
    return str(next(iter(platforms.taken.values()))["user_data"]["em"][0])


async def tell_of_leads(platforms: AdPlatforms, stack: Stack, session: aiohttp.ClientSession) -> None:
    status, made = await ask(session, "POST", "integrations", INTEGRATION)
    assert (status, made["data"]["credentials"]["access_token"]) == (201, "********aset")
    platforms.open.clear()
    platforms.refused.add("Bad")
    ids = []
    for number in range(LEADS):
        fields = {"first_name": "Ada", "email": f"ada{number}@example.com"}
        status, lead = await ask(session, "POST", "leads", fields)
        assert status == 201
        ids.append(lead["data"]["id"])
    await until_async(lambda: bool(platforms.asked), 30, "a request")
    await asyncio.to_thread(stack.kill, "worker")  # with requests under way
    platforms.add_trouble(500, 429, headers={"Retry-After": "1"})
    platforms.open.set()
    with stack.away("broker"):  # the sweeper sends alone
        for id_ in ids[:QUALIFIED]:
            assert (await ask(session, "PATCH", f"leads/{id_}", {"status": "qualified"}))[0] == 200
        assert (await ask(session, "PATCH", f"leads/{ids[-1]}", {"status": "lost"}))[0] == 200
        await until_async(lambda: "Qualified" in platforms.names_taken(), 90, "an event without a broker")

    def is_all_told() -> bool:
        with stack.database() as database:
            left = database.execute("SELECT count(*) FROM conversions WHERE state = 'pending'").fetchone()
            told = database.execute("SELECT count(*) FROM conversions").fetchone()
            return (left, told) == ((0,), (LEADS + QUALIFIED + 1,))

    await until_async(lambda: asyncio.to_thread(is_all_told), 120, "all events")
    assert platforms.names_taken() == ["Lead"] * LEADS + ["Qualified"] * QUALIFIED
    with stack.database() as database:
        asked = "SELECT state, count(*) FROM conversions GROUP BY 1 ORDER BY 1"
        assert database.execute(asked).fetchall() == [("failed", 1), ("sent", LEADS + QUALIFIED)]
        twice = "SELECT lead_id, event FROM conversions GROUP BY 1, 2 HAVING count(*) > 1"
        assert database.execute(twice).fetchall() == []
    _, activities = await ask(session, "GET", f"leads/{ids[0]}/activities")
    kinds = [one["type"] for one in activities["data"]]
    assert kinds.count("conversion.sent") == 2


async def check_what_is_shown(platforms: AdPlatforms, session: aiohttp.ClientSession) -> None:
    _, found = await ask(session, "GET", "integrations")
    path = f"integrations/{found['data'][0]['id']}"
    status, sent = await ask(session, "POST", f"{path}/test-event", {"event": "Qualified"})
    assert (status, sent["data"]["kind"], sent["data"]["lead_id"]) == (202, "conversion", None)

    async def is_sent() -> bool:
        _, delivery = await ask(session, "GET", f"deliveries/{sent['data']['id']}")
        return bool(delivery["data"]["state"] == "sent")

    await until_async(is_sent, 30, "the test event")
    assert [one["test_event_code"] for one in platforms.tests] == ["TEST7"]
    status, checked = await ask(session, "GET", f"{path}/check")
    assert status == 200
    steps = {step["step"]: step for step in checked["data"]["steps"]}
    assert list(steps) == ["active", "credentials", "events", "skipped", "last_sent"]
    assert steps["events"]["seen"] == "These events are sent: Lead, Qualified, Bad."
    assert f"Of the recent events: {LEADS + QUALIFIED} sent, 0 waiting, 1 failed." in steps["last_sent"]["seen"]
