"""The feed of events as clients read it: by cursor, waiting, narrowed to types, within their own workspace."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from services.api.event_waiters import WAITERS_PER_KEY
from tests.contract.operation_catalogue import operations
from tests.contract.records import check_answer
from tests.contract.service import Answer, Service, ask, new_email
from tests.contract.workspaces import Workspace, new_workspace
from tests.support.waiting import until_async

SAFE_SECONDS = 40
EVENTS = operations("/api/v1/events")["GET"]
WRITERS, LEADS_EACH = 8, 12


@pytest_asyncio.fixture
async def ours(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as workspace:
        yield workspace


async def feed(client: aiohttp.ClientSession, **query: Any) -> Answer:
    """The answer to a request, which is as the document says."""
    answer = await ask(client, "GET", "/api/v1/events", params=query)
    check_answer(EVENTS, answer)
    return answer


async def cursor_now(workspace: Workspace) -> str:
    answer = await feed(workspace.client, after="now")
    assert (answer.status, answer.body["data"]) == (200, [])
    return str(answer.body["meta"]["next_cursor"])


async def read_all(client: aiohttp.ClientSession, cursor: str, count: int, **query: Any) -> list[dict[str, Any]]:
    """Events after a cursor until there are so many. Waits for them."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        answer = await feed(client, after=cursor, wait=20, **query)
        assert answer.status == 200, answer.raw
        assert answer.body["data"], f"{len(found)} of {count} events came"
        found += answer.body["data"]
        cursor = answer.body["meta"]["next_cursor"]
    return found


async def test_waiting_request_is_answered_by_the_next_event(ours: Workspace) -> None:
    cursor = await cursor_now(ours)
    waiting = asyncio.create_task(feed(ours.client, after=cursor, wait=25))
    lead_id = await ours.lead(first_name="Ada", tags=["vip"])
    answer = await waiting
    assert [body["event"] for body in answer.body["data"]][:1] == ["lead.created"]
    assert answer.body["data"][0]["lead"]["id"] == lead_id
    found = await read_all(ours.client, cursor, 2)
    assert [body["event"] for body in found] == ["lead.created", "tag.added"]
    oldest = await feed(ours.client)  # without a cursor it begins with the oldest
    assert oldest.body["data"] == found
    last = oldest.body["meta"]["next_cursor"]
    assert (await feed(ours.client, after=last)).body == {"data": [], "meta": {"next_cursor": last}}


async def test_request_that_waits_in_vain_is_answered_in_time_and_goes_on(ours: Workspace) -> None:
    cursor = await cursor_now(ours)
    began = time.monotonic()
    answer = await feed(ours.client, after=cursor, wait=1, types="lead.merged")
    assert time.monotonic() - began >= 1
    assert answer.body == {"data": [], "meta": {"next_cursor": cursor}}
    await ours.lead()
    await read_all(ours.client, cursor, 1)
    later = await feed(ours.client, after=cursor, types="lead.merged")  # it passes over what it did not ask for
    assert later.body["data"] == []
    assert later.body["meta"]["next_cursor"] != cursor


async def test_reader_gets_each_event_of_eight_writers_once(ours: Workspace) -> None:
    cursor = await cursor_now(ours)

    async def write(writer: int) -> list[int]:
        if writer % 2:
            return [await ours.lead() for _ in range(LEADS_EACH)]
        made = [await ours.make("/leads", {"first_name": "X", "email": new_email()}) for _ in range(LEADS_EACH)]
        return [record["id"] for record in made]

    reading = asyncio.create_task(read_all(ours.client, cursor, WRITERS * LEADS_EACH, types="lead.created", limit=7))
    written = [id_ for part in await asyncio.gather(*map(write, range(WRITERS))) for id_ in part]
    read = [body["lead"]["id"] for body in await reading]
    assert len(read) == len(set(read))
    assert sorted(read) == sorted(written)
    assert [body["lead"]["id"] for body in await read_all(ours.client, cursor, len(read))] == read


async def test_events_of_another_workspace_never_appear(service: Service, ours: Workspace) -> None:
    async with new_workspace(service) as theirs:
        mine, foreign = await cursor_now(ours), await cursor_now(theirs)
        await asyncio.gather(*(workspace.lead() for workspace in (ours, theirs) for _ in range(5)))
        read = [await read_all(workspace.client, cursor, 5) for workspace, cursor in ((ours, mine), (theirs, foreign))]
        ids = [{body["lead"]["id"] for body in part} for part in read]
        assert [len(part) for part in ids] == [5, 5]
        assert not ids[0] & ids[1]
        refused = await feed(ours.client, after=foreign)
        assert (refused.status, list(refused.body["errors"])) == (422, ["after"])


@pytest.mark.parametrize(
    "query",
    [
        *({"after": text} for text in ("x", "NOW", "ev-1", "ev-1-x", "ev-999999999-0", "x" * 200)),
        *({"types": text} for text in ("lead.created,shoe", "*", "lead.score_changed", ",,", " , ")),
        *({"wait": text} for text in ("0", "-1", "26", "x", "1.5", "9" * 30)),
        *({"limit": text} for text in ("0", "101", "-1", "x", "")),
    ],
    ids=str,
)
async def test_wrong_values_are_refused_by_name(ours: Workspace, query: dict[str, str]) -> None:
    answer = await feed(ours.client, **query)
    assert (answer.status, list(answer.body["errors"])) == (422, list(query))


async def test_cursor_whose_events_are_gone_is_told_the_oldest(service: Service, ours: Workspace) -> None:
    cursor = await cursor_now(ours)
    await ours.lead()
    await read_all(ours.client, cursor, 1)
    with service.stack.database() as database:
        workspace_id = (await ours.ask("GET", "/me")).body["data"]["workspace"]["id"]
        database.execute("UPDATE event_feeds SET expired_position = 1 WHERE workspace_id = %s", (workspace_id,))
    answer = await feed(ours.client, after=cursor)
    assert (answer.status, answer.code) == (410, "GONE")
    assert (await feed(ours.client, after=answer.body["oldest_cursor"])).status == 200


async def test_both_scopes_are_needed(ours: Workspace) -> None:
    paths = ("/api/v1/events", "/api/v1/webhooks/samples?event=lead.created")
    for scopes, status in (
        (("read:integrations",), 403),
        (("read:leads", "write:integrations"), 403),
        (("read:integrations", "read:leads"), 200),
    ):
        async with await ours.client_with(*scopes) as client:
            for path in paths:
                assert (await ask(client, "GET", path)).status == status, (scopes, path)


async def test_waiting_requests_of_a_key_are_bounded_and_hold_no_connection(ours: Workspace) -> None:
    cursor = await cursor_now(ours)
    async with await ours.client_with("*") as second, await ours.client_with("*") as third:
        keys = [*([ours.client] * (WAITERS_PER_KEY + 1)), *([second, third] * WAITERS_PER_KEY)]
        waiting = [asyncio.create_task(feed(client, after=cursor, wait=25)) for client in keys]
        done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        [refused] = [task.result() for task in done]
        assert (refused.status, refused.code) == (429, "RATE_LIMITED")
        assert int(refused.headers["Retry-After"]) > 0
        assert (await feed(ours.client, after=cursor)).status == 200  # who does not wait is not counted
        # More wait than the process has connections: all others are answered all the same.
        answers = await asyncio.gather(*(ours.ask("GET", "/tags") for _ in range(10)))
        assert {answer.status for answer in answers} == {200}
        await ours.lead()
        found = await asyncio.gather(*pending)
        assert {answer.status for answer in found} == {200}
        assert all(answer.body["data"] for answer in found)
    assert (await feed(ours.client, after=cursor, wait=1)).status == 200  # its place is free again


async def test_events_are_gathered_so_that_a_key_lasts_for_its_hour(service: Service, ours: Workspace) -> None:
    cursor = await cursor_now(ours)
    left = 3600 - time.time() % 3600
    await asyncio.sleep(left if left < SAFE_SECONDS else 0)  # the next hour begins with all requests
    limited = {"name": "x", "scopes": ["read:integrations", "read:leads"], "rate_limit": 10}
    async with service.client((await ours.make("/api-keys", limited))["key"]) as client:
        await ours.lead()
        for _ in range(4):
            assert (await feed(client, after=cursor, wait=5)).body["data"]  # at once
        began = time.monotonic()
        gathered = asyncio.create_task(feed(client, after=cursor, wait=3))
        await ours.lead()
        await ours.lead()
        answer = await gathered
        assert len(answer.body["data"]) == 3
        assert time.monotonic() - began >= 3
        full = await feed(client, after=cursor, wait=25, limit=3)
        assert len(full.body["data"]) == 3
        assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    ("method", "changes", "status"), [("DELETE", None, 401), ("PATCH", {"scopes": ["submit:leads"]}, 403)]
)
async def test_request_that_waits_does_not_outlive_its_key(
    service: Service, ours: Workspace, method: str, changes: dict[str, Any] | None, status: int
) -> None:
    cursor = await cursor_now(ours)
    made = await ours.make("/api-keys", {"name": "test", "scopes": ["read:integrations", "read:leads"]})
    async with service.client(made["key"]) as client:
        waiting = asyncio.create_task(feed(client, after=cursor, wait=25))
        await asyncio.wait([waiting], timeout=0.5)
        assert (await ours.ask(method, f"/api-keys/{made['id']}", changes)).status in (200, 204)

        async def has_ended() -> bool:
            return (await feed(client, after=cursor)).status == status

        await until_async(has_ended, what="the end of the key")
        await ours.lead()
        answer = await waiting
        assert (answer.status, "data" in answer.body) == (status, False)


async def test_place_of_a_client_that_left_is_free_again(service: Service, ours: Workspace) -> None:
    cursor = await cursor_now(ours)
    key = (await ours.make("/api-keys", {"name": "test", "scopes": ["*"]}))["key"]
    async with service.client(key) as leaving:
        tasks = [asyncio.create_task(feed(leaving, after=cursor, wait=25)) for _ in range(WAITERS_PER_KEY)]
        await asyncio.wait(tasks, timeout=0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    async with service.client(key) as client:
        deadline = time.monotonic() + 20  # less than they would have waited
        while (await feed(client, after=cursor, wait=1)).status == 429:
            assert time.monotonic() < deadline


async def test_samples_are_real_events_or_one_that_says_it_is_none(ours: Workspace) -> None:
    async def samples(event: str) -> list[dict[str, Any]]:
        answer = await ask(ours.client, "GET", "/api/v1/webhooks/samples", params={"event": event})
        check_answer(operations("/api/v1/webhooks/samples")["GET"], answer)
        assert answer.status == 200
        found: list[dict[str, Any]] = answer.body["data"]
        return found

    for event in ("lead.created", "lead.deleted", "source.silent", "lead.merged"):
        [made] = await samples(event)
        assert (made["event"], made["test"]) == (event, True)
    ids = [await ours.lead(first_name=name, tags=["vip"]) for name in ("A", "B", "C", "D")]
    for event in ("lead.created", "tag.added"):  # from the timelines: nothing was recorded
        found = await samples(event)
        assert [body["lead"]["id"] for body in found] == ids[:0:-1]
        assert {body["event"] for body in found} == {event}
        assert not any("test" in body for body in found)
        assert await samples(event) == found
    cursor = await cursor_now(ours)
    await ours.lead(first_name="E")
    recorded = await read_all(ours.client, cursor, 1)
    assert await samples("lead.created") == recorded
