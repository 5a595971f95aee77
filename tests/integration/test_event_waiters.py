"""Requests that wait for events: they ask the database nothing, hear what a lost notification told, and end in time."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from prometheus_client import REGISTRY

from services.api.event_waiters import EVENT_WAITERS, EventWaiters
from shared.auth import installation_keys
from shared.outbound.event_feed import NewFeedEvent, announce_news, record_events
from shared.platform.db.connections import Connection
from shared.service_app.app import NOTIFICATION_LISTENER
from tests.support.feeds import event_of
from tests.support.ingesting import workspace_id
from tests.support.serving import served, settings_of
from tests.support.waiting import until_async

pytestmark = pytest.mark.integration

WAITING = 40


class Reader:
    """A client, and the application that it asks."""

    def __init__(self, client: aiohttp.ClientSession, app: web.Application, key: str) -> None:
        self.app, self._client = app, client
        self._headers = {"Authorization": f"Bearer {key}"}

    async def ask(self, **query: Any) -> tuple[int, Any]:
        async with self._client.get("/api/v1/events", params=query, headers=self._headers) as answer:
            return answer.status, await answer.json()

    async def waiting(self, count: int = 1, **query: Any) -> list[asyncio.Task[tuple[int, Any]]]:
        """So many requests that wait by now."""
        _, body = await self.ask(after="now")
        query = {"after": body["meta"]["next_cursor"], "wait": 25, **query}
        tasks = [asyncio.create_task(self.ask(**query)) for _ in range(count)]

        async def all_wait() -> bool:
            return len(waiters_of(self.app)) == count

        await until_async(all_wait)
        return tasks


def waiters_of(app: web.Application) -> set[Any]:
    return app[EVENT_WAITERS]._waiters


@pytest_asyncio.fixture
async def reader(database_url: str, database: Connection, tmp_path: Path) -> AsyncIterator[Reader]:
    key = await installation_keys.create_key(database, "main", "tests", ["*"], rate_limit=None)
    async with served(settings_of(database_url, tmp_path)) as (client, app):
        yield Reader(client, app, key.key.secret)


async def record(database: Connection) -> None:
    async with database.transaction():
        events: list[NewFeedEvent] = [event_of(await workspace_id(database), 1, 1)]
        news = await record_events(database, events)
    assert news
    await announce_news(database, news)


async def test_waiting_requests_hold_no_connection_and_are_woken_at_once(
    reader: Reader, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.event_waiters.WAITERS_PER_KEY", WAITING)
    tasks = await reader.waiting(WAITING)
    status, _ = await reader.ask(after="now")  # more wait than there are connections
    assert status == 200
    began = time.monotonic()
    await record(database)
    found = await asyncio.gather(*tasks)
    assert time.monotonic() - began < 20
    assert {(status, len(body["data"])) for status, body in found} == {(200, 1)}
    assert waiters_of(reader.app) == set()


async def test_event_whose_notification_is_lost_is_found_soon(
    reader: Reader, database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    monkeypatch.setattr(EventWaiters, "_on_notification", lambda _, payload: heard.append(payload))
    await reader.app[NOTIFICATION_LISTENER].stop()
    [task] = await reader.waiting()
    await record(database)
    status, body = await task
    assert (status, len(body["data"]), heard) == (200, 1, [])


async def test_other_types_wake_nobody(reader: Reader, database: Connection) -> None:
    [task] = await reader.waiting(types="lead.merged", wait=1)
    await record(database)
    status, body = await task
    assert (status, body["data"]) == (200, [])
    assert body["meta"]["next_cursor"] == (await reader.ask(after="now"))[1]["meta"]["next_cursor"]


async def test_process_that_ends_answers_those_who_wait(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    key = await installation_keys.create_key(database, "main", "tests", ["*"], rate_limit=None)
    async with served(settings_of(database_url, tmp_path)) as (client, app):
        [task] = await Reader(client, app, key.key.secret).waiting()
        began = time.monotonic()
        app[EVENT_WAITERS].close()
        status, body = await task
        assert (status, body["data"]) == (200, [])
    assert time.monotonic() - began < 20


def figure(name: str) -> float:
    """A figure of the requests for events."""
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples if sample.name == name]
    return sum(sample.value for sample in samples if sample.labels.get("route") == "/api/v1/events")


async def test_time_spent_waiting_is_no_time_of_the_request(reader: Reader) -> None:
    seconds, requests = figure("leadhub_request_seconds_sum"), figure("leadhub_request_seconds_count")
    for _ in range(2):
        assert (await reader.ask(after="now", wait=2))[0] == 200

    async def are_counted() -> bool:
        return figure("leadhub_request_seconds_count") == requests + 2

    await until_async(are_counted)
    assert figure("leadhub_request_seconds_sum") - seconds < 3


async def test_more_than_a_process_can_hold_are_refused(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.api.event_waiters.MAX_WAITERS", 2)
    await reader.waiting(2)
    async with asyncio.timeout(20):
        status, body = await reader.ask(after="now", wait=25)
    assert (status, body["code"]) == (503, "SERVICE_UNAVAILABLE")


async def test_workspace_leaves_places_to_others(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.api.event_waiters.WAITERS_PER_WORKSPACE", 2)
    await reader.waiting(2)
    async with asyncio.timeout(20):
        status, body = await reader.ask(after="now", wait=25)
    assert (status, body["message"]) == (429, "2 requests of this workspace wait for events already.")
