"""Meta's notices on a running LeadHub: each lead is fetched once, while its API and our own processes fail."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.lead_apis import SECRET, TOKEN, LeadApis, meta_lead, serving_lead_apis
from tests.support.stack import Stack, running_stack
from tests.support.waiting import background, until_async

pytestmark = pytest.mark.e2e

LEADS = 60
DECIDED_SQL = """
SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE state = 'done') FROM submissions
WHERE channel LIKE 'integration:%'
"""
INTEGRATION = {
    "type": "meta_lead_ads",
    "name": "Our page",
    "credentials": {"app_secret": SECRET, "verify_token": "verify", "page_access_token": TOKEN},
}


@asynccontextmanager
async def running(folder: Path, apis: LeadApis) -> AsyncIterator[tuple[Stack, aiohttp.ClientSession]]:
    """A LeadHub that fetches from these APIs, and a client of its API."""
    env = {"LEADHUB_META_URL": apis.url, "LEADHUB_WORKERS": "2"}
    async with (
        background(running_stack(folder, env)) as stack,
        aiohttp.ClientSession(f"{stack.base}/api/v1/", headers=stack.headers) as session,
    ):
        yield stack, session


async def ask(session: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with session.request(method, path, json=body) as answer:
        return answer.status, await answer.json()


async def notify(session: aiohttp.ClientSession, url: str, lead_ids: Sequence[str]) -> None:
    """Post what Meta posts, until it is acknowledged: so does Meta."""
    changes = [{"field": "leadgen", "value": {"leadgen_id": id_, "page_id": "1"}} for id_ in lead_ids]
    body = json.dumps({"object": "page", "entry": [{"id": "1", "changes": changes}]}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}

    async def is_acknowledged() -> bool:
        async with session.post(url, data=body, headers=headers) as answer:
            return answer.status == 200

    await until_async(is_acknowledged, 20, "an acknowledgement")


async def until_counted(session: aiohttp.ClientSession, n: int) -> None:
    async def are_there() -> bool:
        _, found = await ask(session, "GET", "leads?per_page=1")
        return bool(found["meta"]["total"] >= n)

    await until_async(are_there, 120, f"{n} leads")


@pytest.mark.extended
async def test_every_lead_is_fetched_once_whatever_dies(tmp_path: Path) -> None:
    async with serving_lead_apis() as apis, running(tmp_path / "data", apis) as (stack, session):
        leads = [meta_lead(number) for number in range(LEADS)]
        apis.leads = {lead["id"]: lead for lead in leads}
        _, made = await ask(session, "POST", "integrations", INTEGRATION)
        integration = made["data"]
        apis.open.clear()
        apis.add_trouble(500, 429, 500, headers={"Retry-After": "1"})
        async with aiohttp.ClientSession() as meta:
            for start in range(0, LEADS, 20):
                await notify(meta, integration["webhook_url"], [lead["id"] for lead in leads[start : start + 20]])
            await until_async(lambda: bool(apis.asked), 30, "a request")
            await asyncio.to_thread(stack.kill, "worker")  # with requests under way
            apis.open.set()
            with stack.away("broker"):  # the sweeper fetches alone
                await notify(meta, integration["webhook_url"], list(apis.leads))  # and Meta repeats itself
                await until_async(lambda: len(apis.asked) > 20, 60, "requests without a broker")
        await until_counted(session, LEADS)
        with stack.database() as database:
            [found] = database.execute(DECIDED_SQL).fetchall()
            assert found == (LEADS, LEADS, LEADS)
            assert database.execute("SELECT count(*) FROM leads WHERE email LIKE 'ada%'").fetchone() == (LEADS,)
            assert database.execute("SELECT count(*) FROM source_fetches").fetchone() == (0,)
        _, shown = await ask(session, "GET", f"integrations/{integration['id']}")
        assert shown["data"]["last_error"] is None
        status = await asyncio.to_thread(stack.status)
        assert (status["pending"], status["accepted"] - status["done"]) == (0, 0)
        await backfill(session, apis, integration)


async def backfill(session: aiohttp.ClientSession, apis: LeadApis, integration: dict[str, Any]) -> None:
    """What no webhook announced is added by a backfill, and nothing else."""
    missed = [meta_lead(number) for number in range(LEADS, LEADS + 3)]
    apis.leads |= {lead["id"]: lead for lead in missed}
    path = f"integrations/{integration['id']}/backfill"
    status, made = await ask(session, "POST", path, {"since": "2026-03-01"})
    assert (status, made["data"]["kind"]) == (202, "backfill")
    job: dict[str, Any] = {}

    async def has_ended() -> bool:
        _, found = await ask(session, "GET", f"jobs/{made['data']['id']}")
        job.update(found["data"])
        return job["finished_at"] is not None

    await until_async(has_ended, 60, "the end of the backfill")
    assert (job["state"], job["done"], job["skipped"], job["total"]) == ("done", 3, LEADS, LEADS + 3)
    await until_counted(session, LEADS + 3)
    assert (await ask(session, "POST", path, {"since": "2999-01-01"}))[0] == 422
    assert (await ask(session, "POST", path, {}))[0] == 422
    _, other = await ask(session, "POST", "integrations", {"type": "webhook", "name": "A form"})
    status, _ = await ask(session, "POST", f"integrations/{other['data']['id']}/backfill", {"since": "2026-03-01"})
    assert status == 409
