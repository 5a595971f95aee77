"""Requests per key and clock hour."""

import asyncio
import time

import aiohttp
import pytest

from tests.contract.service import BATCH, HOUR, INBOUND, LIMIT_HEADERS, Answer, Service, ask, new_email, post_lead

pytestmark = pytest.mark.usefixtures("one_hour")

REQUESTS: list[tuple[int, str, str, bytes | None]] = [
    (200, "POST", BATCH, b'[{"email":"one@example.com"},{"email":"two@example.com"},{}]'),
    (201, "POST", INBOUND, b'{"email":"one@example.com"}'),
    (422, "POST", INBOUND, b"{}"),
    (400, "POST", INBOUND, b"{"),
    (403, "GET", "/api/v1/leads", None),
    (404, "GET", "/api/v1/nothing", None),
    (405, "DELETE", "/api/v1/leads", None),
]


def limits_of(answer: Answer) -> tuple[int, ...]:
    """Limit, remaining and reset as an answer tells them."""
    return tuple(int(answer.headers[name]) for name in LIMIT_HEADERS)


async def test_five_are_answered_and_the_sixth_is_not(service: Service) -> None:
    async with service.client(service.make_key("*", rate_limit=5)) as session:
        for used in range(1, 6):
            answer = await ask(session, "GET", "/api/v1/me")
            limit, remaining, reset = limits_of(answer)
            assert (answer.status, limit, remaining) == (200, 5, 5 - used)
            assert reset % HOUR == 0
            assert 0 < reset - time.time() <= HOUR
        for _ in range(3):
            before = time.time()
            answer = await ask(session, "GET", "/api/v1/me")
            assert (answer.status, answer.code) == (429, "RATE_LIMITED")
            assert limits_of(answer)[:2] == (5, 0)
            assert 0 < int(answer.headers["Retry-After"]) <= HOUR
            answered_at = limits_of(answer)[2] - int(answer.headers["Retry-After"])
            assert before - 1 <= answered_at <= time.time() + 1


async def test_a_hundred_at_once_share_one_exact_count(service: Service) -> None:
    async with service.client(service.make_key("*", rate_limit=40)) as session:
        answers = await asyncio.gather(*(ask(session, "GET", "/api/v1/me") for _ in range(100)))
    granted = [answer for answer in answers if answer.status == 200]
    assert len(granted) == 40
    assert {answer.status for answer in answers} == {200, 429}
    assert sorted(limits_of(answer)[1] for answer in granted) == list(range(40))


async def test_every_request_of_a_busy_key_is_counted(service: Service) -> None:
    """For longer than a process holds what it claimed ahead."""
    async with service.client(service.make_key("*", rate_limit=100_000)) as session:
        until_then, remaining = time.monotonic() + 3, []
        while time.monotonic() < until_then:
            answers = await asyncio.gather(*(ask(session, "GET", "/api/v1/me") for _ in range(5)))
            remaining += sorted((limits_of(answer)[1] for answer in answers), reverse=True)
    assert remaining == list(range(99_999, 99_999 - len(remaining), -1))


async def test_a_refused_request_changes_nothing(service: Service, client: aiohttp.ClientSession) -> None:
    email = new_email()
    async with service.client(service.make_key("*", rate_limit=1)) as session:
        assert (await ask(session, "GET", "/api/v1/me")).status == 200
        assert (await post_lead(session, {"email": email})).status == 429
    assert (await post_lead(client, {"email": email})).body["is_duplicate"] is False


async def test_every_status_counts_one_and_a_batch_too(service: Service) -> None:
    async with service.client(service.make_key("write:leads", rate_limit=100)) as session:
        for used, (status, method, path, body) in enumerate(REQUESTS, 1):
            answer = await ask(session, method, path, data=body, headers={"Content-Type": "application/json"})
            assert (answer.status, limits_of(answer)[1]) == (status, 100 - used), answer.raw


async def test_refused_keys_and_preflights_do_not_count(service: Service, nobody: aiohttp.ClientSession) -> None:
    async with service.client(service.make_key("*", rate_limit=9)) as session:
        for _ in range(3):
            await ask(session, "OPTIONS", "/api/v1/leads")
            await ask(nobody, "GET", "/api/v1/leads")
            await ask(session, "GET", "/api/v1/me", headers={"Authorization": "Bearer lh_x"})
        assert limits_of(await ask(session, "GET", "/api/v1/me"))[1] == 8


async def test_an_unlimited_key_is_told_a_very_large_number(client: aiohttp.ClientSession) -> None:
    limit, remaining, _ = limits_of(await ask(client, "GET", "/api/v1/me"))
    assert (limit, remaining) == (2147483647, 2147483647)


async def test_a_key_has_a_thousand_an_hour_by_default(service: Service) -> None:
    words = ("--workspace", "main", "--name", "default", "--scopes", "read:leads")
    made = service.stack.run("key", "create", *words).stdout
    async with service.client(made.strip()) as session:
        assert limits_of(await ask(session, "GET", "/api/v1/me"))[:2] == (1000, 999)
